"""A desk to ask questions at: the whole way from GraphQL text to sources, without HTTP."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from graphql import GraphQLError, parse, validate
from msgspec import Struct

from app.residency import Policy, territory_of
from canonical.dead_letters import DeadLetters, Replays
from canonical.entities import EntityName
from canonical.errors import SupplygraphError
from canonical.histories import EventHistory, NoHistory
from canonical.ports import Ask, Source
from execution.engine import Engine, Opened, Outcome
from execution.operation import Operation
from loaders.catalog import EVERYWHERE, Catalog, Freshness, Supply
from loaders.context import ReadContext
from loaders.crosswalks import Crosswalk
from loaders.identity import IdentifiedSource
from loaders.journal import Journal
from loaders.keyed import KeyedReader
from loaders.lists import ListReader
from loaders.placing import PlacedSource
from loaders.reads import Reads
from resolvers.context import DeclaredUnits, Governing, Limits, Processing, RequestContext
from runtime.cache.record_cache import RecordCache
from runtime.security.access import Access
from runtime.security.principal import Principal, Role
from schema.api import build_schema
from schema.scalars import COLUMN_WRITERS

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SCHEMA = build_schema()
ENGINE = Engine(SCHEMA._schema, writers=COLUMN_WRITERS)
PLANNER = Principal("pia", frozenset({Role.PLANNER}), None, NOW + timedelta(hours=1))


def supplier_principal(*codes: str) -> Principal:
    return Principal("sam", frozenset({Role.SUPPLIER}), codes, NOW + timedelta(hours=1))


class Answer(Struct):
    """What came of a question."""

    data: Any
    errors: Sequence[Any]
    problems: Sequence[tuple[SupplygraphError, tuple[str | int, ...]]]
    journal: Journal
    personal: bool = False
    levels: int = 0


class Desk:
    """One process's readers over some sources."""

    def __init__(
        self,
        *sources: Source,
        fresh_s: float = 60,
        grace_s: float = 600,
        crosswalks: Mapping[tuple[EntityName, str], Sequence[tuple[str, str]]] | None = None,
        cache: RecordCache | None = None,
        clock: Any = None,
        regions: Mapping[str, str] | None = None,
    ) -> None:
        walks: dict[str, dict[EntityName, Crosswalk]] = {}
        for (entity, system), pairs in (crosswalks or {}).items():
            walks.setdefault(system, {})[entity] = Crosswalk(system, pairs)
        supplies: dict[EntityName, list[Supply]] = {}
        for source in sources:
            known = IdentifiedSource(source, walks.get(source.system, {}))
            region = (regions or {}).get(source.system)
            found = placed(known, region)
            supply = Supply(found, region, found.columns)
            supplies.setdefault(source.entity, []).append(supply)
        freshness = Freshness(fresh_s, grace_s, min(fresh_s, 30), 0.05)
        self.now_s = NOW.timestamp()
        tick = clock or (lambda: self.now_s)
        self.cache = cache or RecordCache(None, version="test", clock=tick)
        self.catalog = Catalog(supplies, dict.fromkeys(EntityName, freshness))
        self.keyed = KeyedReader(self.catalog, self.cache, clock=tick)
        self.lists = ListReader(self.catalog, self.keyed, self.cache, clock=tick)
        self.units: DeclaredUnits = {}
        self.history: EventHistory = NoHistory()
        self.dead_letters: DeadLetters | None = None
        self.replays: Replays | None = None
        self.governing = Governing()
        self.processing = Processing()
        self.engine = ENGINE
        self.access: Access | None = None
        self.policy: Policy = {}
        self.regions = frozenset((regions or {}).values())

    async def ask(
        self,
        question: str,
        principal: Principal | None = PLANNER,
        *,
        max_staleness_s: float | None = None,
        limits: Limits | None = None,
        **variables: Any,
    ) -> Answer:
        """Ask a question."""
        journal = Journal()
        context = self.context(journal, principal, max_staleness_s, limits)
        document = parse(question)
        wrong: Sequence[GraphQLError] = validate(SCHEMA._schema, document)
        if wrong:
            return Answer(None, wrong, (), journal)
        try:
            outcome = await self.engine.run(question, document, None, variables, context)
        finally:
            context.operation.scheduler.end()
        answer = _answer(outcome, journal, personal=context.operation.personal)
        answer.levels = context.operation.scheduler.levels
        return answer

    async def hear(
        self, question: str, events: Sequence[Any], principal: Principal | None = PLANNER
    ) -> list[Answer]:
        """Subscribe, and be told of some events at once."""
        document = parse(question)
        assert not validate(SCHEMA._schema, document)
        opened = self.engine.open(question, document, None, {})
        assert isinstance(opened, Opened)
        journal = Journal()
        context = self.context(journal, principal)
        outcomes = await self.engine.events(opened, events, context)
        context.operation.scheduler.end()
        return [_answer(o, journal) for o in outcomes]

    def context(
        self,
        journal: Journal,
        principal: Principal | None,
        max_staleness_s: float | None = None,
        limits: Limits | None = None,
    ) -> RequestContext:
        """The context of one operation."""
        operation = Operation()
        deadline = asyncio.get_running_loop().time() + 10
        territory = EVERYWHERE
        if principal is not None:
            territory = territory_of(principal, self.policy, self.regions)
        terms = ReadContext(Ask(deadline, "test", journal), journal, max_staleness_s, territory)
        return RequestContext(
            operation=operation,
            principal=principal,
            reads=Reads(self.catalog, self.keyed, self.lists, operation.scheduler, terms),
            now=NOW,
            correlation_id="test",
            limits=limits or Limits(),
            units=self.units,
            history=self.history,
            dead_letters=self.dead_letters,
            replays=self.replays,
            governing=self.governing,
            access=self.access,
            processing=self.processing,
        )


def placed(source: IdentifiedSource, region: str | None) -> Source:
    """A source in a region, as an installation has it."""
    if region is None or source.entity is not EntityName.LOCATION or "region" in source.columns:
        return source
    return PlacedSource(source, "region", region)


def _answer(outcome: Outcome, journal: Journal, *, personal: bool = False) -> Answer:
    data = None if outcome.data is None else msgspec.json.decode(outcome.data)
    return Answer(data, tuple(outcome.errors), outcome.problems, journal, personal)
