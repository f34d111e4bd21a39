"""The small datasets that others are read along: their rows, kept for a while, and what they say.

Tryton tells stock for many products at one location, never for many at many: a dataset that fans
out over the warehouses is read once for each, with the warehouse's id in the context.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from canonical.criteria import Op
from canonical.ports import Ask
from connectors.jsonrpc.dialect import Dialect, Search
from connectors.jsonrpc.local import value_at
from connectors.jsonrpc.settings import FanOut
from connectors.kit.rows import Row, Test

_PLACE: Final = re.compile(r"\{([\w.]+)\}")


class _Held(Struct, frozen=True):
    columns: frozenset[str]
    rows: Sequence[Row]
    fresh_until: float


class Members:
    """Reads the rows that datasets fan out over."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._held: dict[str, _Held] = {}
        self._reading = asyncio.Lock()

    async def rows(self, fan: FanOut, columns: Sequence[str], ask: Ask) -> Sequence[Row]:
        """The other dataset's rows, by id, with the columns wanted and those of the context."""
        wanted = frozenset(columns) | set(_places(fan.context))
        key = f"{fan.dataset} {sorted(fan.where.items(), key=str)}"
        async with self._reading:
            held = self._held.get(key)
            now = asyncio.get_running_loop().time()
            if held is None or held.fresh_until <= now or not wanted <= held.columns:
                known = held.columns if held is not None else frozenset()
                held = await self._read(fan, wanted | known, now, ask)
                self._held[key] = held
        return held.rows

    async def _read(self, fan: FanOut, columns: frozenset[str], now: float, ask: Ask) -> _Held:
        search = Search(
            model=fan.dataset,
            where=tuple((_equal(path, value),) for path, value in fan.where.items()),
            columns=tuple(sorted(columns | {"id"})),
        )
        return _Held(columns, await self._dialect.search(search, ask), now + fan.fresh_s)


def within(fan: FanOut | None, path: str) -> str | None:
    """The path in the other dataset that a path of the attached row means; None if it is none."""
    if fan is None or not path.startswith(f"{fan.name}."):
        return None
    return path[len(fan.name) + 1 :]


def filled(template: Any, member: Row) -> Any:
    """A context with the member's values in place of `{path}`."""
    if isinstance(template, Mapping):
        return {name: filled(inner, member) for name, inner in template.items()}
    if isinstance(template, list | tuple):
        return [filled(inner, member) for inner in template]
    if not isinstance(template, str):
        return template
    whole = _PLACE.fullmatch(template)
    if whole:
        return value_at(member, whole[1])
    return _PLACE.sub(lambda found: str(value_at(member, found[1])), template)


def _places(template: Any) -> Sequence[str]:
    if isinstance(template, Mapping):
        return [place for inner in template.values() for place in _places(inner)]
    if isinstance(template, list | tuple):
        return [place for inner in template for place in _places(inner)]
    return _PLACE.findall(template) if isinstance(template, str) else []


def _equal(path: str, value: Any) -> Test:
    values = value if isinstance(value, tuple) else (value,)
    kind = "boolean" if any(isinstance(v, bool) for v in values) else "string"
    return Test(path, Op.IN, values, kind)
