"""Processes, recommendations, exceptions, and what is sent of them."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"

_OPEN: Final = {
    "uq_recommendations_open": ("recommendations", ["item", "location"], "status = 'PROPOSED'"),
    "uq_exceptions_open": ("exceptions", ["cause"], "closed_at IS NULL"),
}
_INDEXES: Final = (
    ("processes", ["started_at", "id"]),
    ("processes", ["state", "kind"]),
    ("processes", ["correlation_id"]),
    ("process_subjects", ["process_id"]),
    ("evaluations", ["due_at"]),
    ("recommendations", ["status", "need_by"]),
    ("recommendations", ["item"]),
    ("recommendations", ["supplier"]),
    ("exceptions", ["cause", "opened_at"]),
    ("exceptions", ["due_at"]),
    ("exceptions", ["opened_at", "id"]),
    ("exceptions", ["state", "severity"]),
    ("exceptions", ["process_id"]),
    ("exceptions", ["correlation_id"]),
    ("exception_subjects", ["exception_id"]),
    ("notifications", ["state", "next_at"]),
)
_TABLES: Final = (
    "notifications",
    "exception_entries",
    "exception_subjects",
    "exceptions",
    "recommendations",
    "evaluations",
    "process_messages",
    "process_writes",
    "process_steps",
    "process_subjects",
    "processes",
)


def _text(*names: str, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=null) for name in names]


def _time(*names: str, null: bool = False) -> list[sa.Column[Any]]:
    kind = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    return [sa.Column(name, kind, nullable=null) for name in names]


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, autoincrement=False, nullable=False)


def _key(table: str, *names: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*names, name=f"pk_{table}")


def upgrade() -> None:
    """Make the tables."""
    _processes()
    _recommendations()
    _exceptions()
    for table, columns in _INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
    for name, (table, columns, where) in _OPEN.items():
        open_ones = sa.text(where)
        op.create_index(
            name, table, columns, unique=True, sqlite_where=open_ones, postgresql_where=open_ones
        )


def _processes() -> None:
    op.create_table(
        "processes",
        *_text("id", "kind"),
        _number("version"),
        *_text("state", "correlation_id"),
        *_text("started_by", null=True),
        *_time("started_at", "updated_at"),
        *_time("ended_at", null=True),
        *_text("waits_for", "outcome", null=True),
        _key("processes", "id"),
    )
    op.create_table(
        "process_subjects",
        *_text("subject", "process_id"),
        _key("process_subjects", "subject", "process_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "process_steps",
        *_text("process_id"),
        _number("number"),
        *_text("name", "state"),
        _number("attempts"),
        *_time("started_at"),
        *_time("ended_at", null=True),
        *_text("detail", null=True),
        _key("process_steps", "process_id", "number"),
    )
    op.create_table(
        "process_writes",
        *_text("process_id", "name", "state", "holder"),
        _number("attempts"),
        *_time("until"),
        *_text("result", null=True),
        _key("process_writes", "process_id", "name"),
    )
    op.create_table(
        "process_messages",
        *_text("process_id", "name", "topic", "message"),
        *_time("sent_at"),
        *_text("taken_by", null=True),
        _key("process_messages", "process_id", "name"),
    )
    untaken = sa.text("taken_by IS NULL")
    op.create_index(
        "ix_process_messages_untaken",
        "process_messages",
        ["process_id", "topic"],
        sqlite_where=untaken,
        postgresql_where=untaken,
    )


def _recommendations() -> None:
    op.create_table(
        "evaluations",
        *_text("item", "location"),
        *_time("due_at", "first_at"),
        *_text("cause", "correlation_id"),
        _number("revision"),
        _key("evaluations", "item", "location"),
    )
    op.create_table(
        "recommendations",
        *_text("id", "status", "item", "location", "supplier", "quantity", "unit", "need_by"),
        *_text("cost", "currency", null=True),
        *_text("reason", "inputs", "facts"),
        *_time("waiting_since", "created_at", "updated_at"),
        *_text("requested_by", "decided_by", null=True),
        *_time("decided_at", null=True),
        *_text("note", "first_approved_by", null=True),
        *_time("expires_at", null=True),
        *_text("escalated_to", "purchase_order", null=True),
        *_text("correlation_id"),
        _key("recommendations", "id"),
    )


def _exceptions() -> None:
    op.create_table(
        "exceptions",
        *_text("id", "cause", "category", "severity", "state", "message"),
        *_text("owner", "value_at_risk", "currency", "days_of_cover_lost", null=True),
        *_text("process_id", null=True),
        *_text("correlation_id"),
        _number("occurrences"),
        *_text("details"),
        *_text("earlier", null=True),
        *_time("opened_at", "updated_at"),
        *_time("due_at", null=True),
        sa.Column("overdue", sa.Boolean, nullable=False),
        *_time("closed_at", null=True),
        _key("exceptions", "id"),
    )
    op.create_table(
        "exception_subjects",
        *_text("subject", "exception_id"),
        _key("exception_subjects", "subject", "exception_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "exception_entries",
        *_text("exception_id"),
        _number("number"),
        *_time("at"),
        *_text("action"),
        *_text("actor", "text", null=True),
        _key("exception_entries", "exception_id", "number"),
    )
    op.create_table(
        "notifications",
        *_text("id", "channel", "about", "content", "state"),
        _number("attempts"),
        *_time("next_at", "created_at"),
        *_time("sent_at", null=True),
        *_text("problem", null=True),
        _key("notifications", "id"),
    )


def downgrade() -> None:
    """Drop the tables, with all that is under way."""
    for table in _TABLES:
        op.drop_table(table)
