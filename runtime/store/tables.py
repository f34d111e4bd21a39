"""Every table of the store, declared once. Migrations make exactly these.

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


def _text(name: str, *, key: bool = False, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=null)


def _time(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Instant, nullable=null)


def _number(name: str, *, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, primary_key=key, autoincrement=False, nullable=False)


EVENT_STREAMS: Final = sa.Table(
    "event_streams",
    METADATA,
    _text("stream", key=True),
    _number("position"),
    _number("oldest"),
)

EVENTS: Final = sa.Table(
    "events",
    METADATA,
    _text("stream", key=True),
    _number("position", key=True),
    _text("event_id"),
    _text("type"),
    _text("system"),
    _text("source_event_id"),
    _text("key"),
    _text("subjects"),
    _text("correlation_id"),
    _time("occurred_at"),
    _time("recorded_at"),
    sa.Column("applied", sa.Boolean, nullable=False),
    _text("traceparent", null=True),
    _text("data"),
    sa.UniqueConstraint("event_id"),
    sa.UniqueConstraint("system", "source_event_id"),
    sa.Index(None, "correlation_id"),
    sa.Index(None, "type", "recorded_at"),
)

EVENT_SUBJECTS: Final = sa.Table(
    "event_subjects",
    METADATA,
    _text("subject", key=True),
    _text("stream", key=True),
    _number("position", key=True),
    sqlite_with_rowid=False,
)

STATES: Final = sa.Table(
    "states",
    METADATA,
    _text("entity", key=True),
    _text("system", key=True),
    _text("key", key=True),
    _time("occurred_at"),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

DELIVERIES: Final = sa.Table(
    "deliveries",
    METADATA,
    _text("system", key=True),
    _text("delivery_id", key=True),
    _time("recorded_at"),
    _text("outcome"),
    sa.Index(None, "recorded_at"),
)

DEAD_LETTERS: Final = sa.Table(
    "dead_letters",
    METADATA,
    _text("id", key=True),
    _text("system"),
    _text("way"),
    _text("reason"),
    _text("message"),
    _text("content_type", null=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    _text("headers"),
    _time("received_at"),
    _text("status"),
    _text("decided_by", null=True),
    _time("decided_at", null=True),
    _text("note", null=True),
    _text("result", null=True),
    sa.Index(None, "status", "id"),
)

LEASES: Final = sa.Table(
    "leases",
    METADATA,
    _text("name", key=True),
    _text("holder"),
    _time("until"),
    _number("token"),
)

POSITIONS: Final = sa.Table(
    "positions",
    METADATA,
    _text("name", key=True),
    _text("value"),
    _number("token"),
    _time("updated_at"),
)

AUDIT: Final = sa.Table(
    "audit",
    METADATA,
    _number("position", key=True),
    _text("entry_id"),
    _time("at"),
    _text("kind"),
    _text("actor"),
    _text("action"),
    _text("subject"),
    _text("decision"),
    _text("correlation_id"),
    _text("finishes", null=True),
    _text("content"),
    _text("hash"),
    sa.UniqueConstraint("entry_id"),
    sa.Index(None, "at"),
    sa.Index(None, "actor", "position"),
    sa.Index(None, "correlation_id"),
    sa.Index(None, "finishes"),
)

AUDIT_CHAIN: Final = sa.Table(
    "audit_chain", METADATA, _text("name", key=True), _number("position"), _text("hash")
)

USAGE_OPERATIONS: Final = sa.Table(
    "usage_operations",
    METADATA,
    _text("operation", key=True),
    _text("name"),
    _text("kind"),
    _text("coordinates"),
    _text("last_day"),
)

USAGE: Final = sa.Table(
    "usage",
    METADATA,
    _text("day", key=True),
    _text("operation", key=True),
    _text("client", key=True),
    _text("version", key=True),
    _number("count"),
)

API_KEYS: Final = sa.Table(
    "api_keys",
    METADATA,
    _text("id", key=True),
    _text("name"),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    _text("grants"),
    _text("created_by"),
    _time("created_at"),
    _time("expires_at"),
    _time("last_used_at", null=True),
    _time("revoked_at", null=True),
    sa.Index(None, "name"),
)
