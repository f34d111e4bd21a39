"""The audit is a chain, and holds what was in it before; usage of the schema."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from alembic import op

from canonical.audit import AuditEntry
from runtime.audit.chain import GENESIS, Head, sealed
from runtime.store.tables import Instant

revision: Final = "0002"
down_revision: Final = "0001"


def _text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=null)


def _time(name: str) -> sa.Column[Any]:
    kind = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    return sa.Column(name, kind, nullable=False)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, autoincrement=False, nullable=False)


def upgrade() -> None:
    """Make the tables, and seal what operators did so far."""
    old = _acts()
    op.drop_table("audit")
    _audit()
    _usage()
    rows, head = sealed(old, Head(0, GENESIS))
    if rows:
        op.bulk_insert(_as_it_is_written(rows), rows)
    chain = sa.table("audit_chain", *map(sa.column, ("name", "position", "hash")))
    op.bulk_insert(chain, [{"name": "audit", "position": head.position, "hash": head.hash}])


def downgrade() -> None:
    """Drop the tables; what operators did stays, and all else that was audited goes."""
    kept = [entry for entry in _chained() if entry.kind.value == "act"]
    for table in ("usage", "usage_operations", "audit_chain", "audit"):
        op.drop_table(table)
    old = op.create_table(
        "audit",
        _text("id"),
        _time("at"),
        _text("actor"),
        _text("action"),
        _text("subject"),
        _text("details"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    rows = [
        {
            "id": entry.entry_id,
            "at": entry.at,
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "details": msgspec.json.encode(entry.details).decode(),
        }
        for entry in kept
    ]
    if rows:
        plain = (c.name for c in old.columns if c.name != "at")
        op.bulk_insert(sa.table("audit", sa.column("at", Instant), *map(sa.column, plain)), rows)


def _acts() -> list[AuditEntry]:
    names = ("id", "actor", "action", "subject", "details")
    audit = sa.table("audit", sa.column("at", Instant), *map(sa.column, names))
    rows = op.get_bind().execute(sa.select(audit).order_by(audit.c.id))
    return [
        AuditEntry(
            actor=row.actor,
            action=row.action,
            subject=row.subject,
            details=msgspec.json.decode(row.details, type=dict[str, Any]),
            entry_id=row.id,
            at=row.at,
        )
        for row in rows
    ]


def _chained() -> list[AuditEntry]:
    audit = sa.table("audit", sa.column("position"), sa.column("content"))
    contents = op.get_bind().execute(sa.select(audit.c.content).order_by(audit.c.position))
    return [msgspec.json.decode(content, type=AuditEntry) for content in contents.scalars()]


def _as_it_is_written(rows: Sequence[dict[str, Any]]) -> sa.TableClause:
    plain = (name for name in rows[0] if name != "at")
    return sa.table("audit", sa.column("at", Instant), *map(sa.column, plain))


def _audit() -> None:
    op.create_table(
        "audit",
        _number("position"),
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
        sa.PrimaryKeyConstraint("position", name="pk_audit"),
        sa.UniqueConstraint("entry_id", name="uq_audit_entry_id"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_actor_position", "audit", ["actor", "position"])
    op.create_index("ix_audit_correlation_id", "audit", ["correlation_id"])
    op.create_index("ix_audit_finishes", "audit", ["finishes"])
    op.create_table(
        "audit_chain",
        _text("name"),
        _number("position"),
        _text("hash"),
        sa.PrimaryKeyConstraint("name", name="pk_audit_chain"),
    )


def _usage() -> None:
    op.create_table(
        "usage_operations",
        _text("operation"),
        _text("name"),
        _text("kind"),
        _text("coordinates"),
        _text("last_day"),
        sa.PrimaryKeyConstraint("operation", name="pk_usage_operations"),
    )
    op.create_table(
        "usage",
        _text("day"),
        _text("operation"),
        _text("client"),
        _text("version"),
        _number("count"),
        sa.PrimaryKeyConstraint("day", "operation", "client", "version", name="pk_usage"),
    )
