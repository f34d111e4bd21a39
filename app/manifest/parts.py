"""The sound parts of a manifest whose others are not, so that everything wrong is found at once."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

from msgspec import Struct
from pydantic import BaseModel, ValidationError

from app.manifest.document import Document
from app.manifest.identity import IdentityConfig
from app.manifest.known import Known
from app.manifest.messages import at, problems_of
from app.manifest.model import CacheConfig, CrosswalkConfig, EntityConfig, Manifest
from app.manifest.problems import Path, Problem
from app.manifest.schema import manifest_schema
from app.manifest.streaming import StoreConfig
from canonical.entities import EntityName
from connectors.config import BackendConfig

_NOWHERE: Final = "https://unknown.invalid"

M = TypeVar("M", bound=BaseModel)


class Parts(Struct, frozen=True):
    """What of a manifest could be read.

    Attributes:
        document: The file.
        manifest: All of it, if nothing in its form is wrong.
        backends: Sound backends.
        sketches: Other backends, without their keys that are wrong: to be looked at, not opened.
        declared: Names of all backends.
        entities: Sound entities.
        crosswalks: Sound crosswalks.
        cache: The cache, if sound.
        identity: Whose tokens are accepted, if sound.
        store: The database of the event log, if sound.
    """

    document: Document
    manifest: Manifest | None
    backends: Mapping[str, BackendConfig]
    sketches: Mapping[str, BackendConfig]
    declared: Collection[str]
    entities: Mapping[EntityName, EntityConfig]
    crosswalks: Mapping[EntityName, CrosswalkConfig]
    cache: CacheConfig | None
    identity: IdentityConfig | None
    store: StoreConfig | None


def read_parts(document: Document) -> tuple[Parts, list[Problem]]:
    """Compare a document with the models.

    Returns:
        The sound parts, and what is wrong with the others.
    """
    problems: list[Problem] = []
    manifest: Manifest | None = None
    try:
        manifest = Manifest.model_validate(document.data)
    except ValidationError as exc:
        errors = exc.errors(include_url=False)
        problems = problems_of(errors, document, Known(manifest_schema()))
    names = {e.value: e for e in EntityName}
    backends = _each(document, ("backends",), BackendConfig)
    entities = _each(document, ("entities",), EntityConfig)
    crosswalks = _each(document, ("crosswalks",), CrosswalkConfig)
    declared = at(document.data, ("backends",))
    parts = Parts(
        document,
        manifest,
        {str(name): b for name, b in backends.items()},
        _sketches(document, frozenset(backends)),
        [str(name) for name in declared] if isinstance(declared, Mapping) else [],
        {names[n]: e for n, e in entities.items() if n in names},
        {names[n]: c for n, c in crosswalks.items() if n in names},
        _one(document, ("cache",), CacheConfig, {}),
        _one(document, ("identity",), IdentityConfig),
        _one(document, ("store",), StoreConfig, {}),
    )
    return parts, problems


def _each(document: Document, path: Path, model: type[M]) -> dict[Any, M]:
    found = at(document.data, path)
    if not isinstance(found, Mapping):
        return {}
    sound = {name: _one(document, (*path, name), model) for name in found}
    return {name: part for name, part in sound.items() if part is not None}


def _one(document: Document, path: Path, model: type[M], default: Any = None) -> M | None:
    written = at(document.data, path)
    try:
        return model.model_validate(default if written is None else written)
    except ValidationError:
        return None


def _sketches(document: Document, sound: frozenset[object]) -> dict[str, BackendConfig]:
    declared = at(document.data, ("backends",))
    found: dict[str, BackendConfig] = {}
    for name, written in declared.items() if isinstance(declared, Mapping) else ():
        if name in sound or not isinstance(written, Mapping):
            continue
        rest = {"url": _NOWHERE, **written}
        with suppress(ValidationError):
            try:
                found[str(name)] = BackendConfig.model_validate(rest)
            except ValidationError as exc:
                wrong = {e["loc"][0] for e in exc.errors() if e["loc"]}
                rest = {k: v for k, v in rest.items() if k not in wrong}
                found[str(name)] = BackendConfig.model_validate({"url": _NOWHERE, **rest})
    return found
