"""What people have to look at: exceptions, and what is decided on them."""

from operator import attrgetter
from typing import Any, Final

import strawberry

from canonical import exceptions as records
from canonical.exceptions import ExceptionFilter
from execution.fields import Column
from execution.links import REQUIRED, Argument, attribute, column, link
from resolvers import exceptions
from schema.common import AFTER, FIRST, connection_types
from schema.publishing import published, published_enum
from schema.refusals import UserError
from schema.scalars import JSON

ExceptionAction = published_enum(records.ExceptionAction)
ExceptionCategory = published_enum(records.ExceptionCategory)
ExceptionSeverity = published_enum(records.ExceptionSeverity)
ExceptionState = published_enum(records.ExceptionState)


@published(records.ExceptionEntry)
class ExceptionEntry:
    """One thing that has happened to an exception."""


@published(records.SupplyException, hide=("exception_id",))
class SupplyException:
    """Something that a person has to look at."""

    id = attribute(
        Column("exception_id", attrgetter("exception_id")),
        strawberry.ID,
        "Names the exception for good.",
    )
    details: JSON = strawberry.field(
        description="What else is known, as texts.",
        metadata={"answer": Column("details", attrgetter("details"))},
    )


SupplyExceptionConnection, SupplyExceptionEdge = connection_types(
    SupplyException, "SupplyException", "exceptions"
)


def _of(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


@strawberry.input(description="Which exceptions; all conditions that are given must hold.")
class SupplyExceptionFilter:
    """Which exceptions."""

    category: list[ExceptionCategory] | None = strawberry.field(  # type: ignore[valid-type]  # made at run time
        default=None, description="Of these categories."
    )
    severity: list[ExceptionSeverity] | None = strawberry.field(  # type: ignore[valid-type]  # made at run time
        default=None, description="So bad."
    )
    state: list[ExceptionState] | None = strawberry.field(  # type: ignore[valid-type]  # made at run time
        default=None, description="In one of these states."
    )
    owner: list[str] | None = strawberry.field(default=None, description="Of these owners.")
    subject: list[str] | None = strawberry.field(
        default=None, description="About one of these, e.g. `purchase_order:4500001`."
    )
    supplier: list[str] | None = strawberry.field(
        default=None, description="About one of these suppliers."
    )
    item: list[str] | None = strawberry.field(default=None, description="About one of these items.")
    process_id: str | None = strawberry.field(
        default=None, description="That this process waits for."
    )
    correlation_id: str | None = strawberry.field(
        default=None, description="With this correlation id."
    )
    overdue: bool | None = strawberry.field(
        default=None, description="Still open when it was to be over, or not."
    )

    def canonical(self) -> ExceptionFilter:
        """The filter as the port has it."""
        return ExceptionFilter(
            categories=_of(self.category),
            severities=_of(self.severity),
            states=_of(self.state),
            owners=_of(self.owner),
            subjects=_of(self.subject),
            suppliers=_of(self.supplier),
            items=_of(self.item),
            process_id=self.process_id,
            correlation_id=self.correlation_id,
            overdue=self.overdue,
        )


_ID: Final = "Id of the exception."


@strawberry.input(description="To whom an exception is given.")
class AssignExceptionInput:
    """To whom it is given."""

    id: strawberry.ID = strawberry.field(description=_ID)
    owner: str = strawberry.field(description="A person or a team.")


@strawberry.input(description="What is said to an exception.")
class CommentExceptionInput:
    """What is said to it."""

    id: strawberry.ID = strawberry.field(description=_ID)
    text: str = strawberry.field(description="What is said.")


@strawberry.input(description="Which exception's process is to try again.")
class RetryExceptionInput:
    """Which is to be tried again."""

    id: strawberry.ID = strawberry.field(description=_ID)


@strawberry.input(description="How an exception was settled.")
class ResolveExceptionInput:
    """How it was settled."""

    id: strawberry.ID = strawberry.field(description=_ID)
    text: str = strawberry.field(description="How it was settled, for whoever looks later.")


@strawberry.input(description="Why the process of an exception is given up.")
class CancelExceptionInput:
    """Why it is given up."""

    id: strawberry.ID = strawberry.field(description=_ID)
    reason: str = strawberry.field(description="Why; for whoever looks later.")


@strawberry.type(description="What came of a decision on an exception.")
class SupplyExceptionPayload:
    """What came of it."""

    exception: SupplyException | None = column("The exception, as it is afterwards.")
    user_errors: list[UserError] = column("Why it was refused.")


EXCEPTIONS: Final = link(
    exceptions.exceptions,
    SupplyExceptionConnection,
    "Exceptions, the latest opened first.",
    arguments={
        "filter": Argument(SupplyExceptionFilter | None, "Which exceptions."),
        "first": FIRST,
        "after": AFTER,
    },
)
EXCEPTION: Final = link(
    exceptions.exception,
    SupplyException | None,
    "The exception with an id; null if it is not there or may not be seen.",
    arguments={"id": Argument(strawberry.ID, _ID, REQUIRED)},
)


def _decision(resolve: Any, input: Any, description: str) -> Any:
    arguments = {"input": Argument(input, "Which, and what is decided.", REQUIRED)}
    return link(resolve, SupplyExceptionPayload, description, arguments=arguments)


ASSIGN_EXCEPTION: Final = _decision(
    exceptions.assign_exception, AssignExceptionInput, "Give an exception to somebody."
)
COMMENT_EXCEPTION: Final = _decision(
    exceptions.comment_exception, CommentExceptionInput, "Say something to an exception."
)
RETRY_EXCEPTION: Final = _decision(
    exceptions.retry_exception,
    RetryExceptionInput,
    "Have the process that waits go on from the step that failed. The exception closes when that "
    "is done.",
)
RESOLVE_EXCEPTION: Final = _decision(
    exceptions.resolve_exception,
    ResolveExceptionInput,
    "Say that it is settled, and how; a process that waits for it goes on after the step that "
    "failed.",
)
CANCEL_EXCEPTION: Final = _decision(
    exceptions.cancel_exception,
    CancelExceptionInput,
    "Give the process that waits up: what it has done is undone, as far as it says.",
)
