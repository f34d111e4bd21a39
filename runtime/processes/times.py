"""How long processes take, or one step of them: by what they are about."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from canonical.processes import ProcessTime, ProcessTimesAsked, TimesBy
from runtime.processes.about import about_only
from runtime.store.process_tables import PROCESS_STEPS, PROCESS_SUBJECTS, PROCESSES

_MOST: Final = 200_000
"""Spans that are looked at, the latest ended first."""
_SLOW: Final = 90


def spans(asked: ProcessTimesAsked) -> sa.Select[Any]:
    """The spans that are asked for: the subject, when each began and when it ended."""
    about = PROCESS_SUBJECTS.c
    of: Any = PROCESSES if asked.step is None else PROCESS_STEPS
    process_id = PROCESSES.c.id if asked.step is None else PROCESS_STEPS.c.process_id
    source = of.join(PROCESS_SUBJECTS, about.process_id == process_id)
    query = sa.select(about.subject, of.c.started_at, of.c.ended_at)
    if asked.step is not None:
        source = source.join(PROCESSES, PROCESSES.c.id == process_id)
        query = query.where(PROCESS_STEPS.c.name == asked.step)
    return (
        query.select_from(source)
        .where(
            PROCESSES.c.kind == asked.kind,
            about.subject.startswith(f"{asked.by.value.lower()}:", autoescape=True),
            of.c.ended_at >= asked.since,
            of.c.ended_at < asked.until,
            *about_only("region", asked.regions),
            *about_only("company", asked.companies),
        )
        .order_by(of.c.ended_at.desc())
        .limit(_MOST)
    )


def times(rows: Iterable[tuple[str, datetime, datetime]], by: TimesBy) -> Sequence[ProcessTime]:
    """How many spans there are for each subject, and how long they took; by subject."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for subject, started_at, ended_at in rows:
        seconds[subject].append((ended_at - started_at).total_seconds())
    return [
        _time(subject.removeprefix(f"{by.value.lower()}:"), sorted(found))
        for subject, found in sorted(seconds.items())
    ]


def _time(of: str, seconds: Sequence[float]) -> ProcessTime:
    slow = -(-len(seconds) * _SLOW // 100) - 1  # the nearest rank, from 0 on
    return ProcessTime(
        of=of,
        count=len(seconds),
        average_seconds=sum(seconds) / len(seconds),
        p90_seconds=seconds[slow],
    )
