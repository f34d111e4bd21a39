"""A trouble is one exception for each cause, however often and from how many it is reported."""

import asyncio
from decimal import Decimal

from canonical.exceptions import (
    ExceptionAction,
    ExceptionCategory,
    ExceptionFilter,
    ExceptionSeverity,
    ExceptionState,
    SupplyException,
)
from canonical.values import Money
from runtime.store.store import Store
from tests.processes.exceptions.reported import LATE, NOON, Office, trouble
from workflows.exceptions.rules import OwnerRule, Rules, Thresholds
from workflows.notifications.ports import NoticeKind

ALL = ExceptionFilter()
RULES = Rules(
    values={"EUR": Thresholds(high=Decimal(1_000), critical=Decimal(50_000))},
    owners=(
        OwnerRule(owner="boss", severities=frozenset({ExceptionSeverity.CRITICAL})),
        OwnerRule(owner="buyers-eu", regions=frozenset({"EU"})),
    ),
    owner="desk",
)


def steps(exception: SupplyException) -> list[tuple[str, str | None]]:
    return [(entry.action.value, entry.actor) for entry in exception.history]


async def test_a_trouble_is_kept_whole_and_told_of_once(file_store: Store) -> None:
    office = Office(file_store, RULES)
    name = await office.troubles.report(LATE)

    (found,) = (await office.desk.page(ALL, first=10, after=None)).exceptions
    assert found.exception_id == name
    assert (found.category, found.severity) == (LATE.category, ExceptionSeverity.MEDIUM)
    assert (found.state, found.owner, found.occurrences) == (ExceptionState.OPEN, "buyers-eu", 1)
    assert found.subjects == tuple(sorted(LATE.subjects))
    assert found.value_at_risk == Money(Decimal("120.50"), "EUR")
    assert found.message == LATE.message
    assert (found.opened_at, found.closed_at, found.earlier) == (NOON, None, None)
    assert found.due_at is not None
    assert (found.due_at - NOON).total_seconds() == 72 * 3600
    assert steps(found) == [("OPENED", None)]

    (event,) = await office.events()
    assert event.subjects == (f"exception:{name}", *sorted(LATE.subjects))
    assert (event.correlation_id, event.system) == ("c-45", "supplygraph")
    assert (event.data.items, event.data.suppliers) == (("I-1", "I-2"), ("S-1",))
    (notice,) = await office.notices()
    assert notice.kind is NoticeKind.EXCEPTION_OPENED
    assert notice.to == ("owner:buyers-eu",)
    assert LATE.message in notice.text
    assert "At risk: 120.50 EUR" in notice.text


async def test_the_same_from_many_at_once_is_one_that_is_counted(store: Store) -> None:
    offices = [Office(store) for _ in range(4)]
    reports = [
        offices[n % 4].troubles.report(trouble(message=f"for the {n}. time")) for n in range(20)
    ]
    names = set(await asyncio.gather(*reports))

    page = await offices[0].desk.page(ALL, first=10, after=None)
    assert (page.total, page.more) == (1, False)
    (found,) = page.exceptions
    assert names == {found.exception_id}
    assert found.occurrences == 20
    assert steps(found) == [("OPENED", None), ("SEEN_AGAIN", None)]
    assert len(await offices[0].events()) == 1
    assert len(await offices[0].notices()) == 1


async def test_what_becomes_worse_is_escalated_once_and_goes_to_whom_it_is_for(
    store: Store,
) -> None:
    office = Office(store, RULES)
    name = await office.troubles.report(LATE)
    office.later(hours=1)
    worse = trouble(value_at_risk=Money(Decimal(50_000), "EUR"), subjects=("region:US",))
    for _ in range(3):
        assert await office.troubles.report(worse) == name
    await office.troubles.report(trouble(value_at_risk=Money(Decimal(9), "EUR")))

    found = (await office.desk.by_ids([name]))[name]
    assert (found.severity, found.owner) == (ExceptionSeverity.CRITICAL, "boss")
    assert found.occurrences == 5
    assert "region:US" in found.subjects
    assert found.due_at is not None
    assert (found.due_at - NOON).total_seconds() == 5 * 3600
    assert steps(found) == [("OPENED", None), ("ESCALATED", None), ("SEEN_AGAIN", None)]
    assert found.history[1].text == "MEDIUM became CRITICAL"
    assert [e.data.action for e in await office.events()] == [
        ExceptionAction.OPENED,
        ExceptionAction.ESCALATED,
    ]
    assert [n.kind for n in await office.notices()] == [
        NoticeKind.EXCEPTION_OPENED,
        NoticeKind.EXCEPTION_ESCALATED,
    ]


async def test_it_closes_with_its_cause_and_the_next_one_knows_it(file_store: Store) -> None:
    office = Office(file_store)
    first = await office.troubles.report(LATE)
    office.later(minutes=5)
    await office.troubles.over(LATE.cause, why="S-1 has confirmed")
    await office.troubles.over(LATE.cause, why="again")
    await office.troubles.over("never heard of", why="nothing")
    second = await office.troubles.report(LATE)

    found = await office.desk.by_ids([first, second, "nobody"])
    assert set(found) == {first, second}
    assert found[first].state is ExceptionState.CLOSED
    assert found[first].closed_at == office.now
    assert found[first].history[-1].text == "S-1 has confirmed"
    assert (found[second].state, found[second].earlier) == (ExceptionState.OPEN, first)
    assert [e.data.state for e in await office.events()] == [
        ExceptionState.OPEN,
        ExceptionState.CLOSED,
        ExceptionState.OPEN,
    ]


async def test_of_what_people_cannot_be_told_they_are_not_told(file_store: Store) -> None:
    office = Office(file_store)
    untold = trouble(cause="notification:mail", category=ExceptionCategory.BACKEND_UNAVAILABLE)
    await office.troubles.report(untold)
    assert len(await office.events()) == 1
    assert await office.notices() == []


async def test_the_list_is_paged_latest_first_and_narrowed_by_all_that_is_asked(
    store: Store,
) -> None:
    office, names = Office(store, RULES), {}
    for number, (region, item, category) in enumerate(
        [
            ("EU", "I-1", ExceptionCategory.CONFLICT),
            ("US", "I-1", ExceptionCategory.IN_DOUBT),
            ("EU", "I-2", ExceptionCategory.IN_DOUBT),
        ]
    ):
        office.later(minutes=1)
        subjects = (f"region:{region}", f"item:{item}", "supplier:S-1")
        names[number] = await office.troubles.report(
            trouble(cause=str(number), category=category, subjects=subjects, message="a\0b")
        )
    office.later(minutes=1)
    both = trouble(cause="3", subjects=("region:EU", "region:US"), process_id=None)
    names[3] = await office.troubles.report(both)
    office.later(minutes=1)
    names[4] = await office.troubles.report(trouble(cause="4", subjects=(), correlation_id="x"))

    async def found(**wanted: object) -> list[int]:
        which = ExceptionFilter(**wanted)  # type: ignore[arg-type]  # by name
        page = await office.desk.page(which, first=10, after=None)
        assert page.total == len(page.exceptions)
        return [next(n for n in names if names[n] == e.exception_id) for e in page.exceptions]

    first = await office.desk.page(ALL, first=2, after=None)
    rest = await office.desk.page(ALL, first=10, after=names[3])
    assert [e.exception_id for e in first.exceptions] == [names[4], names[3]]
    assert (first.more, first.total) == (True, 5)
    assert [e.exception_id for e in rest.exceptions] == [names[2], names[1], names[0]]
    assert (rest.more, rest.total) == (False, 5)

    assert await found(categories=(ExceptionCategory.IN_DOUBT,)) == [2, 1]
    assert await found(severities=(ExceptionSeverity.HIGH,), items=("I-1",)) == [1]
    assert await found(items=("I-1",), suppliers=("S-1",)) == [1, 0]
    assert await found(items=("I-1",), suppliers=("S-2",)) == []
    assert await found(subjects=("item:I-2", "region:US")) == [3, 2, 1]
    assert await found(states=(ExceptionState.CLOSED,)) == []
    assert await found(owners=("desk",)) == [4, 1]
    assert await found(correlation_id="x") == [4]
    assert await found(process_id=LATE.process_id) == [4, 2, 1, 0]
    assert await found(overdue=True) == []
    assert await found(regions=("EU",)) == [2, 0]
    assert await found(regions=("EU", "US")) == [3, 2, 1, 0]
    assert await found(regions=()) == []
    assert await found(companies=("C-1",)) == []
