"""Which events a selection names, in both databases, and which of them are given again."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from canonical.dead_letters import EventSelection
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.events import (
    THRESHOLD_BREACHED,
    Event,
    InventoryThreshold,
    subject,
)
from runtime.events.ledger import Ledger
from runtime.events.selecting import selected
from runtime.store.store import Store
from tests.events.making import NOON, TYPES, item_event, order_event
from tests.fakes.acts import audited
from workflows.replays import LogReplays

STATUS, ITEM, _ = (t.type for t in TYPES)


def breach() -> Event:
    return Event(
        type=THRESHOLD_BREACHED.type,
        system="erp",
        source_event_id="t-1",
        key="SKU-1",
        subjects=(subject(EntityName.INVENTORY, "SKU-1@L"), "item:SKU-1"),
        occurred_at=NOON,
        data=InventoryThreshold(item="SKU-1", location="L", threshold=5, available=1, rule="r"),  # type: ignore[arg-type]  # whole numbers will do
        correlation_id="c",
    )


async def fill(ledger: Ledger) -> dict[str, str]:
    """Names of what was put into the log, by event id."""
    late = msgspec.structs.replace(item_event(1, source="i-late"), applied=False)
    events = [
        *(order_event(n) for n in (1, 2, 3)),
        order_event(1, source="e-again"),
        item_event(1),
        item_event(1, source="i-newer"),
        late,
        item_event(2),
        breach(),
    ]
    logged = await ledger.write(lambda writing: writing.append(events))
    return {event.event_id: event.source_event_id for event in logged}


@pytest.mark.parametrize(
    "selection, given, left_out",
    [
        ({"types": (STATUS,)}, ["e-1", "e-2", "e-3", "e-again"], []),
        ({"types": (ITEM,)}, ["i-newer", "i-2"], ["i-1", "i-late"]),
        ({"business_key": "purchase_order:1"}, ["e-1", "e-again"], []),
        ({"business_key": "supplier:S-1"}, [], []),
        ({"business_key": "item:SKU-1"}, ["i-newer"], ["i-1", "i-late"]),
        ({"types": (THRESHOLD_BREACHED.type,)}, [], ["t-1"]),
        (
            {
                "types": (STATUS,),
                "since": NOON + timedelta(seconds=2),
                "until": NOON + timedelta(seconds=3),
            },
            ["e-2"],
            [],
        ),
    ],
    ids=["type", "latest", "key", "not a key", "key and latest", "never", "time"],
)
async def test_selections(
    store: Store, selection: dict[str, Any], given: Sequence[str], left_out: Sequence[str]
) -> None:
    names = await fill(Ledger(store))
    found = await selected(store, EventSelection(**selection), 100)
    assert [names[x.event_id] for x in found if not x.says_nothing] == given
    assert [names[x.event_id] for x in found if x.says_nothing] == left_out


async def test_selected_by_ids_they_are_given_in_order_and_audited(store: Store) -> None:
    ledger, given = Ledger(store, now=lambda: NOON), list[Event]()

    async def consume(events: Sequence[Event]) -> None:
        given.extend(events)

    replays = LogReplays(ledger, {"caches": consume})
    names = await fill(ledger)
    ids = [name for name, source in names.items() if source in {"e-3", "e-1", "t-1"}]
    selection = EventSelection(ids=tuple(reversed(ids)))

    foreseen = await replays.preview(selection, "caches")
    assert (given, await audited(store)) == ([], [])
    done = await replays.replay(selection, "caches", actor="olga")
    assert foreseen == done
    assert (done.given, done.left_out) == (2, 1)
    assert [event.source_event_id for event in given] == ["e-1", "e-3"]
    [entry] = await audited(store)
    assert (entry.actor, entry.action, entry.subject) == ("olga", "events.replayed", "caches")
    assert entry.details["selection"]["ids"] == list(selection.ids or ())
    assert (entry.details["given"], entry.details["left_out"]) == (2, 1)


async def test_what_cannot_be_replayed_is_refused(store: Store) -> None:
    given: list[Event] = []

    async def consume(events: Sequence[Event]) -> None:
        given.extend(events)

    replays = LogReplays(Ledger(store), {"caches": consume}, most=3)
    await fill(Ledger(store))
    for selection, consumer, told in (
        (EventSelection(types=(STATUS,)), "caches", "more than 3 events"),
        (EventSelection(types=(STATUS,)), "portals", "no consumer 'portals'; there are: caches"),
        (EventSelection(types=("sent",)), "caches", "no type 'sent'"),
    ):
        with pytest.raises(InvalidInputError, match=told):
            await replays.replay(selection, consumer, actor="olga")
    assert (given, await audited(store)) == ([], [])
