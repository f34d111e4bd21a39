"""Who sees processes, and how they are asked for."""

from collections.abc import Collection, Mapping, Sequence

import pytest
from msgspec.structs import replace

from canonical.processes import (
    ProcessFilter,
    ProcessPage,
    ProcessState,
    ProcessStep,
    ProcessTime,
    ProcessTimesAsked,
    ProcessView,
    StepState,
    TimesBy,
)
from resolvers.context import Processing
from tests.fakes.desk import NOW, PLANNER, Desk, supplier_principal

VIEW = ProcessView(
    process_id="p1",
    kind="ordering",
    version=2,
    state=ProcessState.STUCK,
    subjects=("region:EU", "supplier:S-1"),
    correlation_id="c1",
    started_at=NOW,
    updated_at=NOW,
    waits_for="an operator",
    steps=(
        ProcessStep(number=1, name="order", state=StepState.IN_DOUBT, attempts=3, started_at=NOW),
    ),
)


class Port:
    """Processes, and what was asked of them."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    async def page(self, wanted: ProcessFilter, *, first: int, after: str | None) -> ProcessPage:
        self.asked.append((wanted, first, after))
        return ProcessPage([VIEW], more=True, total=7)

    async def by_ids(self, process_ids: Collection[str]) -> Mapping[str, ProcessView]:
        return {"p1": VIEW} if "p1" in process_ids else {}

    async def times(self, asked: ProcessTimesAsked) -> Sequence[ProcessTime]:
        self.asked.append(asked)
        return [ProcessTime(of="S-1", count=3, average_seconds=1.5, p90_seconds=2.0)]


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture
def desk(port: Port) -> Desk:
    desk = Desk(regions={"erp": "EU", "us": "US"})
    desk.processing = Processing(processes=port)
    return desk


async def test_processes_are_asked_for_by_page_with_their_steps(desk: Desk, port: Port) -> None:
    answer = await desk.ask(
        """{ processes(first: 1, after: "p0", filter: {kind: ["ordering"], state: [STUCK],
               supplier: ["S-1"], item: ["SKU-1"], correlationId: "c1"}) {
               totalCount pageInfo { hasNextPage endCursor }
               nodes { id kind version state subjects waitsFor outcome
                       steps { number name state attempts endedAt } } } }"""
    )
    assert answer.errors == ()
    assert answer.personal
    assert answer.data["processes"] == {
        "totalCount": 7,
        "pageInfo": {"hasNextPage": True, "endCursor": "p1"},
        "nodes": [
            {
                "id": "p1",
                "kind": "ordering",
                "version": 2,
                "state": "STUCK",
                "subjects": ["region:EU", "supplier:S-1"],
                "waitsFor": "an operator",
                "outcome": None,
                "steps": [
                    {
                        "number": 1,
                        "name": "order",
                        "state": "IN_DOUBT",
                        "attempts": 3,
                        "endedAt": None,
                    }
                ],
            }
        ],
    }
    wanted = ProcessFilter(
        kinds=("ordering",),
        states=(ProcessState.STUCK,),
        suppliers=("S-1",),
        items=("SKU-1",),
        correlation_id="c1",
    )
    assert port.asked == [(wanted, 1, "p0")]


async def test_times_are_asked_for_until_now(desk: Desk, port: Port) -> None:
    answer = await desk.ask(
        """{ processTimes(kind: "approval", step: "wait decision", by: SUPPLIER,
               since: "2026-11-01T00:00:00Z") { of count averageSeconds p90Seconds } }"""
    )
    assert answer.data["processTimes"] == [
        {"of": "S-1", "count": 3, "averageSeconds": 1.5, "p90Seconds": 2.0}
    ]
    (asked,) = port.asked
    assert isinstance(asked, ProcessTimesAsked)
    assert (asked.step, asked.by, asked.until) == ("wait decision", TimesBy.SUPPLIER, NOW)
    answer = await desk.ask(
        """{ processTimes(kind: "approval", by: REGION, since: "2026-11-24T00:00:00Z") { of } }"""
    )
    assert [error.message for error in answer.errors] == ["`until` must be later than `since`"]


async def test_suppliers_see_none_and_regions_their_own(desk: Desk, port: Port) -> None:
    question = '{ process(id: "p1") { id } processes { totalCount } }'
    refused = await desk.ask(question, supplier_principal("S-1"))
    assert {error.message for error in refused.errors} == {"suppliers may not see process data"}
    here = replace(PLANNER, regions=frozenset({"EU"}))
    answer = await desk.ask(question, here)
    assert answer.data["process"] == {"id": "p1"}
    assert port.asked == [(ProcessFilter(regions=("EU",)), 50, None)]
    elsewhere = replace(PLANNER, regions=frozenset({"US"}))
    assert (await desk.ask(question, elsewhere)).data["process"] is None


async def test_without_processes_it_says_so() -> None:
    answer = await Desk().ask('{ process(id: "p1") { id } }')
    assert [error.message for error in answer.errors] == ["this installation runs no processes"]
