"""Odoo as a dialect: search_read for the records, and one more for each relation that is followed.

Odoo reads no dotted names. `order_line.product_id.default_code` becomes three calls, whatever the
number of records: orders, the lines of all of them, the products of all those.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from canonical.criteria import Op
from canonical.errors import BadAnswerError, MisconfiguredError
from canonical.ports import Ask
from connectors.jsonrpc.dialect import Context, ModelField, Search, prefixes
from connectors.jsonrpc.odoo.domains import domain, push
from connectors.jsonrpc.odoo.models import Models, Spelled
from connectors.jsonrpc.odoo.wire import Wire
from connectors.kit.rows import Push, Row, Test

POSITION: Final = "position"
"""Name under which an element of a list is told its place, from 1, in Odoo's order."""

_IN_THE_PAIR: Final = frozenset({"id", "display_name"})
_KEEPS_FALSE: Final = frozenset({"boolean"})


class OdooDialect:
    """Searches in one Odoo database.

    Args:
        wire: How it is asked.
        models: What it has.
        context: Sent with every call.
        most_ids: Most ids of related records in one call.
    """

    def __init__(self, wire: Wire, models: Models, context: Context, most_ids: int) -> None:
        self._wire = wire
        self._models = models
        self._context = context
        self._most_ids = most_ids

    def push(self, test: Test) -> Push:
        """Tell whether a domain can express a test."""
        return push(test)

    async def search(self, search: Search, ask: Ask) -> Sequence[Row]:
        """Records with the related ones that the columns lead to."""
        rows = await self._own(search, ask)
        await self._follow_all(search.model, rows, search.columns, ask)
        return rows

    async def count(self, search: Search, ask: Ask) -> int:
        """How many records match."""
        arguments = {
            "domain": domain(await self._models.spell_where(search.model, search.where, ask)),
            "context": {**self._context, **search.context},
        }
        found = await self._wire.call(search.model, "search_count", arguments, ask)
        if not isinstance(found, int):
            raise BadAnswerError(self._wire.system, f"{search.model} answered no count")
        return found

    async def fields(self, model: str, ask: Ask) -> Mapping[str, ModelField]:
        """The fields of a model."""
        return await self._models.described(model, ask)

    async def aclose(self) -> None:
        """Stop a sign-in under way."""
        await self._wire.aclose()

    async def _own(self, search: Search, ask: Ask) -> list[Row]:
        """Records with their own fields; relations to one as pairs, to many as lists of ids."""
        names = prefixes(("id", *search.columns))
        spelled = {n: await self._models.spell(search.model, n, ask) for n in names}
        sort = [(await self._models.spell_path(search.model, p, ask), d) for p, d in search.sort]
        order = [f"{path} {'desc' if down else 'asc'}" for path, down in sort if path is not None]
        arguments = {
            "domain": domain(await self._models.spell_where(search.model, search.where, ask)),
            "fields": sorted({s.name for s in spelled.values() if s.field is not None}),
            "offset": search.offset,
            "limit": search.limit,
            "order": ", ".join([*order, "id"]),
            "context": {**self._context, **search.context},
        }
        found = await self._wire.call(search.model, "search_read", arguments, ask)
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise BadAnswerError(self._wire.system, f"{search.model} answered no list of records")
        return [{n: _value(row, s) for n, s in spelled.items()} for row in found]

    async def _follow_all(
        self, model: str, rows: Sequence[Row], columns: Sequence[str], ask: Ask
    ) -> None:
        """Put related records, or just their ids, in the place of what Odoo has for relations."""
        wanted = prefixes(columns)
        for name in (n for n, rest in wanted.items() if not rest):
            for row in rows:
                row[name] = row[name][0] if isinstance(row[name], tuple) else row[name]
        followed = [(n, rest) for n, rest in wanted.items() if rest]
        await asyncio.gather(*(self._follow(model, rows, n, rest, ask) for n, rest in followed))

    async def _follow(
        self, model: str, rows: Sequence[Row], name: str, rest: Sequence[str], ask: Ask
    ) -> None:
        """Put the related records in the place of their ids."""
        field = (await self._models.spell(model, name, ask)).field
        if field is None:
            return
        if field.relation is None:
            msg = f"{model}.{name} is no relation: {name}.{rest[0]} leads nowhere"
            raise MisconfiguredError(self._wire.system, msg)
        held = [row[name] for row in rows]
        pairs = {pair[0]: pair[1] for pair in held if isinstance(pair, tuple)}
        inner = tuple(path for path in rest if path != POSITION)
        if pairs and set(inner) <= _IN_THE_PAIR:
            related: Mapping[int, Row] = {
                i: {"id": i, "display_name": title} for i, title in pairs.items()
            }
        else:
            ids = tuple(dict.fromkeys(i for value in held for i in _ids(value)))
            related = await self._read(field.relation, ids, inner, ask)
        for row in rows:
            row[name] = _attached(row[name], related, counted=POSITION in rest)

    async def _read(
        self, model: str, ids: Sequence[int], columns: tuple[str, ...], ask: Ask
    ) -> Mapping[int, Row]:
        """Records by id, archived ones too; those that are gone are missing."""
        chunks = [ids[i : i + self._most_ids] for i in range(0, len(ids), self._most_ids)]
        searches = [
            Search(
                model=model,
                where=((Test("id", Op.IN, tuple(chunk), "integer"),),),
                columns=columns,
                context={"active_test": False},
            )
            for chunk in chunks
        ]
        found = await asyncio.gather(*(self._own(search, ask) for search in searches))
        rows = [row for part in found for row in part]
        await self._follow_all(model, rows, columns, ask)
        return {row["id"]: row for row in rows}


def _attached(value: Any, related: Mapping[int, Row], *, counted: bool) -> Any:
    """The related records of one relation; in a list, each may be told its place."""
    found = [related[i] for i in _ids(value) if i in related]
    if not isinstance(value, list):
        return next(iter(found), None)
    return [{**r, POSITION: n} for n, r in enumerate(found, 1)] if counted else found


def _value(row: Row, spelled: Spelled) -> Any:
    """A field's value: null where Odoo has False or no text, a relation to one as a pair."""
    if spelled.field is None:
        return None
    raw, kind = row.get(spelled.name), spelled.field.type
    if raw == "" or (raw is False and kind not in _KEEPS_FALSE):
        return [] if kind in {"one2many", "many2many"} else None
    if kind == "many2one" and isinstance(raw, list):
        return tuple(raw)
    if kind == "datetime" and isinstance(raw, str):
        return datetime.fromisoformat(raw).replace(tzinfo=UTC)
    return raw


def _ids(value: Any) -> Sequence[int]:
    if isinstance(value, tuple):
        return value[:1]
    if isinstance(value, list):
        return value
    return () if value is None else (value,)
