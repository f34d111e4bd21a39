"""How links and root lists read: by reference, by what points here, page by page.

Always within what the caller may see.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from canonical.absent import ABSENT, is_absent
from canonical.criteria import Criteria, Op, Sort, columns_of, holds
from canonical.entities import ENTITIES, KEY, EntityName
from canonical.errors import NotFoundError, SupplygraphError, UnsupportedError
from execution.fields import Asked, BatchResolver, Reference
from execution.operation import Partial
from loaders.lists import ListQuestion
from loaders.merging import Found
from resolvers.connections import EMPTY, Connection, connection, page_size
from resolvers.context import RequestContext
from resolvers.places import where
from resolvers.visibility import both, refusal, rules, sees_everything, visible

SystemKey = tuple[str, str]
"""A record of one system: the system's name and its key there."""


async def by_name(
    context: RequestContext, entity: EntityName, names: Sequence[str | None], asked: Asked
) -> list[Any]:
    """For each natural key its record, None where there is none, or why it was not read.

    Where nothing but the key itself is wanted, nothing is read. A key that its system does not
    supply leads to nothing.
    """
    [column] = ENTITIES[entity].natural
    if ABSENT in names:
        names = [None if is_absent(n) else n for n in names]
    within = rules(context, entity)
    if asked.columns <= {column} and all(c.column == column for c in within):
        seen = [n if all(holds(c, n) for c in within) else None for n in names] if within else names
        return known_by_name(entity, seen)
    found = await _found(context, entity, column, (n for n in names if n is not None), asked)
    single = {name: _single(at_key) for name, at_key in found.items()}
    return [None if n is None else single[n] for n in names]


def known_by_name(entity: EntityName, names: Sequence[str | None]) -> list[Any]:
    """For each natural key a record that knows it alone, the same one for the same key."""
    [column] = ENTITIES[entity].natural
    record: type[Any] = ENTITIES[entity].record
    made: dict[str | None, Any] = {
        n: record(**{column: n}) for n in dict.fromkeys(names) if n is not None and not is_absent(n)
    }
    return [made.get(n) for n in names]


def reference_to(
    entity: EntityName, names: Callable[[Sequence[Any]], Sequence[str | None]]
) -> Reference:
    """What parents tell of the records that a link leads to: their natural key.

    Args:
        entity: What they are.
        names: Their keys, parent by parent; None where a parent leads to nothing.
    """
    return Reference(
        lambda parents: known_by_name(entity, names(parents)), frozenset(ENTITIES[entity].natural)
    )


async def required(
    context: RequestContext, entity: EntityName, names: Sequence[str], asked: Asked
) -> list[Any]:
    """As `by_name`, for references that must lead somewhere: a missing record is an error."""
    records = await by_name(context, entity, names, asked)
    return [
        _lost(entity, name) if record is None else record
        for name, record in zip(names, records, strict=True)
    ]


async def by_reference(
    context: RequestContext,
    entity: EntityName,
    references: Sequence[SystemKey | None],
    asked: Asked,
) -> list[Any]:
    """For each (system, key) its record, None where there is none, or why it was not read."""
    by_system: dict[str, list[str]] = {}
    for system, key in (r for r in references if r is not None):
        by_system.setdefault(system, []).append(key)
    answers = await asyncio.gather(
        *(_found(context, entity, KEY, k, asked, system=s) for s, k in by_system.items())
    )
    found = {
        (system, key): _single(at_key)
        for system, answer in zip(by_system, answers, strict=True)
        for key, at_key in answer.items()
    }
    return [None if r is None else found.get(r) for r in references]


async def pointing_here(
    context: RequestContext,
    entity: EntityName,
    column: str,
    keys: Sequence[str],
    asked: Asked,
    *,
    criteria: Criteria = (),
    system: str | None = None,
) -> list[list[Any] | Partial]:
    """For each key all records whose column holds it; partial where a system could not be asked."""
    refused = refusal(entity, context.caller)
    if refused is not None:
        return [Partial([], (refused,)) for _ in keys]
    if not context.reads.catalog.has(entity):
        return [[] for _ in keys]
    found = await _found(context, entity, column, keys, asked, criteria=criteria, system=system)
    whole = {k: _partial(list(f.records), f.problems) for k, f in found.items()}
    return [whole[k] for k in keys]


async def listed(
    context: RequestContext,
    entity: EntityName,
    asked: Asked,
    *,
    criteria: Criteria = (),
    order: Sequence[Sort] = (),
    first: int | None = None,
    after: str | None = None,
    systems: frozenset[str] | None = None,
) -> Connection | Partial:
    """One page of a list, as far as the caller may see it.

    Raises:
        InvalidInputError: if `first` or `after` is wrong.
        RefusedError: if the caller may see nothing of the kind.
        UnavailableError: if no system could be asked.
    """
    refused = refusal(entity, context.caller)
    if refused is not None:
        raise refused
    size = page_size(first, context)
    within = (*rules(context, entity), *await where(context, entity))
    allowed = both(criteria, within)
    if allowed is None or _impossible(allowed) or not context.reads.catalog.has(entity):
        return EMPTY
    columns = asked.columns | columns_of(within, ())
    question = ListQuestion(
        entity, columns, size, allowed, tuple(order), after, asked.total, systems
    )
    page = await context.reads.page(question)
    return connection(page, visible(entity, page.records, context.caller, within))


async def narrowed(context: RequestContext, entity: EntityName, criteria: Criteria) -> Criteria:
    """Criteria of a list as the caller's part of it has them: its cursors are told by these."""
    within = (*rules(context, entity), *await where(context, entity))
    return both(criteria, within) or criteria


def _impossible(criteria: Criteria) -> bool:
    return any(c.op is Op.IN and not c.value for c in criteria)


def root_list(entity: EntityName, *order: Sort) -> BatchResolver:
    """The resolver of a root field that lists an entity, by default in this order."""

    async def read(
        context: RequestContext,
        parents: Sequence[None],
        asked: Asked,
        *,
        filter: Criteria = (),
        order_by: Sequence[Sort] = (),
        max_staleness: int | None = None,
        **page: Any,
    ) -> list[Any]:
        """A page of the list."""
        context.reads.context.demand(max_staleness)
        wanted = order_by or order
        found = await listed(context, entity, asked, criteria=filter, order=wanted, **page)
        return [found for _ in parents]

    return read


async def sought(
    context: RequestContext, entity: EntityName, name: str, asked: Asked, max_staleness: int | None
) -> Any:
    """The record that a natural key names, looked up even where nothing but the key is wanted."""
    context.reads.context.demand(max_staleness)
    beyond_key = Asked(asked.columns | {"name"}, asked.total)
    return (await by_name(context, entity, [name], beyond_key))[0]


async def _found(
    context: RequestContext,
    entity: EntityName,
    column: str,
    keys: Iterable[str],
    asked: Asked,
    *,
    criteria: Criteria = (),
    system: str | None = None,
) -> Mapping[str, Found]:
    """Records by key, as far as the caller may see them."""
    pushed, placed = rules(context, entity), await where(context, entity)
    within = (*pushed, *placed)
    narrowed = both(criteria, pushed)
    if narrowed is None or _impossible(within):
        return {k: Found((), ()) for k in keys}
    columns = asked.columns | columns_of(within, ())
    found = await context.reads.many(
        entity, column, keys, columns, criteria=narrowed, system=system
    )
    if not within and sees_everything(context.caller):
        return found
    return {
        k: Found(tuple(visible(entity, f.records, context.caller, within)), f.problems)
        for k, f in found.items()
    }


def _single(found: Found) -> Any:
    records = found.records
    if not records:
        return found.problems[0] if found.problems else None
    return _partial(records[0], found.problems)


def _partial(value: Any, problems: tuple[SupplygraphError, ...]) -> Any:
    return Partial(value, problems) if problems else value


def _lost(entity: EntityName, name: str) -> SupplygraphError:
    kind = entity.value.replace("_", " ")
    if is_absent(name):
        return UnsupportedError(f"no {kind} is supplied here; map it in the manifest")
    return NotFoundError(
        f"{kind} {name!r} is referred to, but no system that supplies {kind}s has it; "
        f"check the crosswalk and the sources of {entity.value!r}"
    )
