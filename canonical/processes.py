"""Processes that cross systems, as people look at them; and the port to look at them.

What they do is in `workflows`; how they last is its engine's business.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Protocol

from msgspec import Meta, Struct


class ProcessState(StrEnum):
    """How a process stands."""

    RUNNING = "RUNNING"
    WAITING = "WAITING"
    STUCK = "STUCK"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


ENDED: Final = frozenset({ProcessState.SUCCEEDED, ProcessState.FAILED, ProcessState.CANCELLED})
"""States that do not change any more."""


class StepState(StrEnum):
    """How a step stands."""

    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    IN_DOUBT = "IN_DOUBT"
    WAITING = "WAITING"
    STUCK = "STUCK"
    DONE = "DONE"
    FAILED = "FAILED"


class ProcessStep(Struct, frozen=True, kw_only=True):
    """One step of a process."""

    number: Annotated[int, Meta(description="Its place among the steps, from 1 on.")]
    name: Annotated[str, Meta(description="What is done in it.")]
    state: Annotated[StepState, Meta(description="How it stands.")]
    attempts: Annotated[int, Meta(description="How often it was begun.")] = 1
    started_at: Annotated[datetime, Meta(description="When it was begun first.")]
    ended_at: Annotated[datetime | None, Meta(description="When it was done.")] = None
    detail: Annotated[
        str | None, Meta(description="What it waits for, or what went wrong, for people.")
    ] = None


class ProcessView(Struct, frozen=True, kw_only=True):
    """A process, as people look at it."""

    process_id: Annotated[str, Meta(description="Names the process.")]
    kind: Annotated[str, Meta(description="Which process: `ordering`, `approval` and so on.")]
    version: Annotated[int, Meta(description="Version of the process that it runs by.")]
    state: Annotated[ProcessState, Meta(description="How it stands.")]
    subjects: Annotated[
        tuple[str, ...],
        Meta(description="What it is about: `supplier:S-1`, `item:SKU-1`, `purchase_order:45`."),
    ] = ()
    correlation_id: Annotated[str, Meta(description="Ties everything about it together.")]
    started_by: Annotated[str | None, Meta(description="Who asked for it; null for events.")] = None
    started_at: Annotated[datetime, Meta(description="When it began.")]
    updated_at: Annotated[datetime, Meta(description="When it last came on.")]
    ended_at: Annotated[datetime | None, Meta(description="When it ended.")] = None
    waits_for: Annotated[str | None, Meta(description="What it waits for, for people.")] = None
    outcome: Annotated[str | None, Meta(description="What came of it, for people.")] = None
    steps: Annotated[tuple[ProcessStep, ...], Meta(description="Its steps, in order.")] = ()


class ProcessFilter(Struct, frozen=True, kw_only=True):
    """Which processes; all conditions that are given must hold.

    Attributes:
        kinds: Of these kinds.
        states: In one of these states.
        subjects: About one of these.
        suppliers: About one of these suppliers.
        items: About one of these items.
        regions: About regions, and these alone.
        companies: About companies, and these alone.
        correlation_id: With this correlation id.
        since: Begun at this moment or later.
        until: Begun before this moment.
    """

    kinds: tuple[str, ...] | None = None
    states: tuple[ProcessState, ...] | None = None
    subjects: tuple[str, ...] | None = None
    suppliers: tuple[str, ...] | None = None
    items: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    companies: tuple[str, ...] | None = None
    correlation_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class ProcessPage(Struct, frozen=True):
    """A page of processes, the latest begun first.

    Attributes:
        processes: The processes.
        more: Whether others follow.
        total: How many there are in all that satisfy the filter.
    """

    processes: Sequence[ProcessView]
    more: bool
    total: int


class TimesBy(StrEnum):
    """What times are told apart by: subjects of processes."""

    SUPPLIER = "SUPPLIER"
    REGION = "REGION"
    CATEGORY = "CATEGORY"


class ProcessTimesAsked(Struct, frozen=True, kw_only=True):
    """Which times.

    Attributes:
        kind: Of processes of this kind.
        step: Of their steps of this name; of the whole process if None.
        since: That ended at this moment or later.
        until: That ended before this moment.
        by: What they are told apart by.
        regions: Of processes about regions, and these alone.
        companies: Of processes about companies, and these alone.
    """

    kind: str
    step: str | None = None
    since: datetime
    until: datetime
    by: TimesBy
    regions: tuple[str, ...] | None = None
    companies: tuple[str, ...] | None = None


class ProcessTime(Struct, frozen=True, kw_only=True):
    """How long processes took that have ended, or a step of them."""

    of: Annotated[str, Meta(description="The supplier, region or category that they are about.")]
    count: Annotated[int, Meta(description="How many there were.")]
    average_seconds: Annotated[float, Meta(description="How long they took on average.")]
    p90_seconds: Annotated[float, Meta(description="Nine in ten took no longer.")]


class Processes(Protocol):
    """Looks at processes. What cannot be read now is an `UnavailableError`."""

    async def page(self, wanted: ProcessFilter, *, first: int, after: str | None) -> ProcessPage:
        """Processes, the latest begun first; behind the one with an id, if it is named."""

    async def by_ids(self, process_ids: Collection[str]) -> Mapping[str, ProcessView]:
        """Processes by id; those that are not there are left out."""

    async def times(self, asked: ProcessTimesAsked) -> Sequence[ProcessTime]:
        """How long processes took, by supplier, region or category, in the order of its name."""
