"""Reading one page of a list: in order, strictly after a position, with nothing lost or doubled.

The system is asked for rows from the position on, sorted, wherever it can do that; the page is then
cut between rows here. Rows of equal sort value are read to the last and put in order here, because
systems differ in what they do with them. Rows without a sort value come in a second reading, after
all others.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from canonical.criteria import Condition, Criteria, Op, Sort, position_of
from canonical.criteria import columns_of as columns_named
from canonical.errors import BadAnswerError, InvalidInputError, SupplygraphError
from canonical.ports import Ask, ListQuery, Page
from connectors.kit.mapping.convert import literal
from connectors.kit.mapping.expr import ALL, Expr, both, of
from connectors.kit.mapping.fields import ConstField
from connectors.kit.mapping.inverse import Inverse
from connectors.kit.mapping.keyorder import KeyOrder
from connectors.kit.mapping.paths import BadValueError
from connectors.kit.mapping.shape import column_at
from connectors.kit.rows import Push, RowQuery
from connectors.kit.source_core import Candidate, Core
from connectors.kit.source_cut import Cut, GivenOrder, ValueCut, cut
from connectors.kit.source_keys import look_up
from connectors.kit.source_stream import Listing

_SPARE_ROWS = 5
_RESIDUAL_FACTOR = 4
_UNREADABLE_PAGES = 3


async def read_page(core: Core, query: ListQuery, ask: Ask) -> Page:
    """Read one page of a list.

    Raises:
        UnavailableError: if the system could not be asked.
        UnsupportedError: if more rows than the budget would have to be looked through here.
    """
    if core.expr(query.criteria).never or query.limit < 0:
        return Page((), more=False, total=0 if query.count else None)
    pager = _Pager(core, query, ask)
    return await pager.page()


class _Pager:
    """One page: what is asked of the system, and what is done here."""

    def __init__(self, core: Core, query: ListQuery, ask: Ask) -> None:
        self._core = core
        self._ask = ask
        self._query = query
        self._criteria = core.local(query.criteria)
        self._order, self._after = _normal(core, query)
        self._is_given = core.reader.given_order(core.dataset) == core.keys.paths
        self._lead = self._leading()
        lead = () if self._lead is None else (self._lead,)
        needed = frozenset(c for c in columns_named(self._criteria, (*self._order, *lead)))
        self._full = core.builder(query.columns | needed)
        self._base = both(core.where, core.expr(query.criteria))
        pushed = core.push(self._base)
        self._exact = pushed.exact
        self._list = Listing(
            core, core.builder(needed), self._full, ask, self._advice, exact=pushed.exact
        )

    async def page(self) -> Page:
        after, limit = self._after, self._query.limit
        tries = 0
        while True:
            tries += 1
            chosen, more = await self._ordered(self._order, after, limit, ())
            records = await self._list.records(chosen)
            failures = self._list.failures
            if records:
                break
            # A system that is down is an error, not an empty page.
            _raise_first(k for k in failures.values() if not isinstance(k, BadAnswerError))
            if not more or not limit:
                break
            if tries == _UNREADABLE_PAGES:
                _raise_first(failures.values())
            # Nothing on this page can be read, but the caller needs a position to go on from.
            after = position_of(chosen[-1].slim, self._order)
        total = await self._total() if self._query.count else None
        return Page(records, more, total, failures)

    async def _ordered(
        self, order: tuple[Sort, ...], after: tuple[Any, ...] | None, limit: int, extra: Criteria
    ) -> Cut:
        """The first rows in an order, after a position, that satisfy further conditions."""
        looked_up = await self._looked_up()
        if looked_up is not None:
            return cut(looked_up, order, after, limit)
        if not order:
            keys = KeyOrder(self._core.keys, descending=False)
            return await self._by_key(keys, order, after, limit, extra)
        inverse = self._sortable(order[0]) or self._given_by(order[0])
        if inverse is not None and (inverse.path,) == self._core.keys.paths:
            keys = KeyOrder(self._core.keys, descending=order[0].descending)
            return await self._by_key(keys, order, after, limit, extra)
        if inverse is None:
            return await self._here(order, after, limit, extra)
        return await self._by_value(inverse, order, after, limit, extra)

    def _sortable(self, sort: Sort) -> Inverse | None:
        """The column's path, if the system sorts by it and can begin at a value."""
        core = self._core
        inverse = core.translator.inverse(sort.column) if "." not in sort.column else None
        if inverse is None or not inverse.sortable:
            return None
        if not core.reader.sorts(core.dataset, ((inverse.path, sort.descending),)):
            return None
        sample = inverse.sample
        test = inverse.until(sample) if sort.descending else inverse.since(sample)
        return inverse if core.reader.push(core.dataset, test) is Push.EXACT else None

    def _given_by(self, sort: Sort) -> Inverse | None:
        """The column's path, if it is the key in whose order the list comes unasked."""
        if not self._is_given or sort.descending or "." in sort.column:
            return None
        inverse = self._core.translator.inverse(sort.column)
        same = inverse is not None and (inverse.path,) == self._core.keys.paths
        return inverse if same else None

    async def _by_key(
        self,
        keys: KeyOrder,
        order: tuple[Sort, ...],
        after: tuple[Any, ...] | None,
        limit: int,
        extra: Criteria,
    ) -> Cut:
        """In the order of the key, which the system sorts by itself."""
        core = self._core
        if self._is_given and not keys.descending:
            return await self._given(after, limit, extra)
        if not self._pages_by(keys):
            if self._lead is None:
                return await self._here(order, after, limit, extra)
            return await self._by_lead(self._lead, after, limit, extra)
        position = ALL
        if after is not None:
            position = self._beyond(keys, self._values(after[-1]))
        where = core.push(both(self._base, core.expr(extra), position)).where
        found: list[Candidate] = []
        stream = self._list.candidates(
            where, keys.sort, (*self._criteria, *extra), self._hint(limit)
        )
        async for candidates in stream:
            found += [c for c in candidates if after is None or c.key != after[-1]]
            if len(found) > limit:
                break
        await stream.aclose()
        return found[:limit], len(found) > limit

    async def _given(self, after: tuple[Any, ...] | None, limit: int, extra: Criteria) -> Cut:
        """In the order of the key, in which the list comes unasked: from its start to the page."""
        core = self._core
        where = core.push(both(self._base, core.expr(extra))).where
        found = GivenOrder(core, None if after is None else self._values(after[-1]))
        hint = self._hint(limit) if after is None else None
        stream = self._list.candidates(where, (), (*self._criteria, *extra), hint)
        async for candidates in stream:
            found.take(candidates)
            if len(found.chosen) > limit:
                break
        await stream.aclose()
        return found.chosen[:limit], len(found.chosen) > limit

    def _leading(self) -> Sort | None:
        """The column of the key's first part, to page by where the system knows no whole key.

        Many systems have no OR of several fields, which it takes to say what lies beyond a key of
        several parts. Records of the same first part are then put in order here.
        """
        keys = KeyOrder(self._core.keys, descending=False)
        if len(self._core.keys.paths) == 1 or self._is_given or self._pages_by(keys):
            return None
        for name in self._core.mapping.fields:
            inverse = self._sortable(Sort(name))
            if inverse is not None and inverse.path == self._core.keys.paths[0]:
                return None if inverse.nullable else Sort(name)
        return None

    def _pages_by(self, keys: KeyOrder) -> bool:
        """Whether the system sorts by the key and can be asked for what lies beyond one."""
        core = self._core
        sorts = core.reader.sorts(core.dataset, keys.sort)
        return sorts and bool(self._beyond(keys, keys.sample).clauses)

    async def _by_lead(
        self, lead: Sort, after: tuple[Any, ...] | None, limit: int, extra: Criteria
    ) -> Cut:
        """In the order of the key's first part, and of the key's text where that is equal."""
        inverse = self._sortable(lead)
        position: tuple[Any, ...] | None = None
        if after is not None:
            first = _typed(self._core, lead.column, self._values(after[-1])[0])
            position = (first, after[-1])
        if inverse is None:
            return await self._here((lead,), position, limit, extra)
        return await self._by_value(inverse, (lead,), position, limit, extra)

    def _values(self, key: str) -> tuple[Any, ...]:
        values = self._core.keys.values(key)
        if values is None:
            raise InvalidInputError(
                f"{key!r} is no key of {self._core.entity} in {self._core.system}: "
                f"start the list anew."
            )
        return values

    def _beyond(self, keys: KeyOrder, values: Sequence[Any]) -> Expr:
        """What lies strictly beyond a key, if the system can be asked for that; else nothing."""
        expr = keys.beyond(values)
        pushed = self._core.push(expr)
        return expr if pushed.exact and len(pushed.where) == len(expr.clauses) else Expr()

    async def _by_value(
        self,
        inverse: Inverse,
        order: tuple[Sort, ...],
        after: tuple[Any, ...] | None,
        limit: int,
        extra: Criteria,
    ) -> Cut:
        """In the order of a column that the system sorts by; rows without a value come last."""
        cut = ValueCut(order, after, limit)
        if after is None or after[0] is not None:
            await self._read_values(inverse, cut, extra)
        if cut.more or not inverse.nullable:
            return cut.chosen[:limit], cut.more
        null = Condition(order[0].column, Op.IS_NULL, value=True)
        rest = after[1:] if after is not None and after[0] is None else None
        missing, more = await self._ordered(
            order[1:], rest, limit - len(cut.chosen), (*extra, null)
        )
        return [*cut.chosen, *missing], more

    async def _read_values(self, inverse: Inverse, cut: "ValueCut", extra: Criteria) -> None:
        core = self._core
        sort = cut.order[0]
        parts = [self._base, core.expr(extra)]
        if cut.after is not None:
            value = cut.after[0]
            parts.append(of(inverse.until(value) if sort.descending else inverse.since(value)))
        elif inverse.nullable:
            parts.append(core.expr((Condition(sort.column, Op.IS_NULL, value=False),)))
        where = core.push(both(*parts)).where
        by = ((inverse.path, sort.descending),)
        stream = self._list.candidates(where, by, (*self._criteria, *extra), self._hint(cut.limit))
        async for candidates in stream:
            if cut.fill(candidates):
                break
        await stream.aclose()
        cut.end()

    async def _here(
        self, order: tuple[Sort, ...], after: tuple[Any, ...] | None, limit: int, extra: Criteria
    ) -> Cut:
        """In an order that the system does not know: everything is read, sorted and cut here."""
        where = self._core.push(both(self._base, self._core.expr(extra))).where
        stream = self._list.candidates(where, (), (*self._criteria, *extra), None)
        return cut([c async for found in stream for c in found], order, after, limit)

    async def _looked_up(self) -> list[Candidate] | None:
        """Candidates by a lookup, where a condition can only be asked through one."""
        core = self._core
        for condition in self._query.criteria:
            lookup = core.mapping.lookups.get(condition.column)
            if lookup is None or condition.op is not Op.IN:
                continue
            if core.push(core.translator.condition(condition)).where:
                continue
            askers, failures = await look_up(core, lookup, condition.value, self._ask)
            _raise_first(failures.values())
            return await self._of_keys(list(askers))
        return None

    async def _of_keys(self, keys: Sequence[str]) -> list[Candidate]:
        core = self._core
        part = core.mapping.key[0]
        values = {v[0]: None for k in keys if (v := core.keys.values(k)) is not None}
        if not values:
            return []
        batch = await core.reader.by_values(
            core.dataset,
            part.path,
            list(values),
            self._full.plan.columns,
            self._ask,
            where=core.push(self._base).where,
            kind=part.type.value,
        )
        _raise_first(batch.failures.values())
        wanted = frozenset(keys)
        found = await self._list.of_rows(batch.rows, self._criteria)
        return list({c.key: c for c in found if c.key in wanted}.values())

    def _hint(self, limit: int) -> int:
        spare = limit + _SPARE_ROWS
        return spare if self._exact else spare * _RESIDUAL_FACTOR

    async def _total(self) -> int | None:
        """All records that satisfy the criteria, if the system filters exactly and tells."""
        core = self._core
        if not self._exact or core.mapping.group:
            return None
        where = core.push(self._base).where
        query = RowQuery(core.dataset, where, (), core.keys.paths, 1, count=True)
        return (await core.reader.page(query, None, self._ask)).total

    def _advice(self) -> str:
        core = self._core
        inexact = [
            c.column
            for c in self._query.criteria
            if not core.push(core.translator.condition(c)).exact
        ]
        unsorted = [s.column for s in self._order if self._sortable(s) is None]
        parts = []
        if inexact:
            parts.append(f"It cannot filter by {', '.join(dict.fromkeys(inexact))}")
        if unsorted:
            parts.append(f"It cannot sort by {', '.join(unsorted)}")
        known = [c for c in core.mapping.fields if core.translator.inverse(c) is not None]
        parts.append(f"Narrow the list by columns that it filters: {', '.join(known) or 'none'}")
        return ". ".join(parts) + "."


def _normal(core: Core, query: ListQuery) -> tuple[tuple[Sort, ...], tuple[Any, ...] | None]:
    """The order without columns that are the same everywhere, and the position, exactly typed."""
    kept: list[int] = []
    for i, sort in enumerate(query.order):
        earlier = any(s.column == sort.column for s in query.order[:i])
        constant = isinstance(core.mapping.fields.get(sort.column), ConstField)
        if core.translator.has(sort.column) and not constant and not earlier:
            kept.append(i)
    order = tuple(query.order[i] for i in kept)
    if query.after is None:
        return order, None
    if len(query.after) != len(query.order) + 1:
        raise InvalidInputError("the position is of another order: start the list anew.")
    try:
        values = [_typed(core, query.order[i].column, query.after[i]) for i in kept]
    except BadValueError as exc:
        raise InvalidInputError(
            f"the position cannot be read: {exc}: start the list anew."
        ) from exc
    return order, (*values, str(query.after[-1]))


def _typed(core: Core, column: str, value: Any) -> Any:
    shape = column_at(core.translator.record, column)
    return value if shape is None else literal(shape.type, value)


def _raise_first(errors: Iterable[SupplygraphError]) -> None:
    for error in errors:
        raise error
