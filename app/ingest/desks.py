"""What takes in what systems send."""

from msgspec import Struct

from app.ingest.bulk import BulkDesk
from app.ingest.webhooks import HookDesk


class Ingestion(Struct, frozen=True):
    """What takes in what systems send.

    Attributes:
        hooks: Single reports.
        files: Files of rows.
    """

    hooks: HookDesk
    files: BulkDesk
