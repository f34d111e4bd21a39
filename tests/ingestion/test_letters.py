"""Dead letters are taken in like what has just come, once, on the record; or given up."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from canonical.dead_letters import LetterFilter, LetterStatus
from canonical.entities import EntityName
from canonical.errors import ConflictError, InvalidInputError, NotFoundError
from runtime.events.ledger import Ledger
from runtime.security.principal import Principal, Role
from tests.fakes.acts import audited
from tests.fakes.desk import NOW as DESK_NOW
from tests.fakes.desk import Desk
from tests.ingestion.conftest import NOW
from tests.ingestion.rereading import BAD, GOOD, JSONOrders, bury, letter
from workflows.ingestion.intake import Intake
from workflows.letters import DeadLetterDesk

ORDERS = EntityName.PURCHASE_ORDER


def desk_of(ledger: Ledger) -> DeadLetterDesk:
    return DeadLetterDesk(ledger, Intake(ledger), {"webhook": JSONOrders()})


async def test_a_preview_tells_what_would_happen_and_changes_nothing(ledger: Ledger) -> None:
    desk = desk_of(ledger)
    [name] = await bury(ledger, letter())
    seen = await desk.preview(name, GOOD)

    [event] = seen.events
    assert (event.kind.name, event.data.status) == ("status_changed", "SENT")
    assert (event.event_id, event.position, event.recorded_at) == ("", 0, None)
    assert (seen.letter.status, seen.letter.body) == ("open", BAD)
    assert await ledger.read(ORDERS, 0, 10) == []
    assert await audited(ledger.store) == []
    assert (await desk.preview(name, GOOD)).events == [event]


async def test_a_corrected_letter_is_taken_in_and_what_came_is_kept(ledger: Ledger) -> None:
    desk = desk_of(ledger)
    [name] = await bury(ledger, letter())
    done = await desk.replay(name, GOOD, actor="olga", note="typo")

    assert list(done.events) == list(await ledger.read(ORDERS, 0, 10))
    assert len(done.events) == 1
    after = done.letter
    assert (after.status, after.decided_by, after.decided_at) == ("replayed", "olga", NOW)
    assert (after.note, after.result) == ("typo", "1 event: status_changed")
    assert after.body == BAD
    [entry] = await audited(ledger.store, subject=name)
    assert (entry.actor, entry.action) == ("olga", "dead_letter.corrected")
    assert entry.details == {
        "events": [done.events[0].event_id],
        "body": GOOD.decode(),
        "note": "typo",
    }


async def test_what_was_taken_in_before_counts_once(ledger: Ledger) -> None:
    desk = desk_of(ledger)
    first, second = await bury(ledger, letter(GOOD), letter(GOOD))
    assert len((await desk.replay(first, None, actor="olga", note=None)).events) == 1
    again = await desk.replay(second, None, actor="olga", note=None)

    assert (again.events, again.letter.result) == ([], "nothing new")
    assert len(await ledger.read(ORDERS, 0, 10)) == 1


async def test_what_still_cannot_be_understood_stays_open(ledger: Ledger) -> None:
    desk = desk_of(ledger)
    [name] = await bury(ledger, letter())
    for work in (desk.preview(name, None), desk.replay(name, None, actor="olga", note=None)):
        with pytest.raises(InvalidInputError, match="Invalid enum value 'SNET'"):
            await work

    assert (await desk.by_ids([name]))[name].status is LetterStatus.OPEN
    [entry] = await audited(ledger.store)
    assert (entry.action, entry.subject) == ("dead_letter.refused_again", name)
    assert "SNET" in entry.details["reason"]


async def test_what_came_another_way_says_so(ledger: Ledger) -> None:
    [name] = await bury(ledger, letter(GOOD, way="bulk"))
    with pytest.raises(InvalidInputError, match=r"came by bulk cannot.*only what came by: webhook"):
        await desk_of(ledger).preview(name, None)


Decide = Callable[[DeadLetterDesk, str], Awaitable[object]]


@pytest.mark.parametrize(
    "decide",
    [
        lambda desk, name: desk.preview(name, None),
        lambda desk, name: desk.replay(name, None, actor="olga", note=None),
        lambda desk, name: desk.discard(name, actor="olga", reason="old"),
    ],
    ids=["preview", "replay", "discard"],
)
async def test_a_letter_is_decided_once(ledger: Ledger, decide: Decide) -> None:
    desk = desk_of(ledger)
    [name] = await bury(ledger, letter(GOOD))
    given_up = await desk.discard(name, actor="ann", reason="a test")
    assert (given_up.status, given_up.note) == ("discarded", "a test")
    with pytest.raises(ConflictError, match="is discarded already, by ann"):
        await decide(desk, name)
    with pytest.raises(NotFoundError):
        await decide(desk, "?")

    [entry] = await audited(ledger.store)
    assert (entry.action, entry.details) == ("dead_letter.discarded", {"reason": "a test"})


async def test_letters_are_paged_with_what_came(ledger: Ledger) -> None:
    desk = desk_of(ledger)
    names = await bury(ledger, *(letter(name=f"d{n}") for n in range(3)), letter(way="bulk"))
    wanted = LetterFilter(way=("webhook",), since=NOW, until=NOW + timedelta(seconds=1))
    newest = sorted(names[:3], reverse=True)
    page = await desk.page(wanted, first=2, after=None)
    assert [each.letter_id for each in page.letters] == newest[:2]
    assert (page.more, page.total, page.letters[0].body) == (True, 3, BAD)
    rest = await desk.page(wanted, first=2, after=newest[1])
    assert [each.letter_id for each in rest.letters] == newest[2:]
    assert not rest.more
    assert (await desk.page(LetterFilter(until=NOW), first=2, after=None)).total == 0


async def test_operators_correct_letters_by_graphql(ledger: Ledger) -> None:
    [name] = await bury(ledger, letter())
    desk, olga = Desk(), Principal("olga", frozenset({Role.OPERATOR}), None, DESK_NOW)
    desk.dead_letters = desk_of(ledger)
    asked = """mutation ($id: ID!, $body: String!, $preview: Boolean) {
        correctDeadLetter(id: $id, body: $body, preview: $preview) {
            deadLetter { status decidedBy result } events { summary } userErrors { message } } }"""
    given: dict[str, Any] = {"id": name, "body": GOOD.decode()}
    seen = await desk.ask(asked, olga, preview=True, **given)
    done = await desk.ask(asked, olga, preview=False, **given)

    events = [{"summary": "Order PO1 is SENT"}]
    assert seen.data["correctDeadLetter"] == {
        "deadLetter": {"status": "OPEN", "decidedBy": None, "result": None},
        "events": events,
        "userErrors": [],
    }
    assert done.data["correctDeadLetter"] == {
        "deadLetter": {
            "status": "REPLAYED",
            "decidedBy": "olga",
            "result": "1 event: status_changed",
        },
        "events": events,
        "userErrors": [],
    }
