"""What every business record has in common."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from canonical.absent import ABSENT


class Provenance(Struct, frozen=True, gc=False, array_like=True):
    """Where a record came from and how fresh it is."""

    system: Annotated[str, Meta(description="The backend's name in the manifest, e.g. `erp-eu`.")]
    key: Annotated[str, Meta(description="The record's key in that system.")]
    fetched_at: Annotated[datetime, Meta(description="When it was read from that system.")]
    stale: Annotated[
        bool, Meta(description="Served past its freshness because the system could not be asked.")
    ] = False


class Part(Struct, frozen=True, kw_only=True, gc=False):
    """A structured piece of a record, such as an order line. Columns may be absent."""


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """A business object as one system holds it. Columns that were not asked for are absent."""

    provenance: Annotated[
        Provenance, Meta(description="Where the record came from and how fresh it is.")
    ] = ABSENT
