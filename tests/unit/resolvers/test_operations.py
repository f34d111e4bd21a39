"""Operators look into dead letters, put them right or give them up; nobody else may."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from canonical.dead_letters import DeadLetter, EventSelection, LetterStatus, Replayed
from canonical.errors import InvalidInputError
from canonical.events import Event
from canonical.purchase_orders import PurchaseOrderStatus
from runtime.security.principal import Principal, Role
from tests.fakes.desk import NOW, PLANNER, Desk, supplier_principal
from tests.fakes.distributor import Distributor
from tests.fakes.happenings import status_changed
from tests.fakes.letters import FakeLetters, FakeReplays

OLGA = Principal("olga", frozenset({Role.OPERATOR}), None, NOW + timedelta(hours=1))
BOUND = Principal("otto", frozenset({Role.OPERATOR}), ("S1",), NOW + timedelta(hours=1))
UNRECORDED = status_changed(1, PurchaseOrderStatus.SENT, event_id="", recorded_at=None)


def a_letter(number: int, body: bytes = b"{}", system: str = "erp") -> DeadLetter:
    return DeadLetter(
        system=system,
        way="webhook",
        reason="unmapped",
        message="status 'X9' is not mapped",
        body=body,
        letter_id=f"l{number}",
        headers={"content-type": "application/json"},
        received_at=NOW + timedelta(minutes=number),
    )


def understood(body: bytes) -> Sequence[Event]:
    if b"X9" in body:
        raise InvalidInputError("status 'X9' is not mapped: map it, or correct it")
    return [UNRECORDED]


def a_desk() -> tuple[Desk, FakeLetters]:
    letters = FakeLetters(
        a_letter(1, b'{"status": "X9"}'),
        a_letter(2, b"\xff\x00", system="procurement"),
        a_letter(3),
        understand=understood,
    )
    desk = Desk(*Distributor().sources)
    desk.dead_letters, desk.replays = letters, FakeReplays(Replayed(3, 2))
    return desk, letters


LIST = """query ($filter: DeadLetterFilter, $first: Int, $after: String) {
    deadLetters(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { id } } }"""


async def test_letters_are_listed_page_by_page_the_latest_first() -> None:
    desk, _ = a_desk()
    page = (await desk.ask(LIST, OLGA, first=2)).data["deadLetters"]
    assert [n["id"] for n in page["nodes"]] == ["l3", "l2"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, True)
    rest = await desk.ask(LIST, OLGA, first=2, after=page["pageInfo"]["endCursor"])
    assert [n["id"] for n in rest.data["deadLetters"]["nodes"]] == ["l1"]


async def test_what_operators_see_is_neither_shared_nor_kept() -> None:
    assert (await a_desk()[0].ask(LIST, OLGA)).personal


async def test_letters_are_filtered() -> None:
    desk, _ = a_desk()
    for given, expected in (
        ({"system": ["procurement"]}, ["l2"]),
        ({"status": ["DISCARDED"]}, []),
        ({"from": "2026-11-23T08:02:00Z", "to": "2026-11-23T08:03:00Z"}, ["l2"]),
        ({"way": ["webhook"], "reason": ["unmapped"], "status": ["OPEN"]}, ["l3", "l2", "l1"]),
    ):
        answer = await desk.ask(LIST, OLGA, filter=given)
        assert [n["id"] for n in answer.data["deadLetters"]["nodes"]] == expected


async def test_a_letter_is_shown_byte_for_byte() -> None:
    question = """{ deadLetter(id: "l2") { id system way reason message contentType headers body
        bodyBase64 receivedAt status decidedBy decidedAt note result }
        gone: deadLetter(id: "l9") { id } }"""
    answer = await a_desk()[0].ask(question, OLGA)
    assert answer.errors == ()
    assert answer.data == {
        "deadLetter": {
            "id": "l2",
            "system": "procurement",
            "way": "webhook",
            "reason": "unmapped",
            "message": "status 'X9' is not mapped",
            "contentType": None,
            "headers": {"content-type": "application/json"},
            "body": "\ufffd\x00",
            "bodyBase64": "/wA=",
            "receivedAt": "2026-11-23T08:02:00+00:00",
            "status": "OPEN",
            "decidedBy": None,
            "decidedAt": None,
            "note": None,
            "result": None,
        },
        "gone": None,
    }


PAYLOAD = """{ preview deadLetter { status decidedBy note result } events { summary recordedAt }
    userErrors { code message field } }"""
CORRECT = f"""mutation ($id: ID!, $body: String!, $preview: Boolean) {{
    done: correctDeadLetter(id: $id, body: $body, note: "typo", preview: $preview) {PAYLOAD} }}"""
REPLAY = f"mutation ($id: ID!) {{ done: replayDeadLetter(id: $id) {PAYLOAD} }}"
DISCARD = f"""mutation ($id: ID!, $reason: String!) {{
    done: discardDeadLetter(id: $id, reason: $reason) {PAYLOAD} }}"""
EVENTS = [{"summary": "Order PO1 is SENT", "recordedAt": None}]
OPEN = {"status": "OPEN", "decidedBy": None, "note": None, "result": None}


async def test_what_still_cannot_be_understood_stays_open() -> None:
    desk, letters = a_desk()
    done = (await desk.ask(REPLAY, OLGA, id="l1")).data["done"]
    assert done == {
        "preview": False,
        "deadLetter": None,
        "events": [],
        "userErrors": [
            {
                "code": "BAD_USER_INPUT",
                "message": "status 'X9' is not mapped: map it, or correct it",
                "field": None,
            }
        ],
    }
    assert letters.letters["l1"].status is LetterStatus.OPEN
    assert letters.audit == []


async def test_a_correction_can_be_tried_before_it_is_made() -> None:
    desk, letters = a_desk()
    tried = (await desk.ask(CORRECT, OLGA, id="l1", body="{}", preview=True)).data["done"]
    assert tried == {"preview": True, "deadLetter": OPEN, "events": EVENTS, "userErrors": []}
    assert letters.audit == []
    made = (await desk.ask(CORRECT, OLGA, id="l1", body="{}", preview=None)).data["done"]
    assert made["preview"] is False
    assert made["deadLetter"] == {
        "status": "REPLAYED",
        "decidedBy": "olga",
        "note": "typo",
        "result": "1 events",
    }
    assert letters.audit == [("olga", LetterStatus.REPLAYED, "l1")]


async def test_a_letter_is_given_up_with_a_reason_and_once() -> None:
    desk, letters = a_desk()
    unsaid = (await desk.ask(DISCARD, OLGA, id="l3", reason=" ")).data["done"]
    assert [(e["code"], e["field"]) for e in unsaid["userErrors"]] == [
        ("BAD_USER_INPUT", ["reason"])
    ]
    done = (await desk.ask(DISCARD, OLGA, id="l3", reason="a test")).data["done"]
    assert (done["deadLetter"]["status"], done["deadLetter"]["note"]) == ("DISCARDED", "a test")
    again = (await desk.ask(DISCARD, OLGA, id="l3", reason="a test")).data["done"]
    assert [e["code"] for e in again["userErrors"]] == ["CONFLICT"]
    gone = (await desk.ask(DISCARD, OLGA, id="l9", reason="a test")).data["done"]
    assert [e["code"] for e in gone["userErrors"]] == ["NOT_FOUND"]
    assert letters.audit == [("olga", LetterStatus.DISCARDED, "l3")]


AGAIN = """mutation ($selection: EventSelectionInput!, $consumer: String!) { done: replayEvents(
    selection: $selection, consumer: $consumer) { given leftOut userErrors { code field } } }"""


async def test_events_are_given_to_one_consumer_once_more() -> None:
    desk, _ = a_desk()
    selection = {
        "ids": ["e1"],
        "businessKey": "purchase_order:PO1",
        "types": ["t"],
        "from": "2026-11-23T08:00:00Z",
    }
    answer = await desk.ask(AGAIN, OLGA, selection=selection, consumer="shown")
    assert answer.data["done"] == {"given": 3, "leftOut": 2, "userErrors": []}
    assert isinstance(desk.replays, FakeReplays)
    expected = EventSelection(
        ids=("e1",), business_key="purchase_order:PO1", types=("t",), since=NOW
    )
    assert desk.replays.asked == [(expected, "olga")]
    for chosen, consumer, field in (({}, "shown", ["selection"]), (selection, "none", None)):
        answer = await desk.ask(AGAIN, OLGA, selection=chosen, consumer=consumer)
        assert answer.data["done"] == {
            "given": 0,
            "leftOut": 0,
            "userErrors": [{"code": "BAD_USER_INPUT", "field": field}],
        }
    assert len(desk.replays.asked) == 1


QUESTIONS: dict[str, dict[str, Any]] = {
    LIST: {},
    '{ deadLetter(id: "l1") { body } }': {},
    REPLAY: {"id": "l3"},
    CORRECT: {"id": "l3", "body": "{}", "preview": True},
    DISCARD: {"id": "l3", "reason": "a test"},
    AGAIN: {"selection": {"ids": ["e1"]}, "consumer": "shown"},
}


@pytest.mark.parametrize("who", [PLANNER, supplier_principal("S1"), BOUND, None])
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.split("(")[-2][-14:])
async def test_nobody_else_is_shown_anything_or_changes_anything(
    question: str, who: Principal | None
) -> None:
    desk, letters = a_desk()
    answer = await desk.ask(question, who, **QUESTIONS[question])
    assert answer.data in (None, {"deadLetter": None})
    code = "UNAUTHENTICATED" if who is None else "FORBIDDEN"
    assert [e.original_error.code for e in answer.errors] == [code]
    assert letters.audit == []
    assert {x.status for x in letters.letters.values()} == {LetterStatus.OPEN}
    assert isinstance(desk.replays, FakeReplays)
    assert desk.replays.asked == []


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.split("(")[-2][-14:])
async def test_where_no_events_are_taken_in_that_is_said(question: str) -> None:
    answer = await Desk(*Distributor().sources).ask(question, OLGA, **QUESTIONS[question])
    assert [e.original_error.code for e in answer.errors] == ["UNSUPPORTED"]
