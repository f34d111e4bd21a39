"""Everything that is wrong with an installation, found before its users do.

the manifest, key by key -> each sound backend, live and all at once -> Redis, the issuer's keys
  -> one report

Backends are probed even where other parts of the manifest are wrong, so that one run names all
there is to mend.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import structlog
from msgspec import Struct

from app.check_identity import identity_findings
from app.manifest.loading import Examination, examine
from app.manifest.problems import ManifestError, Problem
from app.manifest.trusted import read_trusted
from app.residency import elsewhere
from app.server.documents import Documents
from app.trusted import unfit
from canonical.backends import Backend
from canonical.entities import EntityName
from canonical.errors import SupplygraphError
from canonical.ports import Ask, Finding, Severity
from connectors.config import BackendConfig
from connectors.factory import open_backend
from connectors.kit.services import Services
from loaders.journal import Journal
from runtime.cache.connection import RedisHandle
from schema.api import published

_PROBE_S: Final = 60.0
_log = structlog.get_logger(__name__)

MANIFEST: Final = "manifest"


class Report(Struct, frozen=True):
    """What was found.

    Attributes:
        manifest: The manifest's file.
        problems: What is wrong with the manifest, in the order of the file.
        findings: What was found live, in the order of the manifest.
    """

    manifest: str
    problems: tuple[Problem, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing must be mended."""
        return not self.problems and all(f.severity is not Severity.ERROR for f in self.findings)

    def all_findings(self) -> list[Finding]:
        """Problems and findings in one form."""
        return [*map(self._as_finding, self.problems), *self.findings]

    def _as_finding(self, problem: Problem) -> Finding:
        separator = "; " if "; " in problem.message else ": "
        what, _, remedy = problem.message.partition(separator)
        where = f"{problem.file or self.manifest}:{problem.line}"
        if problem.path:
            where += f" {problem.path}"
        return Finding(MANIFEST, where, Severity.ERROR, what, remedy)


async def check_installation(
    file: Path, environ: Mapping[str, str], *, timeout_s: float = _PROBE_S
) -> Report:
    """Check a manifest and everything that it names.

    Args:
        file: The manifest.
        environ: Environment variables that it may refer to.
        timeout_s: Longest time that each system is probed.
    """
    try:
        found = examine(file, environ)
    except ManifestError as exc:
        return Report(str(file), exc.problems)
    live = await asyncio.gather(
        *(_probed(name, found, timeout_s) for name in found.parts.declared),
        _redis(found),
        _identity(found),
        asyncio.to_thread(_trusted, found),
    )
    return Report(str(file), found.problems, tuple(f for part in live for f in part))


async def _probed(name: str, found: Examination, timeout_s: float) -> Sequence[Finding]:
    where = _elsewhere(found).get(name)
    if where is not None:
        message = f"not asked from here: it is for processes of {where} alone"
        return [Finding(name, "residency", Severity.OK, message)]
    supplying = found.backends.get(name)
    if supplying is None or _cannot_be_opened(name, found):
        return ()  # why is among the problems
    entities = _entities_of(name, found)
    unused = [] if entities or _named_anywhere(name, found) else [_unused(name)]
    try:
        async with asyncio.timeout(timeout_s), _opened(name, supplying.config, found) as backend:
            ask = Ask(asyncio.get_running_loop().time() + timeout_s, "check", Journal())
            return [*unused, *await backend.probe(entities, ask)]
    except TimeoutError:
        message = f"did not answer all questions within {timeout_s:g} s"
        return [_error(name, "probe", message, "look whether it is slow, or raise --timeout")]
    except SupplygraphError as exc:
        remedy = f"correct it under backends.{name}"
        return [_error(name, "opening", exc.message.removeprefix(f"backend {name}: "), remedy)]
    except Exception as exc:  # noqa: BLE001  # a probe that fails says so beside the others
        _log.debug("probe failed", system=name, exc_info=exc)
        message = f"could not be checked: {type(exc).__name__}"
        return [_error(name, "probe", message, "report this, with what --debug shows")]


def _elsewhere(found: Examination) -> Mapping[str, str]:
    """Backends that this process may not ask, and their regions."""
    manifest = found.parts.manifest
    return {} if manifest is None else elsewhere(manifest, found.vault.environ)


@asynccontextmanager
async def _opened(name: str, config: BackendConfig, found: Examination) -> AsyncIterator[Backend]:
    services = Services(environ=found.vault.environ, base_dir=found.vault.base_dir)
    backend = await open_backend(name, config, services)
    try:
        yield backend
    finally:
        await backend.aclose()


def _entities_of(name: str, found: Examination) -> list[EntityName]:
    """Entities that the backend is a source of, as far as that makes sense."""
    has = found.backends[name].resolved.preset.entities
    return [
        entity
        for entity, config in found.parts.entities.items()
        if entity in has and any(s.backend == name for s in config.sources)
    ]


def _cannot_be_opened(name: str, found: Examination) -> bool:
    places = tuple(f"backends.{name}.{key}" for key in ("url", "auth", "ca_file", "proxy"))
    return any(p.path.startswith(places) for p in found.problems)


def _named_anywhere(name: str, found: Examination) -> bool:
    return found.parts.manifest is None or any(
        s.backend == name for e in found.parts.manifest.entities.values() for s in e.sources
    )


def _unused(name: str) -> Finding:
    return Finding(
        name,
        "entities",
        Severity.WARNING,
        "no entity names it as a source",
        f"name it under entities.<entity>.sources, or remove backends.{name}",
    )


async def _redis(found: Examination) -> Sequence[Finding]:
    if found.declaration is None or found.declaration.redis_url is None:
        return ()
    redis = RedisHandle(found.declaration.redis_url, operation_timeout_s=2.0)

    async def look(client: Any) -> bool:
        await client.exists("sg:check")
        return True

    try:
        if await redis.run(look, otherwise=False):
            return [Finding("redis", "connection", Severity.OK, "answers")]
    finally:
        await redis.aclose()
    return [
        Finding(
            "redis",
            "connection",
            Severity.WARNING,
            f"{redis.health()['address']} does not answer; each process would cache for itself",
            "start it, or correct cache.redis_url (REDIS_URL)",
        )
    ]


async def _identity(found: Examination) -> Sequence[Finding]:
    return () if found.declaration is None else await identity_findings(found.declaration)


def _trusted(found: Examination) -> Sequence[Finding]:
    """Which trusted documents do not fit the schema."""
    if found.declaration is None or not found.declaration.manifest.known_operations.files:
        return ()
    manifest = found.declaration.manifest
    texts = read_trusted(manifest.known_operations.files, found.vault.base_dir)
    documents = Documents(published(), manifest.limits.demand().loosest(), suggestions=True)
    remedy = "publish it again with a release of the client that fits this schema"
    wrong = [
        _error("known_operations", one.name, one.message, remedy)
        for one in unfit(texts, documents)
        if one is not None
    ]
    told = f"{len(texts) - len(wrong)} of {len(texts)} documents fit the schema"
    return [*wrong, Finding("known_operations", "files", Severity.OK, told)]


def _error(system: str, where: str, message: str, remedy: str) -> Finding:
    return Finding(system, where, Severity.ERROR, message, remedy)
