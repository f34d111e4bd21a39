"""Callouts of procurement: signed, in order for each order, at least once, troubled on demand."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.launch import Life, Sandbox, start_one
from tests.sandbox.receiver import SECRET, Receiver, listening, standard_signature
from tests.sandbox.ticking import Row, client_of, control, tick, touched


@pytest.fixture(scope="module")
def procurement() -> Iterator[Sandbox]:
    with start_one("coupa", size=0.02, options=["--rate-per-s", "0"]) as running:
        yield running


@pytest.fixture
def receiver(procurement: Sandbox) -> Iterator[Receiver]:
    """A receiver that callouts go to, with nothing under way before or after."""
    with listening() as receiver:
        _aim(procurement, url=receiver.url)
        yield receiver
        _settle(procurement)
        control(procurement.coupa, "PUT", "webhook", {"url": ""})


def _aim(procurement: Sandbox, **changes: Any) -> Row:
    defaults = {
        "secret": SECRET,
        "scheme": "standard",
        "duplicates": 0,
        "out_of_order": 0,
        "attempts": 5,
        "backoff_s": 0.02,
        "room": 1_000,
    }
    answer: Row = control(procurement.coupa, "PUT", "webhook", {**defaults, **changes})
    return answer


def _change_one_order(procurement: Sandbox) -> None:
    """Let just as much happen that one callout is made."""
    while not any(_touched_orders(change) for change in tick(procurement.coupa, count=1)):
        pass


def _settle(procurement: Sandbox) -> list[Row]:
    """The log, once nothing waits any more."""
    deadline = time.monotonic() + 10
    while control(procurement.coupa, "GET", "webhook")["states"]["waiting"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    entries: list[Row] = control(procurement.coupa, "GET", "deliveries")
    return entries


def test_a_changed_order_is_sent_as_the_interface_shows_it(
    procurement: Sandbox, receiver: Receiver
) -> None:
    change = tick(procurement.coupa, kind="acknowledged")[-1]
    _settle(procurement)
    received = receiver.received[-1]
    with client_of(procurement.coupa, "/api/") as client:
        shown = client.get(f"purchase_orders/{received.order['id']}").json()
    assert received.order == shown
    assert shown["acknowledged-flag"] is True
    assert _orders([change]) == [shown["id"]]
    assert received.headers["content-type"] == "application/json"
    assert received.headers["webhook-signature"] == standard_signature(received)
    assert abs(int(received.headers["webhook-timestamp"]) - time.time()) < 30
    assert received.headers["traceparent"].startswith("00-")


def _orders(changes: list[Row]) -> list[int]:
    return [row["key"]["id"] for row in touched(changes, "purchase_orders")]


def test_the_service_s_own_signature(procurement: Sandbox, receiver: Receiver) -> None:
    _aim(procurement, scheme="coupa", secret="plain text, used as it stands")
    tick(procurement.coupa, kind="sent")
    headers, body = receiver.wait_for(1)[-1].headers, receiver.received[-1].body
    content = f"{headers['x-coupa-timestamp']}.".encode() + body
    expected = hmac.new(b"plain text, used as it stands", content, hashlib.sha256).hexdigest()
    assert headers["x-coupa-signature"] == expected
    assert headers["x-coupa-delivery-id"].startswith("msg_")
    assert "webhook-signature" not in headers


def test_every_change_of_an_order_is_sent_and_they_come_in_order(
    procurement: Sandbox, receiver: Receiver
) -> None:
    changes = tick(procurement.coupa, count=250)
    expected = [n for change in changes for n in dict.fromkeys(_touched_orders(change))]
    received = receiver.wait_for(len(expected))
    log = _settle(procurement)[-len(expected) :]
    assert len(receiver.received) == len(expected) > 25
    assert len({delivery.id for delivery in received}) == len(expected)
    numbers = {entry["id"]: entry["number"] for entry in log}
    by_order: dict[int, list[int]] = defaultdict(list)
    for delivery in received:
        by_order[delivery.order["id"]].append(numbers[delivery.id])
    assert all(came == sorted(came) for came in by_order.values())
    assert max(map(len, by_order.values())) > 2


def _touched_orders(change: Row) -> list[int]:
    lines = touched([change], "purchase_order_lines")
    return [*_orders([change]), *(row["key"]["id"] // 100 for row in lines)]


@pytest.mark.parametrize("trouble", [500, 503, 429, (429, "1"), 0])
def test_what_was_not_taken_is_sent_again_under_the_same_id(
    procurement: Sandbox, receiver: Receiver, trouble: int | tuple[int, str]
) -> None:
    receiver.answers = [trouble]
    start = time.monotonic()
    _change_one_order(procurement)
    first, second = receiver.wait_for(2)
    assert first.id == second.id
    assert first.body == second.body
    assert second.headers["webhook-signature"] == standard_signature(second)
    assert (time.monotonic() - start >= 1) == isinstance(trouble, tuple)
    entry = _settle(procurement)[-1]
    statuses = [attempt["status"] for attempt in entry["attempts"]]
    assert statuses == [trouble[0] if isinstance(trouble, tuple) else trouble or None, 202]
    assert entry["state"] == "delivered"


def test_a_refusal_is_final_until_it_is_sent_again_on_demand(
    procurement: Sandbox, receiver: Receiver
) -> None:
    receiver.answers = [401]
    _change_one_order(procurement)
    receiver.wait_for(1)
    entry = _settle(procurement)[-1]
    assert (entry["state"], len(entry["attempts"])) == ("refused", 1)
    assert control(procurement.coupa, "POST", "redeliver", {"id": entry["id"]}) == {"queued": 1}
    first, second = receiver.wait_for(2)
    assert (second.id, second.body) == (first.id, first.body)
    assert _settle(procurement)[-1]["state"] == "delivered"


def test_who_never_takes_is_given_up_and_all_that_was_is_sent_later(
    procurement: Sandbox, receiver: Receiver
) -> None:
    _aim(procurement, attempts=2)
    receiver.answers = [500, 500]
    _change_one_order(procurement)
    receiver.wait_for(2)
    assert _settle(procurement)[-1]["state"] == "given_up"
    answer = control(procurement.coupa, "POST", "redeliver", {"state": "given_up"})
    assert answer == {"queued": 1}
    assert receiver.wait_for(3)[2].id == receiver.received[0].id


def test_duplicates_on_purpose(procurement: Sandbox, receiver: Receiver) -> None:
    _aim(procurement, duplicates=1)
    _change_one_order(procurement)
    first, second = receiver.wait_for(2)
    assert (second.id, second.body) == (first.id, first.body)
    assert first.answered == second.answered == 202


def test_a_later_change_first_on_purpose(procurement: Sandbox, receiver: Receiver) -> None:
    _aim(procurement, out_of_order=1)
    tick(procurement.coupa, count=250)
    numbers = {entry["id"]: entry["number"] for entry in _settle(procurement)}
    by_order: dict[int, list[int]] = defaultdict(list)
    for delivery in receiver.received:
        by_order[delivery.order["id"]].append(numbers[delivery.id])
    pairs = [came for came in by_order.values() if len(came) > 1]
    assert pairs
    assert all(came[0] > came[1] for came in pairs)


def test_the_clock_waits_when_the_outbox_is_full(procurement: Sandbox, receiver: Receiver) -> None:
    _aim(procurement, room=2)
    receiver.answers = [(503, "1")] * 2
    answer = control(procurement.coupa, "POST", "tick", {"count": 600})
    assert answer["held"] == "the outbox of callouts is full"
    number = control(procurement.coupa, "GET", "clock")["number"]
    assert tick(procurement.coupa, count=5) == []
    assert control(procurement.coupa, "GET", "clock")["number"] == number
    _settle(procurement)
    tick(procurement.coupa, count=1)
    assert control(procurement.coupa, "GET", "clock")["number"] == number + 1


@pytest.mark.parametrize(
    "name,body",
    [
        ("webhook", {"adress": "http://127.0.0.1"}),
        ("webhook", {"url": "http://127.0.0.1:9", "scheme": "standard", "secret": "no base64"}),
        ("redeliver", {"id": "msg_nix"}),
        ("redeliver", {"state": "lost"}),
    ],
)
def test_what_cannot_be_is_refused_and_secrets_are_not_told(
    procurement: Sandbox, name: str, body: Row
) -> None:
    method = "PUT" if name == "webhook" else "POST"
    answer = httpx.request(method, f"{procurement.coupa.control_url}{name}", json=body)
    assert answer.status_code == 400
    assert "no base64" not in answer.text
    assert "secret" not in control(procurement.coupa, "GET", "webhook")


def test_all_is_set_at_the_start_and_the_secret_is_on_no_command_line() -> None:
    with (
        listening() as receiver,
        Sandbox(
            size=0.01,
            names=["coupa"],
            life=Life(webhook_url=receiver.url, webhook_secret=SECRET),
        ) as sandbox,
    ):
        assert SECRET not in Path(f"/proc/{sandbox.coupa.pid}/cmdline").read_text()
        while not receiver.received:
            sandbox.tick(20)
        assert receiver.received[0].headers["webhook-signature"] == standard_signature(
            receiver.received[0]
        )
