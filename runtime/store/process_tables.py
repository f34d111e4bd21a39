"""Tables of the store for processes and what they leave for people. Migrations make exactly these.

processes, process_subjects, process_steps
processes as people look at them; their engine keeps its own tables
process_writes  what systems were told by processes, so that nothing is told twice
process_messages  what processes are told, until they end
evaluations     items and locations whose stock is to be looked at, and when
recommendations what replenishment proposes; at most one open for an item and location
exceptions, exception_subjects, exception_entries
what a person has to look at, and what has happened to it
notifications   what is to be sent to people, until it is sent
"""

from typing import Final

import sqlalchemy as sa

from runtime.store.tables import METADATA, number_column, text_column, time_column

__all__ = [
    "EVALUATIONS",
    "EXCEPTIONS",
    "EXCEPTION_ENTRIES",
    "EXCEPTION_SUBJECTS",
    "METADATA",
    "NOTIFICATIONS",
    "PROCESSES",
    "PROCESS_MESSAGES",
    "PROCESS_STEPS",
    "PROCESS_SUBJECTS",
    "PROCESS_WRITES",
    "RECOMMENDATIONS",
]

PROCESSES: Final = sa.Table(
    "processes",
    METADATA,
    text_column("id", key=True),
    text_column("kind"),
    number_column("version"),
    text_column("state"),
    text_column("correlation_id"),
    text_column("started_by", null=True),
    time_column("started_at"),
    time_column("updated_at"),
    time_column("ended_at", null=True),
    text_column("waits_for", null=True),
    text_column("outcome", null=True),
    sa.Index(None, "started_at", "id"),
    sa.Index(None, "state", "kind"),
    sa.Index(None, "correlation_id"),
)

PROCESS_SUBJECTS: Final = sa.Table(
    "process_subjects",
    METADATA,
    text_column("subject", key=True),
    text_column("process_id", key=True),
    sa.Index(None, "process_id"),
    sqlite_with_rowid=False,
)

PROCESS_STEPS: Final = sa.Table(
    "process_steps",
    METADATA,
    text_column("process_id", key=True),
    number_column("number", key=True),
    text_column("name"),
    text_column("state"),
    number_column("attempts"),
    time_column("started_at"),
    time_column("ended_at", null=True),
    text_column("detail", null=True),
)

PROCESS_WRITES: Final = sa.Table(
    "process_writes",
    METADATA,
    text_column("process_id", key=True),
    text_column("name", key=True),
    text_column("state"),
    text_column("holder"),
    number_column("attempts"),
    time_column("until"),
    text_column("result", null=True),
)

PROCESS_MESSAGES: Final = sa.Table(
    "process_messages",
    METADATA,
    text_column("process_id", key=True),
    text_column("name", key=True),
    text_column("topic"),
    text_column("message"),
    time_column("sent_at"),
    text_column("taken_by", null=True),
    sa.Index(
        "ix_process_messages_untaken",
        "process_id",
        "topic",
        sqlite_where=sa.text("taken_by IS NULL"),
        postgresql_where=sa.text("taken_by IS NULL"),
    ),
)

EVALUATIONS: Final = sa.Table(
    "evaluations",
    METADATA,
    text_column("item", key=True),
    text_column("location", key=True),
    time_column("due_at"),
    time_column("first_at"),
    text_column("cause"),
    text_column("correlation_id"),
    number_column("revision"),
    sa.Index(None, "due_at"),
)

RECOMMENDATIONS: Final = sa.Table(
    "recommendations",
    METADATA,
    text_column("id", key=True),
    text_column("status"),
    text_column("item"),
    text_column("location"),
    text_column("supplier"),
    text_column("quantity"),
    text_column("unit"),
    text_column("need_by"),
    text_column("cost", null=True),
    text_column("currency", null=True),
    text_column("reason"),
    text_column("inputs"),
    text_column("facts"),
    time_column("waiting_since"),
    time_column("created_at"),
    time_column("updated_at"),
    text_column("requested_by", null=True),
    text_column("decided_by", null=True),
    time_column("decided_at", null=True),
    text_column("note", null=True),
    text_column("first_approved_by", null=True),
    time_column("expires_at", null=True),
    text_column("escalated_to", null=True),
    text_column("purchase_order", null=True),
    text_column("correlation_id"),
    sa.Index(
        "uq_recommendations_open",
        "item",
        "location",
        unique=True,
        sqlite_where=sa.text("status = 'PROPOSED'"),
        postgresql_where=sa.text("status = 'PROPOSED'"),
    ),
    sa.Index(None, "status", "need_by"),
    sa.Index(None, "item"),
    sa.Index(None, "supplier"),
)

EXCEPTIONS: Final = sa.Table(
    "exceptions",
    METADATA,
    text_column("id", key=True),
    text_column("cause"),
    text_column("category"),
    text_column("severity"),
    text_column("state"),
    text_column("message"),
    text_column("owner", null=True),
    text_column("value_at_risk", null=True),
    text_column("currency", null=True),
    text_column("days_of_cover_lost", null=True),
    text_column("process_id", null=True),
    text_column("correlation_id"),
    number_column("occurrences"),
    text_column("details"),
    text_column("earlier", null=True),
    time_column("opened_at"),
    time_column("updated_at"),
    time_column("due_at", null=True),
    sa.Column("overdue", sa.Boolean, nullable=False),
    time_column("closed_at", null=True),
    sa.Index(
        "uq_exceptions_open",
        "cause",
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    ),
    sa.Index(None, "cause", "opened_at"),
    sa.Index(None, "due_at"),
    sa.Index(None, "opened_at", "id"),
    sa.Index(None, "state", "severity"),
    sa.Index(None, "process_id"),
    sa.Index(None, "correlation_id"),
)

EXCEPTION_SUBJECTS: Final = sa.Table(
    "exception_subjects",
    METADATA,
    text_column("subject", key=True),
    text_column("exception_id", key=True),
    sa.Index(None, "exception_id"),
    sqlite_with_rowid=False,
)

EXCEPTION_ENTRIES: Final = sa.Table(
    "exception_entries",
    METADATA,
    text_column("exception_id", key=True),
    number_column("number", key=True),
    time_column("at"),
    text_column("action"),
    text_column("actor", null=True),
    text_column("text", null=True),
)

NOTIFICATIONS: Final = sa.Table(
    "notifications",
    METADATA,
    text_column("id", key=True),
    text_column("channel"),
    text_column("about"),
    text_column("content"),
    text_column("state"),
    number_column("attempts"),
    time_column("next_at"),
    time_column("created_at"),
    time_column("sent_at", null=True),
    text_column("problem", null=True),
    sa.Index(None, "state", "next_at"),
)
