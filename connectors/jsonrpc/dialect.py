"""What the dialects have in common: searches over models, with conditions and a context."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct, field

from canonical.ports import Ask
from connectors.kit.rows import Clause, Push, Row, Test

Context = Mapping[str, Any]

MISSING: Final = "missing"
"""Type of a field that an installation lacks and may lack: it is read as null."""


class Search(Struct, frozen=True, kw_only=True):
    """Records wanted of a model.

    Attributes:
        model: Name of the model.
        where: Clauses that must all hold, all of them pushable.
        columns: Dotted paths wanted. The id is always given.
        sort: Paths with their direction (True: descending). Ties go by id.
        context: Over the context that every call has.
    """

    model: str
    where: tuple[Clause, ...] = ()
    columns: tuple[str, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()
    offset: int = 0
    limit: int | None = None
    context: Context = field(default_factory=dict)


class ModelField(Struct, frozen=True):
    """A field as the system describes it."""

    type: str
    relation: str | None = None


class Dialect(Protocol):
    """How one kind of system is asked.

    All methods that ask raise as `connectors.kit.http.HTTPCaller.send` does.
    """

    def push(self, test: Test) -> Push:
        """Tell whether a domain can express a test."""

    async def search(self, search: Search, ask: Ask) -> Sequence[Row]:
        """Records as nested dicts and lists along the paths asked for."""

    async def count(self, search: Search, ask: Ask) -> int:
        """How many records match, whatever the limit."""

    async def fields(self, model: str, ask: Ask) -> Mapping[str, ModelField]:
        """The fields of a model."""

    async def aclose(self) -> None:
        """Stop a sign-in under way."""


def prefixes(columns: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Paths by their first step, with what follows it: `a.b`, `a.c`, `d` -> a: (b, c), d: ()."""
    found: dict[str, dict[str, None]] = {}
    for path in columns:
        first, _, rest = path.partition(".")
        inner = found.setdefault(first, {})
        if rest:
            inner[rest] = None
    return {name: tuple(rest) for name, rest in found.items()}
