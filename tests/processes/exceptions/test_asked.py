"""Exceptions over GraphQL: looked at and decided on by who may, and by nobody else."""

from datetime import timedelta
from typing import Any

import pytest

from canonical.events import Event
from loaders.journal import Journal
from resolvers.context import Processing
from resolvers.events import Shown, seen_of
from runtime.security.principal import Principal, Role
from runtime.store.store import Store
from tests.fakes.desk import NOW, PLANNER, Desk, supplier_principal
from tests.fakes.distributor import Distributor
from tests.processes.exceptions.reported import LATE, Office, trouble

BEA = Principal("bea", frozenset({Role.BUYER}), None, NOW + timedelta(hours=1))
LIST = """query ($filter: SupplyExceptionFilter, $first: Int, $after: String) {
    exceptions(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { id message } } }"""
DECIDED = (
    """{ exception { state owner history { action actor text } } userErrors { code message } }"""
)


def bound(*regions: str, **more: Any) -> Principal:
    expires = NOW + timedelta(hours=1)
    return Principal("rita", frozenset({Role.PLANNER}), None, expires, regions=regions, **more)


@pytest.fixture
def office(file_store: Store) -> Office:
    return Office(file_store)


@pytest.fixture
def desk(office: Office) -> Desk:
    desk = Desk(*Distributor().sources, regions={"erp": "EU", "planning": "US"})
    desk.processing = Processing(exceptions=office.desk)
    return desk


async def test_all_of_an_exception_is_shown(office: Office, desk: Desk) -> None:
    await office.troubles.report(trouble(details={"line": "10"}))
    office.later(minutes=1)
    await office.troubles.over(LATE.cause, why="confirmed")
    name = await office.troubles.report(LATE)
    question = """query ($id: ID!) { exception(id: $id) { id category severity state message owner
        subjects valueAtRisk { amount currency } daysOfCoverLost processId correlationId
        occurrences openedAt updatedAt dueAt overdue closedAt details
        history { at action actor text } } }"""
    answer = await desk.ask(question, id=name)
    assert not answer.errors
    assert answer.personal
    assert answer.data["exception"] == {
        "id": name,
        "category": "LATE_ACKNOWLEDGEMENT",
        "severity": "MEDIUM",
        "state": "OPEN",
        "message": LATE.message,
        "owner": "desk",
        "subjects": sorted(LATE.subjects),
        "valueAtRisk": {"amount": "120.50", "currency": "EUR"},
        "daysOfCoverLost": None,
        "processId": "confirmation-45",
        "correlationId": "c-45",
        "occurrences": 1,
        "openedAt": "2026-03-01T12:01:00+00:00",
        "updatedAt": "2026-03-01T12:01:00+00:00",
        "dueAt": "2026-03-04T12:01:00+00:00",
        "overdue": False,
        "closedAt": None,
        "details": {},
        "history": [
            {
                "at": "2026-03-01T12:01:00+00:00",
                "action": "OPENED",
                "actor": None,
                "text": LATE.message,
            }
        ],
    }
    earlier = await desk.ask("query ($id: ID!) { exception(id: $id) { earlier } }", id=name)
    gone = await desk.ask(
        "query ($id: ID!) { exception(id: $id) { details closedAt } }",
        id=earlier.data["exception"]["earlier"],
    )
    assert gone.data["exception"] == {
        "details": {"line": "10"},
        "closedAt": "2026-03-01T12:01:00+00:00",
    }


async def test_they_are_listed_page_by_page_and_narrowed(office: Office, desk: Desk) -> None:
    names = []
    for number in range(3):
        office.later(minutes=1)
        names.append(await office.troubles.report(trouble(cause=str(number))))
    first = (await desk.ask(LIST, first=2)).data["exceptions"]
    assert [n["id"] for n in first["nodes"]] == [names[2], names[1]]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    rest = await desk.ask(LIST, after=first["pageInfo"]["endCursor"])
    assert [n["id"] for n in rest.data["exceptions"]["nodes"]] == [names[0]]
    narrow: dict[str, Any] = {
        "category": ["LATE_ACKNOWLEDGEMENT"],
        "severity": ["MEDIUM"],
        "state": ["OPEN"],
        "owner": ["desk"],
        "subject": ["purchase_order:45"],
        "supplier": ["S-1"],
        "item": ["I-2"],
        "processId": "confirmation-45",
        "correlationId": "c-45",
        "overdue": False,
    }
    found = (await desk.ask(LIST, filter=narrow)).data["exceptions"]
    assert found["totalCount"] == 3
    for key, value in narrow.items():
        other: Any = not value if isinstance(value, bool) else "none"
        if isinstance(value, list):
            other = ["IN_DOUBT" if key == "category" else "LOW" if key == "severity" else "CLOSED"]
        narrower = await desk.ask(LIST, filter={**narrow, key: other})
        assert narrower.data["exceptions"]["totalCount"] == 0, key
    wrong = await desk.ask(LIST, after="nobody")
    assert "`after` is no cursor of this list" in wrong.errors[0].message


@pytest.mark.parametrize(
    "field, input, came, said",
    [
        ("assignException", {"owner": "bob"}, ("ASSIGNED", "ASSIGNED"), "bob"),
        ("commentException", {"text": "called"}, ("OPEN", "COMMENTED"), "called"),
        ("retryException", {}, ("OPEN", "RETRIED"), None),
        ("resolveException", {"text": "by phone"}, ("RESOLVED", "RESOLVED"), "by phone"),
        ("cancelException", {"reason": "enough"}, ("CANCELLED", "CANCELLED"), "enough"),
    ],
)
async def test_a_decision_is_made_or_refused_in_words(
    office: Office,
    desk: Desk,
    field: str,
    input: dict[str, Any],
    came: tuple[str, str],
    said: str | None,
) -> None:
    name = await office.troubles.report(LATE)
    kind = f"{field[0].upper()}{field[1:]}Input"
    question = f"mutation ($i: {kind}!) {{ {field}(input: $i) {DECIDED} }}"
    done = (await desk.ask(question, BEA, i={"id": name, **input})).data[field]
    assert done["userErrors"] == []
    assert done["exception"]["owner"] == ("bob" if field == "assignException" else "desk")
    state, action = came
    last = {"action": action, "actor": "bea", "text": said}
    assert done["exception"]["history"][1:] == [last]
    assert done["exception"]["state"] == state

    gone = (await desk.ask(question, BEA, i={"id": "nobody", **input})).data[field]
    assert gone == {
        "exception": None,
        "userErrors": [
            {
                "code": "NOT_FOUND",
                "message": "there is no exception 'nobody', or you may not see it",
            }
        ],
    }
    office.later(minutes=1)
    await office.troubles.over(LATE.cause, why="confirmed")
    late = (await desk.ask(question, BEA, i={"id": name, **input})).data[field]
    assert late["userErrors"][0]["code"] == "CONFLICT"


async def test_suppliers_see_and_decide_nothing(office: Office, desk: Desk) -> None:
    name = await office.troubles.report(LATE)
    sam = supplier_principal("S-1")
    operator = Principal("otto", frozenset({Role.OPERATOR}), ("S-1",), sam.expires_at)
    comment = f'mutation {{ commentException(input: {{id: "{name}", text: "x"}}) {DECIDED} }}'
    for who in (sam, operator):
        for question in (
            "{ exceptions { totalCount } }",
            f'{{ exception(id: "{name}") {{ id }} }}',
        ):
            refused = await desk.ask(question, who)
            assert refused.errors[0].message == "suppliers may not see exception data"
        assert (await desk.ask(comment, who)).errors
    assert len((await office.desk.by_ids([name]))[name].history) == 1


async def test_who_is_bound_to_regions_sees_what_names_theirs_and_no_other(
    office: Office, desk: Desk
) -> None:
    names: dict[str, str] = {}
    for subjects in ("", "region:EU", "region:US", "region:EU region:US", "company:C region:EU"):
        office.later(minutes=1)
        about = tuple(subjects.split())
        names[subjects] = await office.troubles.report(trouble(cause=subjects, subjects=about))

    async def seen(who: Principal) -> set[str]:
        page = (await desk.ask(LIST, who)).data["exceptions"]
        found = {n["id"] for n in page["nodes"]}
        assert page["totalCount"] == len(found)
        for name in names.values():
            one = await desk.ask("query ($id: ID!) { exception(id: $id) { id } }", who, id=name)
            assert (one.data["exception"] is not None) is (name in found)
        context = desk.context(Journal(), who)
        told: list[Event] = await seen_of(context, await office.events())
        assert {event.key for event in told} == found
        return {subjects for subjects, name in names.items() if name in found}

    assert await seen(PLANNER) == set(names)
    assert await seen(bound("EU")) == {"region:EU", "company:C region:EU"}
    assert await seen(bound("EU", "US")) == set(names) - {""}
    assert await seen(bound()) == set()
    assert await seen(bound("EU", companies=("C",))) == {"company:C region:EU"}
    assert await seen(bound("EU", companies=("D",))) == set()

    comment = f'mutation {{ commentException(input: {{id: "{names[""]}", text: "x"}}) {DECIDED} }}'
    refused = (await desk.ask(comment, bound("EU"))).data["commentException"]
    assert refused["userErrors"][0]["code"] == "NOT_FOUND"


async def test_an_event_shows_the_exception_as_it_is_now(office: Office, desk: Desk) -> None:
    name = await office.troubles.report(LATE)
    await office.desk.assign(name, "bob", actor="ann")
    shown = [Shown(event, f"c{event.position}") for event in await office.events()]
    question = """subscription { exceptionChanged {
        cursor action category severity state owner correlationId exception { id owner } } }"""
    told = [answer.data["exceptionChanged"] for answer in await desk.hear(question, shown)]
    assert [(t["cursor"], t["action"], t["state"], t["owner"]) for t in told] == [
        ("c1", "OPENED", "OPEN", "desk"),
        ("c2", "ASSIGNED", "ASSIGNED", "bob"),
    ]
    assert [t["exception"] for t in told] == [{"id": name, "owner": "bob"}] * 2
    (hidden, _) = await desk.hear(question, shown, bound("US"))
    assert "or you may not see it" in hidden.errors[0].message


async def test_without_processes_there_are_none(desk: Desk) -> None:
    desk.processing = Processing()
    refused = await desk.ask("{ exceptions { totalCount } }")
    assert "runs no processes" in refused.errors[0].message
