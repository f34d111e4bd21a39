"""What each backend can supply: its preset with the manifest's changes, checked line by line."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct
from pydantic_core import ErrorDetails

from app.manifest.document import Document
from app.manifest.known import Known
from app.manifest.messages import at, problems_of
from app.manifest.problems import Path, Problem, suggestion
from app.manifest.schema import manifest_schema
from canonical.entities import EntityName
from connectors.config import BackendConfig, BackendConfigError, Mistake
from connectors.factory import Resolved, outside_mistakes, resolve_backend
from connectors.kit.mapping.presets import preset_names
from connectors.kit.secrets import Vault
from connectors.kit.services import Services

_PLACED: Final = re.compile(r"(?:^|; )(?=[a-z_]+\.(?:fields|lookups)\b)")
_NO_COLUMN: Final = re.compile(r"(?s)^(.* has no such column); it has (.*)$")
_MODELS_WORD: Final = {
    "Field required": "missing",
    "there is no such key": "extra_forbidden",
}


class Supplying(Struct, frozen=True):
    """A backend that can be opened, if perhaps without some entities.

    Attributes:
        resolved: Its whole configuration, without the entities that are wrong.
        broken: Entities whose mapping is wrong.
    """

    resolved: Resolved
    broken: frozenset[EntityName] = frozenset()

    @property
    def config(self) -> BackendConfig:
        """What the manifest says, without the entities that are wrong."""
        return self.resolved.config


def supplying(
    backends: Mapping[str, BackendConfig], document: Document
) -> tuple[dict[str, Supplying], list[Problem]]:
    """The backends that can be opened, and what is wrong with any of them."""
    found: dict[str, Supplying] = {}
    problems: list[Problem] = []
    for name, config in backends.items():
        if config.preset is not None and config.preset not in preset_names():
            message = (
                f"there is no preset {config.preset!r}{suggestion(config.preset, preset_names())}"
            )
            problems.append(document.problem(("backends", name, "preset"), message))
            continue
        one, wrong = _resolved(name, config, document)
        problems += wrong
        if one is not None:
            found[name] = one
    return found, problems


def outside_problems(
    backends: Mapping[str, Supplying], document: Document, vault: Vault
) -> Iterator[Problem]:
    """What of the backends' addresses, secrets and files is not as it should be."""
    services = Services(environ=vault.environ, base_dir=vault.base_dir)
    for name, one in backends.items():
        mistakes = tuple(outside_mistakes(one.resolved, services))
        yield from _problems(name, mistakes, document)


def _resolved(
    name: str, config: BackendConfig, document: Document
) -> tuple[Supplying | None, list[Problem]]:
    """The backend without its entities that are wrong, found in as many rounds as it takes."""
    problems: list[Problem] = []
    broken: frozenset[EntityName] = frozenset()
    while True:
        without = {**config.entities, **dict.fromkeys(broken)}
        try:
            rest = resolve_backend(name, config.model_copy(update={"entities": without}))
        except BackendConfigError as exc:
            mistakes = tuple(p for m in exc.mistakes for p in _apart(m))
            problems += _problems(name, mistakes, document)
            further = frozenset(_entities_in(mistakes)) - broken
            if not further:
                return None, problems
            broken |= further
        else:
            return Supplying(rest, broken), problems


def _apart(mistake: Mistake) -> Iterator[Mistake]:
    """A mistake that is a whole list of places, one by one."""
    pieces = [p for p in _PLACED.split(mistake.message) if p]
    if mistake.path or not _PLACED.match(mistake.message):
        yield mistake
        return
    for piece in pieces:
        place, _, message = piece.partition(": ")
        path = ("entities", *place.split("."))
        missing = _NO_COLUMN.match(message)
        if missing:
            message = f"{missing[1]}{suggestion(path[-1], missing[2].split(', '))}"
        yield Mistake(path=path, message=message)


def _entities_in(mistakes: tuple[Mistake, ...]) -> Iterator[EntityName]:
    names = {e.value: e for e in EntityName}
    for mistake in mistakes:
        if mistake.path[:1] == ("entities",) and len(mistake.path) > 1:
            yield from (names[n] for n in mistake.path[1:2] if n in names)


def _problems(name: str, mistakes: tuple[Mistake, ...], document: Document) -> Iterator[Problem]:
    base: Path = ("backends", name)
    errors: list[ErrorDetails] = []
    for mistake in mistakes:
        kind = _MODELS_WORD.get(mistake.message, mistake.kind)
        if kind == "value_error":
            yield document.problem(_written(document, (*base, *mistake.path)), mistake.message)
            continue
        errors.append(
            {
                "type": kind,
                "loc": mistake.path,
                "msg": mistake.message,
                "input": None,
                "ctx": dict(mistake.context),
            }
        )
    yield from problems_of(errors, document, Known(manifest_schema()), base)


def _written(document: Document, path: Path) -> Path:
    """The part of a path that the manifest itself has; the rest stands in the preset."""
    while path and at(document.data, path[:-1]) is None:
        path = path[:-1]
    return path
