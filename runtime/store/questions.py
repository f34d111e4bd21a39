"""Pieces of statements that the two databases spell differently, of one form for many values.

A statement whose form does not depend on the number of values is compiled once, and may have any
number of them: PostgreSQL takes an array, SQLite a JSON array.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY


def among(column: sa.ColumnElement[Any], values: Iterable[Any], dialect: str) -> Any:
    """The condition that a column has one of many texts or whole numbers."""
    found = list(values)
    if dialect == "postgresql":
        kind = sa.BigInteger if found and isinstance(found[0], int) else sa.Text
        return column == sa.any_(sa.bindparam(None, found, type_=ARRAY(kind)))
    each = sa.func.json_each(sa.bindparam(None, json.dumps(found), type_=sa.Text))
    return column.in_(sa.select(each.table_valued("value").c.value))


def upsert(table: sa.Table, dialect: str, values: Sequence[str] = ()) -> Any:
    """INSERT of rows; where the primary key is there already, its `values` are replaced."""
    insert = inserting(table, dialect)
    keys = list(table.primary_key.columns)
    if not values:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(
        index_elements=keys, set_={name: insert.excluded[name] for name in values}
    )


def inserting(table: sa.Table, dialect: str) -> Any:
    """INSERT that may say what happens on a conflict."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
