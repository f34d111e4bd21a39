"""Looking at the processes of a fake engine."""

from collections.abc import Collection, Mapping, Sequence

from canonical.processes import (
    ProcessFilter,
    ProcessPage,
    ProcessState,
    ProcessTime,
    ProcessTimesAsked,
    ProcessView,
)
from tests.fakes.engines import FakeEngine


class FakeProcesses:
    """Keeps the promises of `canonical.processes.Processes`, over what an engine has begun."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine

    async def page(self, wanted: ProcessFilter, *, first: int, after: str | None) -> ProcessPage:
        assert after is None
        views = reversed([*(await self.by_ids(self._engine.processes)).values()])
        found = [v for v in views if _satisfies(v, wanted)]
        return ProcessPage(found[:first], len(found) > first, len(found))

    async def by_ids(self, process_ids: Collection[str]) -> Mapping[str, ProcessView]:
        found = {}
        for process_id in process_ids:
            process = self._engine.processes.get(process_id)
            if process is not None:
                state = ProcessState.RUNNING
                if process.ended is not None:
                    ok = process.ended.outcome is not None
                    state = ProcessState.SUCCEEDED if ok else ProcessState.FAILED
                found[process_id] = ProcessView(
                    process_id=process_id,
                    kind=process.kind.kind,
                    version=process.kind.version,
                    state=state,
                    subjects=tuple(process.subjects),
                    correlation_id=process.correlation_id,
                    started_by=process.starting.started_by,
                    started_at=self._engine.clock(),
                    updated_at=self._engine.clock(),
                )
        return found

    async def times(self, asked: ProcessTimesAsked) -> Sequence[ProcessTime]:
        return ()


def _satisfies(view: ProcessView, wanted: ProcessFilter) -> bool:
    return (
        (wanted.kinds is None or view.kind in wanted.kinds)
        and (wanted.states is None or view.state in wanted.states)
        and (wanted.subjects is None or bool(set(wanted.subjects) & set(view.subjects)))
        and (wanted.correlation_id is None or view.correlation_id == wanted.correlation_id)
    )
