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


def among(column: sa.ColumnElement[Any], name: str, dialect: str) -> Any:
    """The condition that a column has one of the texts or whole numbers in a parameter."""
    if dialect == "postgresql":
        return column == sa.any_(sa.bindparam(name, type_=ARRAY(column.type)))
    each = sa.func.json_each(sa.bindparam(name, type_=sa.Text))
    return column.in_(sa.select(each.table_valued("value").c.value))


def many(values: Iterable[Any], dialect: str) -> Any:
    """Values for the parameter of `among`."""
    found = list(values)
    return found if dialect == "postgresql" else json.dumps(found)


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
