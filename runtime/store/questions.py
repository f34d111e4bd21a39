"""Pieces of statements that the two databases spell differently, of one form for many values.

A statement whose form does not depend on the number of values is compiled once, and may have any
number of them: PostgreSQL takes an array, SQLite a JSON array.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
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
    insert = adding(table, dialect)
    keys = list(table.primary_key.columns)
    if not values:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(
        index_elements=keys, set_={name: insert.excluded[name] for name in values}
    )


def adding(table: sa.Table, dialect: str) -> Any:
    """INSERT of the rows that `columns` gives: of one form for any number of them."""
    insert = inserting(table, dialect)
    if dialect != "postgresql":
        return insert
    # One statement for all rows; sent one by one, each costs the server as much as a question.
    arrays = [
        sa.bindparam(column.name, type_=ARRAY(column.type), unique=False)
        for column in table.columns
    ]
    names = [column.name for column in table.columns]
    rows = sa.func.unnest(*arrays).table_valued(*names, name="added").render_derived()
    return insert.from_select(names, sa.select(*(rows.c[name] for name in names)))


def columns(rows: Sequence[Mapping[str, Any]], dialect: str) -> Any:
    """Rows, each with all columns of the table, as the parameters of `adding` and `upsert`."""
    if dialect != "postgresql":
        return rows
    return {name: [row[name] for row in rows] for name in rows[0]}


def inserting(table: sa.Table, dialect: str) -> Any:
    """INSERT that may say what happens on a conflict."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
