"""Questions as SQL: names from the mapping are quoted identifiers, values are always bound."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import ColumnElement, quoted_name

from canonical.criteria import Op
from connectors.kit.rows import Bounds, Clause, Dataset, Push, RowQuery, Test
from connectors.sql.dialects import Dialect
from connectors.sql.settings import Options, options_of

Expression = ColumnElement[Any]

_TYPES: Final[Mapping[str, Any]] = {
    "string": sa.String(),
    "integer": sa.BigInteger(),
    "decimal": sa.Numeric(),
    "date": sa.Date(),
    "datetime": sa.DateTime(timezone=True),
    "boolean": sa.Boolean(),
}
_ONE: Final[Expression] = sa.literal_column("1")
_ZERO: Final[Expression] = sa.literal_column("0")
_COMPARED: Final = {
    "gte": lambda column, value: column >= value,
    "gt": lambda column, value: column > value,
    "lte": lambda column, value: column <= value,
    "lt": lambda column, value: column < value,
}


class Statements:
    """Writes the statements of one database.

    Args:
        system: The backend's name.
        dialect: Which kind of database.
        zone: Zone of times that it holds without one.
    """

    def __init__(self, system: str, dialect: Dialect, zone: tzinfo) -> None:
        self._system = system
        self._dialect = dialect
        self._zone = zone
        self._sqlite = dialect.name == "sqlite"

    def push(self, dataset: Dataset, test: Test) -> Push:
        """What the database can do with a test.

        SQLite has neither decimals nor times: how they are kept there is not known, so nothing is
        asked about them.
        """
        if test.kind not in _TYPES or "." in test.path:
            return Push.NO
        if self._sqlite and test.kind in {"decimal", "datetime"} and test.op is not Op.IS_NULL:
            return Push.NO
        if test.kind == "string" and test.op is Op.RANGE and not self.sorts(dataset):
            return Push.NO
        if self._dialect.name == "oracle" and "" in _texts(test):
            return Push.NO  # which takes the empty text for null
        loose = test.kind == "string" and not self._dialect.exact_text
        if loose and test.op is not Op.IS_NULL:
            return Push.NO if test.negated else Push.SUPERSET
        return Push.EXACT

    def sorts(self, dataset: Dataset) -> bool:
        """Whether text can be made to sort by code point, whatever its collation.

        Where a collation must be named, it must be known which columns are text: tables can be
        asked, the result of a SELECT cannot, except in PostgreSQL.
        """
        named = self._dialect.collation is None or self._dialect.name == "postgresql"
        return named or "select" not in dataset.options

    def rows(
        self, query: RowQuery, texts: frozenset[str], *, offset: int, limit: int
    ) -> sa.Select[Any]:
        """A page of a list, in an order that is always the same.

        Args:
            query: What is wanted.
            texts: Columns that hold text, as far as known.
            offset: Rows to skip.
            limit: Rows to give.
        """
        source = self._source(query.dataset)
        order = dict([*((path, False) for path in query.dataset.key), *query.sort])
        first = [*query.sort, *(pair for pair in order.items() if pair not in query.sort)]
        keys = [
            key for path, down in first for key in self._ordered(source, path, texts, down=down)
        ]
        chosen = _chosen(source, query.dataset, query.columns)
        where = self._all(source, query.where)
        return chosen.where(*where).order_by(*keys).limit(limit).offset(offset)

    def count(self, query: RowQuery) -> sa.Select[Any]:
        """How many rows there are in all."""
        source = self._source(query.dataset)
        counted = sa.select(sa.func.count()).select_from(source)
        return counted.where(*self._all(source, query.where))

    def of_values(
        self, dataset: Dataset, test: Test, columns: Sequence[str], where: Sequence[Clause]
    ) -> sa.Select[Any]:
        """All rows whose value is one of many."""
        source = self._source(dataset)
        chosen = _chosen(source, dataset, (*columns, test.path) if columns else ())
        return chosen.where(self._test(source, test), *self._all(source, where))

    def sample(self, dataset: Dataset, columns: Sequence[str], limit: int) -> sa.Select[Any]:
        """Any few rows."""
        return _chosen(self._source(dataset), dataset, columns).limit(limit)

    def _source(self, dataset: Dataset) -> sa.FromClause:
        """Where rows come from, under the name q."""
        options = options_of(self._system, dataset)
        if options.select is not None:
            # The line end closes a comment that the query may end in.
            return sa.text(options.select.replace(":", "\\:") + "\n").columns().subquery("q")
        schema, table = table_of(dataset.name, options)
        return sa.table(_exact(table), schema=None if schema is None else _exact(schema)).alias("q")

    def _ordered(
        self, source: sa.FromClause, path: str, texts: frozenset[str], *, down: bool
    ) -> list[Expression]:
        """Sort keys of a column: rows without a value come last, in both directions."""
        column: Expression = _column(source, path)
        last = sa.case((column.is_(None), _ONE), else_=_ZERO)
        if path in texts and self._dialect.collation is not None:
            column = column.collate(self._dialect.collation)
        return [last, column.desc() if down else column.asc()]

    def _all(self, source: sa.FromClause, where: Sequence[Clause]) -> list[Expression]:
        return [sa.or_(*(self._test(source, test) for test in clause)) for clause in where]

    def _test(self, source: sa.FromClause, test: Test) -> Expression:
        column = _column(source, test.path, _TYPES.get(test.kind))
        match test.op:
            case Op.IS_NULL:
                wants_null = bool(test.value) is not test.negated
                return column.is_(None) if wants_null else column.is_not(None)
            case Op.IN:
                found = self._choice(column, test)
            case Op.RANGE:
                found = self._range(column, test)
            case _:
                found = self._text(column, test)
        return sa.or_(sa.not_(found), column.is_(None)) if test.negated else found

    def _choice(self, column: Expression, test: Test) -> Expression:
        values = [self._bound(v) for v in test.value if v is not None]
        if self._dialect.name == "postgresql":
            array = postgresql.ARRAY(_TYPES[test.kind])
            found: Expression = column == sa.any_(sa.bindparam(None, values, type_=array))
        else:
            found = column.in_(values)
        return sa.or_(found, column.is_(None)) if None in test.value else found

    def _range(self, column: Expression, test: Test) -> Expression:
        if test.kind == "string" and self._dialect.collation is not None:
            column = column.collate(self._dialect.collation)
        elif test.kind == "integer" and self._sqlite:
            column = sa.cast(column, sa.Integer)
        bounds = Bounds(*test.value)._asdict().items()
        given = [_COMPARED[n](column, self._bound(v)) for n, v in bounds if v is not None]
        return sa.and_(sa.true(), *given)

    def _text(self, column: Expression, test: Test) -> Expression:
        if self._sqlite:  # whose LIKE ignores case
            place = sa.func.instr(column, test.value)
            return place > 0 if test.op is Op.CONTAINS else place == 1
        if test.op is Op.CONTAINS:
            return column.contains(test.value, autoescape=True, escape="!")
        return column.startswith(test.value, autoescape=True, escape="!")

    def _bound(self, value: Any) -> Any:
        """A value as the database holds it: outside PostgreSQL, times are kept without a zone."""
        if isinstance(value, datetime) and self._dialect.name != "postgresql":
            return value.astimezone(self._zone).replace(tzinfo=None)
        return value.astimezone(UTC) if isinstance(value, datetime) else value


def table_of(name: str, options: Options) -> tuple[str | None, str]:
    """Schema and name of a dataset's table: `schema.table` or `table`, or as the options say."""
    if options.table is not None:
        return options.schema_, options.table
    schema, _, table = name.rpartition(".")
    return options.schema_ or schema or None, table


def _chosen(source: sa.FromClause, dataset: Dataset, columns: Sequence[str]) -> sa.Select[Any]:
    names = dict.fromkeys((*dataset.key, *columns) if columns else ())
    chosen = [_column(source, name) for name in names] or [sa.literal_column("*")]
    return sa.select(*chosen).select_from(source)


def _exact(name: str) -> quoted_name:
    return quoted_name(name, quote=True)


def _column(source: sa.FromClause, name: str, kind: Any = None) -> sa.ColumnClause[Any]:
    """A column, always written as `q."name"`: SQLite takes a bare unknown "name" for a text."""
    column: sa.ColumnClause[Any] = sa.column(_exact(name), kind)
    column.table = source
    return column


def _texts(test: Test) -> tuple[Any, ...]:
    return test.value if test.op is Op.IN else (test.value,)
