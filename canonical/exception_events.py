"""What events say of exceptions, in the sense of operations."""

from typing import Annotated

from msgspec import Meta

from canonical.event_streams import EventData
from canonical.exceptions import (
    ExceptionAction,
    ExceptionCategory,
    ExceptionSeverity,
    ExceptionState,
)


class ExceptionChanged(EventData, frozen=True, kw_only=True):
    """Something that a person has to look at came up, or something happened to it."""

    exception: Annotated[str, Meta(description="Id of the exception.")]
    action: Annotated[ExceptionAction, Meta(description="What happened.")]
    category: Annotated[ExceptionCategory, Meta(description="What kind of trouble it is.")]
    severity: Annotated[ExceptionSeverity, Meta(description="How bad it is for the business.")]
    state: Annotated[ExceptionState, Meta(description="What has become of it.")]
    owner: Annotated[str | None, Meta(description="Who has to look at it.")] = None
    suppliers: Annotated[
        tuple[str, ...], Meta(description="Codes of the suppliers that it is about.")
    ] = ()
    items: Annotated[tuple[str, ...], Meta(description="Skus of the items that it is about.")] = ()
    regions: Annotated[tuple[str, ...], Meta(description="Regions that it is about.")] = ()
    companies: Annotated[tuple[str, ...], Meta(description="Companies that it is about.")] = ()
