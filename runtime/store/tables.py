"""Tables of the store, each declared once. Migrations make exactly these, and `process_tables`.

    event_streams   one counter row a stream: locked while a transaction appends to it
    events          the log, append-only but for retention
    event_subjects  which events are about what
    states          what was last known of each record: what observations are held against
    deliveries      reports that were taken, also those that led to no event
    dead_letters    what could not be understood, byte for byte
    leases          who may do what only one process at a time does
    positions       how far watchers and bulk runs have come
    audit           who did what: a chain of entries, append-only but for retention
    audit_chain     its end: locked while a transaction appends to it
    usage           how often each operation was asked by each client, by day
    usage_operations  what each operation asks for
    api_keys        keys of machines: what each may do, and a digest to know it by; never the key

Texts are compared exactly. Times are UTC, to the microsecond.
"""

from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

METADATA: Final = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)
_SQLITE_TIME_LENGTH: Final = 32


class Instant(TypeDecorator[datetime]):
    """A moment: `timestamptz` in PostgreSQL, ISO 8601 text in UTC that sorts in SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind: TypeEngine[Any] = (
            sa.String(_SQLITE_TIME_LENGTH)
            if dialect.name == "sqlite"
            else sa.DateTime(timezone=True)
        )
        return dialect.type_descriptor(kind)

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return datetime.fromisoformat(value) if isinstance(value, str) else value


def text_column(name: str, *, key: bool = False, null: bool = False) -> sa.Column[Any]:
    """A text."""
    return sa.Column(name, sa.Text, primary_key=key, nullable=null)


def time_column(name: str, *, null: bool = False) -> sa.Column[Any]:
    """A moment."""
    return sa.Column(name, Instant, nullable=null)


def number_column(name: str, *, key: bool = False) -> sa.Column[Any]:
    """A whole number."""
    return sa.Column(name, sa.BigInteger, primary_key=key, autoincrement=False, nullable=False)


EVENT_STREAMS: Final = sa.Table(
    "event_streams",
    METADATA,
    text_column("stream", key=True),
    number_column("position"),
    number_column("oldest"),
)

EVENTS: Final = sa.Table(
    "events",
    METADATA,
    text_column("stream", key=True),
    number_column("position", key=True),
    text_column("event_id"),
    text_column("type"),
    text_column("system"),
    text_column("source_event_id"),
    text_column("key"),
    text_column("subjects"),
    text_column("correlation_id"),
    time_column("occurred_at"),
    time_column("recorded_at"),
    sa.Column("applied", sa.Boolean, nullable=False),
    text_column("traceparent", null=True),
    text_column("data"),
    sa.UniqueConstraint("event_id"),
    sa.UniqueConstraint("system", "source_event_id"),
    sa.Index(None, "correlation_id"),
    sa.Index(None, "type", "recorded_at"),
)

EVENT_SUBJECTS: Final = sa.Table(
    "event_subjects",
    METADATA,
    text_column("subject", key=True),
    text_column("stream", key=True),
    number_column("position", key=True),
    sqlite_with_rowid=False,
)

STATES: Final = sa.Table(
    "states",
    METADATA,
    text_column("entity", key=True),
    text_column("system", key=True),
    text_column("key", key=True),
    time_column("occurred_at"),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

DELIVERIES: Final = sa.Table(
    "deliveries",
    METADATA,
    text_column("system", key=True),
    text_column("delivery_id", key=True),
    time_column("recorded_at"),
    text_column("outcome"),
    sa.Index(None, "recorded_at"),
)

DEAD_LETTERS: Final = sa.Table(
    "dead_letters",
    METADATA,
    text_column("id", key=True),
    text_column("system"),
    text_column("way"),
    text_column("reason"),
    text_column("message"),
    text_column("content_type", null=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    text_column("headers"),
    time_column("received_at"),
    text_column("status"),
    text_column("decided_by", null=True),
    time_column("decided_at", null=True),
    text_column("note", null=True),
    text_column("result", null=True),
    sa.Index(None, "status", "id"),
)

LEASES: Final = sa.Table(
    "leases",
    METADATA,
    text_column("name", key=True),
    text_column("holder"),
    time_column("until"),
    number_column("token"),
)

POSITIONS: Final = sa.Table(
    "positions",
    METADATA,
    text_column("name", key=True),
    text_column("value"),
    number_column("token"),
    time_column("updated_at"),
)

AUDIT: Final = sa.Table(
    "audit",
    METADATA,
    number_column("position", key=True),
    text_column("entry_id"),
    time_column("at"),
    text_column("kind"),
    text_column("actor"),
    text_column("action"),
    text_column("subject"),
    text_column("decision"),
    text_column("correlation_id"),
    text_column("finishes", null=True),
    text_column("content"),
    text_column("hash"),
    sa.UniqueConstraint("entry_id"),
    sa.Index(None, "at"),
    sa.Index(None, "actor", "position"),
    sa.Index(None, "correlation_id"),
    sa.Index(None, "finishes"),
)

AUDIT_CHAIN: Final = sa.Table(
    "audit_chain",
    METADATA,
    text_column("name", key=True),
    number_column("position"),
    text_column("hash"),
)

USAGE_OPERATIONS: Final = sa.Table(
    "usage_operations",
    METADATA,
    text_column("operation", key=True),
    text_column("name"),
    text_column("kind"),
    text_column("coordinates"),
    text_column("last_day"),
)

USAGE: Final = sa.Table(
    "usage",
    METADATA,
    text_column("day", key=True),
    text_column("operation", key=True),
    text_column("client", key=True),
    text_column("version", key=True),
    number_column("count"),
)

API_KEYS: Final = sa.Table(
    "api_keys",
    METADATA,
    text_column("id", key=True),
    text_column("name"),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    text_column("grants"),
    text_column("created_by"),
    time_column("created_at"),
    time_column("expires_at"),
    time_column("last_used_at", null=True),
    time_column("revoked_at", null=True),
    sa.Index(None, "name"),
)
