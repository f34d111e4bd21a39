"""Connections: a page of a list in Relay's form, with how complete it is."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from canonical.completeness import State
from canonical.errors import InvalidInputError, SupplygraphError
from canonical.records import Record
from execution.operation import Partial
from loaders.lists import Contribution, Listed
from resolvers.context import RequestContext


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
    """A page of a list."""

    edges: Sequence[Edge]
    nodes: Sequence[Record]
    page_info: PageInfo
    total_count: int | None
    completeness: Completeness


EMPTY = Connection((), (), PageInfo(False, False, None, None), 0, Completeness(True, ()))
"""The page of a list with nothing in it for the caller."""


def connection(listed: Listed, records: Sequence[Any] | None = None) -> Connection | Partial:
    """The connection for a page; `Partial` if a system is missing in it.

    Args:
        listed: The page.
        records: What to show in place of its records, alike in length.
    """
    nodes = listed.records if records is None else records
    cursors = listed.cursors
    made = Connection(
        [Edge(c, n) for c, n in zip(cursors, nodes, strict=True)],
        nodes,
        PageInfo(
            listed.more,
            listed.started,
            cursors[0] if cursors else None,
            cursors[-1] if cursors else None,
        ),
        listed.total,
        Completeness(
            not any(_missed(c) for c in listed.contributions),
            [_state(c) for c in listed.contributions],
        ),
    )
    problems = tuple(p for c in listed.contributions for p in _missed(c))
    return Partial(made, problems) if problems else made


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
