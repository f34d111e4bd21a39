"""The log of events, what is known of records, dead letters, leases, positions and the audit."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None


def _text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=null)


def _time(name: str, *, null: bool = False) -> sa.Column[Any]:
    kind = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    return sa.Column(name, kind, nullable=null)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, autoincrement=False, nullable=False)


def upgrade() -> None:
    """Make the tables."""
    _log()
    _knowledge()
    _dead_letters()
    _work()


def downgrade() -> None:
    """Drop the tables, with all that is in them."""
    for table in (
        "audit",
        "positions",
        "leases",
        "dead_letters",
        "deliveries",
        "states",
        "event_subjects",
        "events",
        "event_streams",
    ):
        op.drop_table(table)


def _log() -> None:
    op.create_table(
        "event_streams",
        _text("stream"),
        _number("position"),
        _number("oldest"),
        sa.PrimaryKeyConstraint("stream", name="pk_event_streams"),
    )
    op.create_table(
        "events",
        _text("stream"),
        _number("position"),
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
        sa.PrimaryKeyConstraint("stream", "position", name="pk_events"),
        sa.UniqueConstraint("event_id", name="uq_events_event_id"),
        sa.UniqueConstraint("system", "source_event_id", name="uq_events_system_source_event_id"),
    )
    op.create_index("ix_events_correlation_id", "events", ["correlation_id"])
    op.create_index("ix_events_type_recorded_at", "events", ["type", "recorded_at"])
    op.create_table(
        "event_subjects",
        _text("subject"),
        _text("stream"),
        _number("position"),
        sa.PrimaryKeyConstraint("subject", "stream", "position", name="pk_event_subjects"),
        sqlite_with_rowid=False,
    )


def _knowledge() -> None:
    op.create_table(
        "states",
        _text("entity"),
        _text("system"),
        _text("key"),
        _time("occurred_at"),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("entity", "system", "key", name="pk_states"),
    )
    op.create_table(
        "deliveries",
        _text("system"),
        _text("delivery_id"),
        _time("recorded_at"),
        _text("outcome"),
        sa.PrimaryKeyConstraint("system", "delivery_id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_recorded_at", "deliveries", ["recorded_at"])


def _dead_letters() -> None:
    op.create_table(
        "dead_letters",
        _text("id"),
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
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
    )
    op.create_index("ix_dead_letters_status_id", "dead_letters", ["status", "id"])


def _work() -> None:
    op.create_table(
        "leases",
        _text("name"),
        _text("holder"),
        _time("until"),
        _number("token"),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "positions",
        _text("name"),
        _text("value"),
        _number("token"),
        _time("updated_at"),
        sa.PrimaryKeyConstraint("name", name="pk_positions"),
    )
    op.create_table(
        "audit",
        _text("id"),
        _time("at"),
        _text("actor"),
        _text("action"),
        _text("subject"),
        _text("details"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
