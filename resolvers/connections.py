"""Connections: a page of a list in Relay's form, with how complete it is."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from canonical.completeness import State
from canonical.criteria import Criteria, Sort
from canonical.entities import EntityName
from canonical.errors import InvalidInputError, SupplygraphError, UnavailableError
from canonical.records import Record
from execution.operation import Partial
from loaders.lists import Contribution, Listed
from loaders.pages import page_of
from resolvers.context import RequestContext

_SOMEWHERE: Final = "supplygraph"


class Edge(Struct, frozen=True):
    """A record with its cursor."""

    cursor: str
    node: Record


class PageInfo(Struct, frozen=True):
    """Where a page stands in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


class SystemState(Struct, frozen=True):
    """How one system contributed to a list."""

    system: str
    state: State
    message: str | None


class Completeness(Struct, frozen=True):
    """How complete a list is."""

    complete: bool
    systems: Sequence[SystemState]


class Connection(Struct, frozen=True):
    """A page of a list. What is not asked of it is not made.

    Attributes:
        listed: The page as the loaders read it.
        nodes: What to show of its records, alike in length.
    """

    listed: Listed
    nodes: Sequence[Any]

    @property
    def edges(self) -> Sequence[Edge]:
        """The records with their cursors."""
        return [Edge(c, n) for c, n in zip(self.listed.cursors, self.nodes, strict=True)]

    @property
    def page_info(self) -> PageInfo:
        """Where the page stands in its list."""
        listed, cursors = self.listed, self.listed.cursors
        first, last = (cursors[0], cursors[-1]) if len(cursors) else (None, None)
        return PageInfo(listed.more, listed.started, first, last)

    @property
    def total_count(self) -> int | None:
        """How many records there are in all, where every system can tell."""
        return self.listed.total

    @property
    def completeness(self) -> Completeness:
        """How complete the page is."""
        contributions = self.listed.contributions
        whole = not any(_missed(c) for c in contributions)
        return Completeness(whole, [_state(c) for c in contributions])


EMPTY = Connection(Listed((), (), more=False, total=0, contributions=(), started=False), ())
"""The page of a list with nothing in it for the caller."""


def connection(listed: Listed, records: Sequence[Any] | None = None) -> Connection | Partial:
    """The connection for a page; `Partial` if a system is missing in it.

    Args:
        listed: The page.
        records: What to show in place of its records, alike in length.
    """
    made = Connection(listed, listed.records if records is None else records)
    problems = tuple(p for c in listed.contributions for p in _missed(c))
    return Partial(made, problems) if problems else made


def page_or_error(
    entity: EntityName,
    found: Sequence[Any] | Partial,
    criteria: Criteria,
    order: tuple[Sort, ...],
    page: tuple[int, str | None],
) -> Listed | InvalidInputError:
    """One parent's page of records that are at hand, or why its cursor cannot be used.

    What was missing when they were read is missing in the page, which then has no total.

    Args:
        entity: What is listed.
        found: The records.
        criteria: What they satisfy.
        order: In which order.
        page: Most records wanted, and the cursor of the last one seen.
    """
    first, after = page
    records = found.value if isinstance(found, Partial) else found
    try:
        made = page_of(entity, records, criteria, order, first, after)
    except InvalidInputError as exc:
        return exc
    if not isinstance(found, Partial):
        return made
    parts = {c.system: c for c in made.contributions}
    for problem in found.problems:
        system = problem.system if isinstance(problem, UnavailableError) else _SOMEWHERE
        part = parts.get(system)
        if part is None:
            parts[system] = Contribution(system, State.MISSING, problem)
        else:
            parts[system] = replace(part, left_out=(*part.left_out, problem))
    return replace(made, total=None, contributions=list(parts.values()))


def page_size(first: int | None, context: RequestContext) -> int:
    """The page size asked for, or the default.

    Raises:
        InvalidInputError: if it is out of bounds.
    """
    if first is None:
        return context.limits.default_page_size
    if not 1 <= first <= context.limits.max_page_size:
        raise InvalidInputError(
            f"`first` is {first}; it must be from 1 to {context.limits.max_page_size}. "
            f"For more, read page by page with `after`"
        )
    return first


def _missed(contribution: Contribution) -> tuple[SupplygraphError, ...]:
    """What a list lacks of a system; of a stale page nothing but what could not be read."""
    problem = contribution.problem
    if problem is None or contribution.state is State.STALE:
        return contribution.left_out
    return (problem, *contribution.left_out)


def _state(contribution: Contribution) -> SystemState:
    problem = contribution.problem
    told = [p.message for p in (problem, *contribution.left_out) if p is not None]
    message = told[0] if told else None
    if len(told) > 1:
        message = f"{told[0]} (and {len(told) - 1} more)"
    return SystemState(contribution.system, contribution.state, message)
