"""Keys of machines."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=False)


def _time(name: str, *, null: bool = False) -> sa.Column[Any]:
    kind = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    return sa.Column(name, kind, nullable=null)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "api_keys",
        _text("id"),
        _text("name"),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        _text("grants"),
        _text("created_by"),
        _time("created_at"),
        _time("expires_at"),
        _time("last_used_at", null=True),
        _time("revoked_at", null=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_name", "api_keys", ["name"])


def downgrade() -> None:
    """Drop the table, with all keys."""
    op.drop_table("api_keys")
