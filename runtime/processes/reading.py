"""Reading processes for people: by page, by id, and how long they take."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.processes import (
    ProcessFilter,
    ProcessPage,
    ProcessStep,
    ProcessTime,
    ProcessTimesAsked,
    ProcessView,
)
from runtime.processes.about import about_one_of, about_only
from runtime.processes.rows import process_view, step_view
from runtime.processes.times import spans, times
from runtime.store.process_tables import PROCESS_STEPS, PROCESS_SUBJECTS, PROCESSES
from runtime.store.questions import among, many
from runtime.store.store import Store

_P: Final = PROCESSES.c


class StoredProcesses:
    """The processes of a store; keeps what `canonical.processes.Processes` says.

    Args:
        store: Where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, wanted: ProcessFilter, *, first: int, after: str | None) -> ProcessPage:
        """As `Processes.page` says."""
        conditions = _conditions(wanted)
        counting = sa.select(sa.func.count()).select_from(PROCESSES).where(*conditions)
        query = (
            sa.select(PROCESSES)
            .where(*conditions, *_behind(after))
            .order_by(_P.started_at.desc(), _P.id.desc())
            .limit(first + 1)
        )

        async def work(connection: AsyncConnection) -> tuple[Sequence[ProcessView], bool, int]:
            rows = (await connection.execute(query)).mappings().all()
            total = await connection.scalar(counting) or 0
            return await self._views(connection, rows[:first]), len(rows) > first, total

        return ProcessPage(*await self._store.read(work))

    async def by_ids(self, process_ids: Collection[str]) -> Mapping[str, ProcessView]:
        """As `Processes.by_ids` says."""
        dialect = self._store.dialect
        query = sa.select(PROCESSES).where(among(_P.id, "ids", dialect))
        given = {"ids": many(process_ids, dialect)}

        async def work(connection: AsyncConnection) -> Mapping[str, ProcessView]:
            rows = (await connection.execute(query, given)).mappings().all()
            views = await self._views(connection, rows)
            return {view.process_id: view for view in views}

        return await self._store.read(work)

    async def times(self, asked: ProcessTimesAsked) -> Sequence[ProcessTime]:
        """As `Processes.times` says."""
        query = spans(asked)

        async def work(connection: AsyncConnection) -> Any:
            return (await connection.execute(query)).all()

        return times(await self._store.read(work), asked.by)

    async def _views(
        self, connection: AsyncConnection, rows: Sequence[Any]
    ) -> Sequence[ProcessView]:
        dialect = self._store.dialect
        given = {"ids": many([row["id"] for row in rows], dialect)}
        about, steps = PROCESS_SUBJECTS.c, PROCESS_STEPS.c
        subjects: dict[str, list[str]] = defaultdict(list)
        done: dict[str, list[ProcessStep]] = defaultdict(list)
        if rows:
            query = (
                sa.select(about.process_id, about.subject)
                .where(among(about.process_id, "ids", dialect))
                .order_by(about.subject)
            )
            for found in (await connection.execute(query, given)).all():
                subjects[found.process_id].append(found.subject)
            query = (
                sa.select(PROCESS_STEPS)
                .where(among(steps.process_id, "ids", dialect))
                .order_by(steps.process_id, steps.number)
            )
            for step in (await connection.execute(query, given)).mappings().all():
                done[step["process_id"]].append(step_view(step))
        return [
            process_view(row, tuple(subjects[row["id"]]), tuple(done[row["id"]])) for row in rows
        ]


def _behind(after: str | None) -> Sequence[sa.ColumnElement[bool]]:
    """The condition that a process comes behind another, which need not be there any more."""
    if after is None:
        return ()
    begun = sa.select(_P.started_at).where(_P.id == after).scalar_subquery()
    earlier = _P.started_at < begun
    return (earlier | ((_P.started_at == begun) & (_P.id < after)),)


def _conditions(wanted: ProcessFilter) -> Sequence[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.kinds is not None:
        found.append(_P.kind.in_(wanted.kinds))
    if wanted.states is not None:
        found.append(_P.state.in_([state.value for state in wanted.states]))
    if wanted.correlation_id is not None:
        found.append(_P.correlation_id == wanted.correlation_id)
    if wanted.since is not None:
        found.append(_P.started_at >= wanted.since)
    if wanted.until is not None:
        found.append(_P.started_at < wanted.until)
    sets = (wanted.subjects, _named("supplier", wanted.suppliers), _named("item", wanted.items))
    found += [about_one_of(subjects) for subjects in sets if subjects is not None]
    found += about_only("region", wanted.regions)
    found += about_only("company", wanted.companies)
    return found


def _named(kind: str, names: Sequence[str] | None) -> Sequence[str] | None:
    return None if names is None else [f"{kind}:{name}" for name in names]
