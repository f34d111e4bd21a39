"""The wiring: a manifest becomes open systems, a cache, a catalog and the readers over them.

manifest -> backends -> identity (crosswalks) -> catalog -> readers over the record cache
  -> the reads of one operation

One installation belongs to one process and one event loop.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.beside import beside
from app.event_log import EventLog, open_event_log
from app.governance.checked_tokens import AuditedTokens
from app.governance.opening import open_governance
from app.ingest.desks import Ingestion
from app.ingest.opening import open_ingestion, readers_of
from app.ingest.rereading import HookRereading, RowRereading
from app.jwks import keys_of
from app.manifest.crosswalks import walks_of
from app.manifest.freshness import DEFAULT_FRESHNESS
from app.manifest.loading import Declaration
from app.manifest.model import EntityConfig, SourceConfig
from app.manifest.trusted import read_trusted
from app.operating import CACHES, Operating, operating_on
from app.processes.running import RunningProcesses
from app.residency import Residence, settled
from app.server.edge import Edge
from app.server.known_operations import KnownOperations
from app.server.ports import EventDesk, Governance, OperationLimits, Serves, Tokens
from app.threshold_figures import crossings_of
from canonical.backends import Backend
from canonical.entities import ENTITIES, Entity, EntityName
from canonical.ports import Source
from connectors.factory import open_backend
from connectors.kit.services import Services
from execution.scheduling import LevelScheduler
from loaders.catalog import EVERYWHERE, Catalog, Supply, Territory
from loaders.context import ReadContext
from loaders.identity import IdentifiedSource
from loaders.keyed import KeyedReader
from loaders.lists import ListReader
from loaders.placing import PlacedSource
from loaders.questions import Questions
from loaders.reads import Reads
from loaders.shelf import FORMAT
from resolvers.context import DeclaredUnits, Limits
from runtime.cache.announcements import Announcements
from runtime.cache.answers import AnswerCache
from runtime.cache.connection import RedisHandle
from runtime.cache.persisted import PersistedTexts
from runtime.cache.record_cache import RecordCache
from runtime.cache.urls import Client
from runtime.embedded.valkey import embedded_valkey
from runtime.limits.redis_limits import RedisLimits
from runtime.limits.redis_rates import RedisRates
from runtime.replenishment.source import RecommendationSource
from runtime.security.access_table import AccessTable
from runtime.security.api_keys import APIKeys
from runtime.security.callers import Callers
from runtime.security.principal import Principal
from runtime.security.tokens import TokenVerifier
from schema.access import shipped_table
from workflows.ingestion.intake import Intake

_MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Everything that answers questions, opened by `open_installation`.

    Attributes:
        backends: The systems, by name.
        catalog: Which systems supply what.
        cache: The record cache.
        limits: What one question may ask for.
        operation_limits: What one request may take.
        units: Conversions declared in the manifest.
        tokens: Tells who is asking.
        access: What the manifest says about access.
        residence: Where this process and its callers may look.
        serves: How answers are kept and sent.
        edge: What is taken over HTTP.
        keyed: Reads records by key.
        lists: Reads lists.
        log: Keeps events, and tells of them.
        events: What operations ask of the log.
        ingestion: What takes in what systems send.
        operating: What operators do with the log.
        intake: Takes in what systems report.
        governance: What operations are audited by.
        processes: Processes that cross systems, once they run.
    """

    backends: Mapping[str, Backend]
    catalog: Catalog
    cache: RecordCache
    limits: Limits
    operation_limits: OperationLimits
    units: DeclaredUnits
    tokens: Tokens
    callers: Callers
    access: AccessTable | None
    residence: Residence
    serves: Serves
    edge: Edge
    keyed: KeyedReader
    lists: ListReader
    log: EventLog
    events: EventDesk
    ingestion: Ingestion
    operating: Operating
    intake: Intake
    governance: Governance
    processes: RunningProcesses

    def reads(self, scheduler: LevelScheduler, context: ReadContext) -> Reads:
        """The loaders of one operation."""
        return Reads(self.catalog, self.keyed, self.lists, scheduler, context)

    def territory(self, principal: Principal | None) -> Territory:
        """Where a caller may look; a stranger has nothing to look for."""
        return EVERYWHERE if principal is None else self.residence.territory(principal)

    def health(self) -> Mapping[str, Any]:
        """State of every dependency, without asking any.

        Returns:
            {"cache": {...}, "events": {...}, "backends": {name: {"state", ...}}, "identity":
            {"issuers": {name: {"keys", ...}}}, "elsewhere": {name: region}}. A backend's state is
            `ok`, `maintenance`, or its circuit's: `open`, `half_open`. Those elsewhere are not for
            this process, which does not open them.
        """
        backends = {name: _with_state(b.health()) for name, b in self.backends.items()}
        elsewhere = {"elsewhere": self.residence.elsewhere} if self.residence.elsewhere else {}
        answers = {} if self.serves.answers is None else self.serves.answers.health()
        return {
            "cache": {**self.cache.health(), "answers": answers},
            "events": self.log.health(),
            "backends": backends,
            "identity": {"issuers": self.callers.tokens.health()},
            **elsewhere,
        }


class Desks(Struct, frozen=True):
    """What stands around the readers: how answers are sent, the log, the audit, who may ask."""

    serves: Serves
    log: EventLog
    governance: Governance
    callers: Callers
    residence: Residence


@asynccontextmanager
async def open_installation(declared: Declaration) -> AsyncIterator[Installation]:
    """Open everything that a manifest declares, and close it in the opposite order.

    Nothing is asked of any system yet; one that is down costs its own fields, later.

    Raises:
        InvalidInputError: if a backend cannot be opened as it is configured.
        EmbeddedServerError: if no Redis is named and none can be started.
        MisconfiguredError: if the store of events cannot be used as it is.
    """
    declared, residence = settled(declared)
    async with AsyncExitStack() as stack:
        url = declared.redis_url
        if url is None:
            url = await stack.enter_async_context(embedded_valkey())
        redis = RedisHandle(url)
        stack.push_async_callback(redis.aclose)
        await redis.run(_ping, otherwise=False)  # so that health knows of it from the start
        megabytes = declared.manifest.cache.l1_megabytes
        cache = RecordCache(redis, version=FORMAT, l1_bytes=megabytes * _MEGABYTE)
        stack.push_async_callback(cache.aclose)
        await cache.changed_since((), 0)  # listens from the start, so that first answers are kept
        answers = _answers(declared, cache, redis)
        stack.push_async_callback(answers.aclose)
        services = Services(
            environ=declared.vault.environ,
            base_dir=declared.vault.base_dir,
            shared_limits=RedisLimits(redis),
        )
        backends: dict[str, Backend] = {}
        for name, config in declared.manifest.backends.items():
            backends[name] = await open_backend(name, config, services)
            stack.push_async_callback(backends[name].aclose)
        http = declared.manifest.http
        share = declared.manifest.cache.answers.share_in_flight
        known, traces = _known(declared, redis), declared.manifest.federation.traces
        rates = RedisRates(redis)
        serves = Serves(answers, known, share, http.gzip_from_bytes, traces, rates)
        log = await stack.enter_async_context(open_event_log(declared, redis))
        governance = await stack.enter_async_context(open_governance(declared.manifest, log, redis))
        questions = Questions(cache, Announcements(redis, FORMAT))
        callers = _callers(declared, log)
        stack.push_async_callback(callers.aclose)
        await stack.enter_async_context(beside(callers.keys.keep_flushing()))
        desks = Desks(serves, log, governance, callers, residence)
        installation = _wired(declared, backends, questions, desks)
        stack.push_async_callback(installation.intake.aclose)
        yield installation


async def _ping(client: Client) -> bool:
    return bool(await client.ping())


def _answers(declared: Declaration, cache: RecordCache, redis: RedisHandle) -> AnswerCache:
    """The answer cache; manifest and rules of access tell its answers from others in Redis."""
    said = declared.manifest.model_dump_json().encode() + shipped_table().model_dump_json().encode()
    rest = msgspec.msgpack.encode((FORMAT, version("supplygraph"), declared.tables))
    digest = hashlib.blake2b(said + rest, digest_size=8).hexdigest()
    max_bytes = declared.manifest.cache.answers.max_bytes
    return AnswerCache(cache, redis, version=digest, max_bytes=max_bytes)


def _callers(declared: Declaration, log: EventLog) -> Callers:
    config = declared.manifest.identity.token_config(declared.vault)
    return Callers(TokenVerifier(config, keys_of), APIKeys(log.store))


def _known(declared: Declaration, redis: RedisHandle) -> KnownOperations:
    config = declared.manifest.known_operations
    texts = read_trusted(config.files, declared.vault.base_dir)
    learned = PersistedTexts(redis) if config.automatic else None
    return KnownOperations(texts, config.policy(), learned)


def _wired(
    declared: Declaration,
    backends: Mapping[str, Backend],
    questions: Questions,
    desks: Desks,
) -> Installation:
    manifest, log = declared.manifest, desks.log
    catalog = _catalog(declared, backends, log)
    cache = questions.cache
    keyed = KeyedReader(catalog, cache, questions=questions)
    limits = manifest.limits
    intake = Intake(log.ledger, crossings_of(manifest, keyed, log.ledger))
    readers = readers_of(declared, catalog)
    ingestion = open_ingestion(declared, readers, intake, log)
    operating = operating_on(
        log.ledger,
        intake,
        {CACHES: questions.apply},
        {"webhook": HookRereading(readers), "bulk": RowRereading(ingestion.files.files)},
    )
    return Installation(
        backends=backends,
        catalog=catalog,
        cache=cache,
        limits=limits.for_resolvers(),
        operation_limits=OperationLimits(
            limits.operation_timeout_s, limits.max_query_kilobytes * 1024, limits.demand()
        ),
        units=manifest.units.declared(),
        access=manifest.access,
        residence=desks.residence,
        edge=manifest.http.edge(development=manifest.identity.development_key is not None),
        tokens=AuditedTokens(desks.callers, desks.governance.auditing),
        callers=desks.callers,
        serves=desks.serves,
        keyed=keyed,
        lists=ListReader(catalog, keyed, cache),
        log=log,
        events=EventDesk(log.ledger, operating.dead_letters, operating.replays),
        ingestion=ingestion,
        operating=operating,
        intake=intake,
        governance=desks.governance,
        processes=RunningProcesses(),
    )


def _catalog(declared: Declaration, backends: Mapping[str, Backend], log: EventLog) -> Catalog:
    entities = declared.manifest.entities
    walks = {name: walks_of(name, declared.tables) for name in backends}

    def supplies(name: EntityName, entity: EntityConfig) -> list[Supply]:
        found: list[Supply] = []
        for source in entity.sources:
            inner = backends[source.backend].sources[name]
            identified: Source = IdentifiedSource(inner, walks[source.backend])
            for column, value in _placed(name, source):
                if value is not None and column not in identified.columns:
                    identified = PlacedSource(identified, column, value)
            columns = _narrowed(identified.columns, source.columns, ENTITIES[name])
            found.append(Supply(identified, source.region, columns, source.company))
        return found

    found = {name: supplies(name, entity) for name, entity in entities.items()}
    freshness = {name: entity.freshness(name) for name, entity in entities.items()}
    processes = declared.manifest.processes
    if processes is not None and processes.replenishment is not None:
        ours = RecommendationSource(log.store, now=log.ledger.now)
        found.setdefault(ours.entity, []).append(Supply(ours, None, ours.columns))
        freshness.setdefault(ours.entity, DEFAULT_FRESHNESS[ours.entity])
    return Catalog(found, freshness)


def _placed(name: EntityName, source: SourceConfig) -> Sequence[tuple[str, str | None]]:
    """What a source's place says of its records."""
    if name is EntityName.LOCATION:
        return (("region", source.region),)
    return (("company", source.company),) if name is EntityName.PURCHASE_ORDER else ()


def _narrowed(has: frozenset[str], wanted: Sequence[str] | None, entity: Entity) -> frozenset[str]:
    """Columns that a source is asked for: those named, what is in and around them, its names."""
    if wanted is None:
        return has
    named = {*wanted, *entity.natural}
    return frozenset(
        c
        for c in has
        if any(c == n or c.startswith(f"{n}.") or n.startswith(f"{c}.") for n in named)
    )


def _with_state(health: Mapping[str, object]) -> Mapping[str, object]:
    state = health.get("circuit", "closed")
    if "maintenance_until" in health:
        state = "maintenance"
    return {"state": "ok" if state == "closed" else state, **health}
