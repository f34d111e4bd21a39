"""Opens a shipped preset against a running system, as an installation does."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from canonical.criteria import Condition, Op, Range, Scalar, matches, values_at
from canonical.entities import EntityName
from canonical.ports import Ask, ListQuery
from connectors.backend import MappedBackend
from connectors.config import BackendConfig
from connectors.factory import open_backend
from connectors.kit.http import Explain, Request, Response
from connectors.kit.services import Services
from connectors.kit.transport import Transport


class Calls:
    """A meter that counts requests."""

    def __init__(self) -> None:
        self.count = 0

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        self.count += 1


class Opened:
    """A system behind its preset, with what it was sent."""

    def __init__(self, backend: MappedBackend) -> None:
        self.backend = backend
        self.sources = backend.sources
        self.calls = Calls()
        self.requests: list[Request] = []
        way = backend._way
        assert isinstance(way, Transport)
        send = way.send

        async def recorded(
            request: Request, ask: Ask, *, explain: Explain | None = None
        ) -> Response:
            self.requests.append(request)
            return await send(request, ask, explain=explain)

        way.send = recorded  # type: ignore[method-assign]  # what goes by is written down

    def ask(self, seconds: float = 60) -> Ask:
        """A question that may take so long."""
        deadline = asyncio.get_running_loop().time() + seconds
        return Ask(deadline, uuid.uuid4().hex, self.calls)

    async def every(self, entity: EntityName, *criteria: Condition) -> Mapping[str, Any]:
        """All records of an entity that satisfy the criteria, by key, with all columns."""
        return await self._read(entity, criteria, self.sources[entity].columns)

    async def keys(self, entity: EntityName, condition: Condition) -> frozenset[str]:
        """Keys of the records that satisfy a condition; nothing else is read of them."""
        found = await self._read(entity, (condition,), frozenset({condition.column}))
        return frozenset(found)

    async def _read(
        self, entity: EntityName, criteria: tuple[Condition, ...], columns: frozenset[str]
    ) -> Mapping[str, Any]:
        source = self.sources[entity]
        query = ListQuery(criteria, (), 1_000, columns)
        page = await source.page(query, self.ask())
        assert not page.more
        assert not page.failures
        return {r.provenance.key: r for r in page.records}

    def sent(self, *labels: str) -> list[Any]:
        """Bodies of the requests sent so far, of these labels if any are given; forgets all."""
        found = [r for r in self.requests if not labels or r.label in labels]
        self.requests.clear()
        return [json.loads(r.body or b"null") for r in found]


@asynccontextmanager
async def opened(config: Mapping[str, Any], secrets: Mapping[str, str]) -> AsyncIterator[Opened]:
    """A backend as a manifest writes it, over the real transport."""
    services = Services(environ=secrets, base_dir=Path.cwd())
    backend = await open_backend("erp", BackendConfig.model_validate(config), services)
    try:
        yield Opened(backend)
    finally:
        await backend.aclose()


async def column_mistakes(
    erp: Opened, entity: EntityName, everything: Mapping[str, Any]
) -> list[str]:
    """Columns by one of whose values the system finds other records than we would.

    Args:
        erp: The system.
        entity: What is looked for in it.
        everything: All records of it, by key.
    """
    wrong: list[str] = []
    for column in sorted(erp.sources[entity].columns - {"as_of"}):  # that of each reading
        held = [v for r in everything.values() for v in values_at(r, column)]
        value = next((v for v in held if isinstance(v, Scalar)), None)
        if value is None:
            continue
        for condition in _about(column, value):
            found = await erp.keys(entity, condition)
            expected = {k for k, r in everything.items() if matches(r, (condition,))}
            if found != expected:
                wrong.append(f"{condition}: {sorted(found)} instead of {sorted(expected)}")
    return wrong


def _about(column: str, value: Any) -> list[Condition]:
    found = [Condition(column, Op.IN, (value,)), Condition(column, Op.IS_NULL, value=False)]
    if isinstance(value, str):
        found.append(Condition(column, Op.STARTS_WITH, value[:3]))
    elif not isinstance(value, bool):
        found += [Condition(column, Op.RANGE, r) for r in (Range(value), Range(None, value))]
    return found
