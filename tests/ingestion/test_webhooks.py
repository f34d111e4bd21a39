"""Deliveries over HTTP: believed, taken once, and told clearly what is wrong with them."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from starlette.applications import Starlette
from typing_extensions import override

from app.ingest.believing import Signing
from app.ingest.bodies import Body, Reader
from app.ingest.rereading import HookRereading
from app.ingest.webhooks import Hook, HookDesk, hook_routes
from canonical.dead_letters import DeadLetter
from canonical.entities import EntityName
from canonical.errors import BadAnswerError, Reason, UnavailableError
from canonical.events import FORECAST_REVISED, INVENTORY_CHANGED, ORDER_REVISED, STATUS_CHANGED
from canonical.ports import Ask, Batch
from runtime.events.ledger import Ledger
from runtime.events.letters import Letters
from runtime.security.signatures import STANDARD
from tests.fakes.distributor import order
from tests.fakes.senders import sign
from tests.fakes.sources import FakeSource
from workflows.ingestion.intake import Intake
from workflows.letters import DeadLetterDesk

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
KEY, OLD_KEY = b"k" * 32, b"o" * 32
ORDERS = EntityName.PURCHASE_ORDER
ROW = {"key": "K1", "number": "PO1", "supplier": "S1", "status": "SENT"}
ONE, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"


def event(**more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "specversion": "1.0",
        "id": "e1",
        "source": "urn:erp",
        "type": STATUS_CHANGED.type,
        "time": "2026-11-23T07:00:00Z",
        "data": {"number": "PO1", "supplier": "S1", "status": "SENT"},
    }
    return {**given, **more}


@pytest.fixture
def source() -> FakeSource:
    return FakeSource("erp", ORDERS, [order(1), order(2)])


@pytest.fixture
def hook(source: FakeSource) -> Hook:
    return Hook(
        signing=Signing(STANDARD, (OLD_KEY, KEY)),
        reader=Reader("erp", source, "orders", columns=source.columns),
        max_bytes=200_000,
        per_minute=1_000,
    )


@pytest.fixture
async def client(ledger: Ledger, hook: Hook) -> AsyncIterator[httpx.AsyncClient]:
    desk = HookDesk({"erp": hook}, Intake(ledger), now=lambda: NOW)
    app = Starlette(routes=hook_routes(lambda: desk))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        yield client


async def send(
    client: httpx.AsyncClient,
    content: Any,
    kind: str = ONE,
    *,
    name: str = "d1",
    key: bytes = KEY,
    at: datetime = NOW,
    headers: Mapping[str, str] | None = None,
    system: str = "erp",
) -> httpx.Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    signed = sign(STANDARD, key, body, delivery_id=name, timestamp=str(int(at.timestamp())))
    sent = {**signed, "content-type": kind, **(headers or {})}
    return await client.post(f"/ingest/{system}", content=body, headers=sent)


async def letters(ledger: Ledger) -> list[DeadLetter]:
    kept = Letters(ledger.store)
    found = [await kept.get(one.letter_id) for one in await kept.newest()]
    return [one for one in found if one is not None]


async def test_an_event_is_taken_once_and_told_so(
    client: httpx.AsyncClient, ledger: Ledger
) -> None:
    first = await send(client, event())
    again = await send(client, event())
    [logged] = await ledger.read(ORDERS, 0, 10)
    assert (first.status_code, first.json()) == (
        202,
        {"status": "accepted", "events": [logged.event_id]},
    )
    assert (again.status_code, again.json()["status"]) == (200, "known")
    assert (logged.key, logged.data.status, logged.occurred_at.hour) == ("PO1", "SENT", 7)


async def test_binary_mode_and_the_trace_of_the_sender(
    client: httpx.AsyncClient, ledger: Ledger
) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = {f"ce-{n}": str(v) for n, v in event().items() if n != "data"}
    headers |= {"x-correlation-id": "case-7", "traceparent": trace}
    answer = await send(client, event()["data"], "application/json", headers=headers)
    assert answer.status_code == 202
    [logged] = await ledger.read(ORDERS, 0, 10)
    assert (logged.correlation_id, logged.traceparent) == ("case-7", trace)


@pytest.mark.parametrize(
    "sent, meant",
    [
        ("K%20%C3%96%2F1", "K Ö/1"),
        ("100%25", "100%"),
        ("%2525", "%25"),
        ('"K \\"1\\""', 'K "1"'),
        ("K%FF", "K\ufffd"),
        ("50%", "50%"),
    ],
)
async def test_attributes_in_headers_are_decoded_once_as_the_binding_wants_it(
    client: httpx.AsyncClient, ledger: Ledger, sent: str, meant: str
) -> None:
    headers = {f"ce-{n}": str(v) for n, v in event().items() if n != "data"}
    headers |= {"ce-recordkey": sent}
    answer = await send(client, event()["data"], "application/json", headers=headers)
    assert answer.status_code == 202
    [logged] = await ledger.read(ORDERS, 0, 10)
    assert logged.key == meant


async def test_a_body_that_is_no_json_is_kept_once_and_can_be_corrected(
    client: httpx.AsyncClient, ledger: Ledger, hook: Hook
) -> None:
    body = json.dumps(event()).encode()
    for name in ("d1", "d1", "d2"):
        assert (await send(client, body[:-1], name=name)).status_code == 400
    [letter] = await letters(ledger)
    assert (letter.body, letter.message) == (body[:-1], "the body is no JSON")
    desk = DeadLetterDesk(ledger, Intake(ledger), {"webhook": HookRereading({"erp": hook.reader})})
    replayed = await desk.replay(letter.letter_id, body, actor="ann", note=None)
    assert [e.data.number for e in replayed.events] == ["PO1"]


async def test_of_a_batch_the_good_ones_are_taken_and_the_others_kept(
    client: httpx.AsyncClient, ledger: Ledger
) -> None:
    bad = event(id="e2", data={"number": 7})
    answer = await send(client, [event(), bad, event(id="e3", type="nobody.knows.v1")], BATCH)
    assert answer.status_code == 202
    told = answer.json()
    assert len(told["events"]) == 1
    assert "`$.number`" in told["refused"][0]
    assert "there is no type 'nobody.knows.v1'" in told["refused"][1]
    kept = {letter.reason for letter in await letters(ledger)}
    bodies = [json.loads(letter.body) for letter in await letters(ledger)]
    assert (kept, sorted(b["id"] for b in bodies)) == ({"invalid"}, ["e2", "e3"])


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"data": {"number": "PO1", "supplier": None, "status": "LOST"}}, "Invalid enum value"),
        ({"specversion": "0.3"}, "only 1.0"),
        ({"time": "2026-11-23T07:00:00"}, "zone"),
        ({"id": ""}, "`id`"),
        (
            {"type": ORDER_REVISED.type, "data": {"number": "1", "supplier": "S", "changed": []}},
            "no values",
        ),
        (
            {
                "type": INVENTORY_CHANGED.type,
                "data": {"item": "I1", "location": "L1", "available": "7"},
            },
            "recordkey",
        ),
    ],
)
async def test_what_the_sender_must_mend_is_said_and_kept(
    client: httpx.AsyncClient, ledger: Ledger, changes: dict[str, Any], says: str
) -> None:
    answer = await send(client, event(**changes))
    assert answer.status_code == 422
    assert says in answer.json()["error"]["message"]
    [letter] = await letters(ledger)
    assert (letter.way, json.loads(letter.body)) == ("webhook", event(**changes))
    assert not {n for n in letter.headers if "signature" in n}


async def test_figures_keep_every_digit(client: httpx.AsyncClient, ledger: Ledger) -> None:
    data = {"item": "I1", "location": None, "period_start": "2026-11-23", "quantity": "0.10"}
    data |= {"period_end": None}
    said = event(type=FORECAST_REVISED.type, recordkey="F1", data=data)
    assert (await send(client, said)).status_code == 202
    [logged] = await ledger.read(EntityName.FORECAST, 0, 10)
    assert str(logged.data.quantity) == "0.10"


async def test_a_systems_own_record_is_read_as_its_api_would_tell_it(
    client: httpx.AsyncClient, ledger: Ledger
) -> None:
    answer = await send(client, {"orders": [ROW]}, "application/json")
    assert answer.status_code == 202
    [logged] = await ledger.read(ORDERS, 0, 10)
    assert (logged.data.number, logged.data.status, logged.key) == ("PO1", "SENT", "K1")


class _Dated(FakeSource):
    """Its records changed at six."""

    @override
    async def read(
        self, rows: Sequence[Mapping[str, Any]], columns: frozenset[str], ask: Ask
    ) -> Batch:
        batch = await super().read(rows, columns, ask)
        at = datetime(2026, 11, 23, 6, tzinfo=UTC)
        return Batch([replace(r, updated_at=at) for r in batch.records])


@pytest.mark.parametrize(
    "more, at",
    [
        ({}, "06:00"),
        ({"parts": [{"moved": "2026-11-23T05:00:00Z"}]}, "06:00"),
        (
            {"parts": [{"moved": "2026-11-23T08:00:00+01:00"}, {"moved": "2026-11-23T06:30:00Z"}]},
            "07:00",
        ),
        ({"parts": [{"moved": "2026-11-23T07:45:00"}, {}, {"moved": "soon"}, 7]}, "06:00"),
        ({"parts": [{"moved": "2026-11-23T07:00:00Z"}], "at": "2026-11-23T07:15:00Z"}, "07:15"),
    ],
)
async def test_it_happened_when_the_newest_part_of_the_record_changed(
    more: dict[str, Any], at: str
) -> None:
    source = _Dated("erp", ORDERS, [])
    reader = Reader("erp", source, columns=source.columns, times=("parts.moved", "at"))
    content = json.dumps([{**ROW, **more}, ROW]).encode()
    [delivery] = (await reader.read(Body(content, "application/json", {}, "d1"))).deliveries
    times = [o.occurred_at for o in delivery.observations]
    assert [f"{moment:%H:%M}" for moment in times if moment] == [at, "06:00"]


async def test_what_our_mapping_cannot_read_is_kept_and_not_the_senders_fault(
    client: httpx.AsyncClient, ledger: Ledger, source: FakeSource
) -> None:
    source.error = BadAnswerError("erp", "the row has no key")
    answer = await send(client, {"orders": ROW}, "application/json")
    assert (answer.status_code, answer.json()["status"]) == (202, "dead_letter")
    [letter] = await letters(ledger)
    assert (letter.reason, json.loads(letter.body)) == ("unmapped", {"orders": ROW})


async def test_what_must_be_asked_for_and_cannot_be_is_to_be_sent_again(
    client: httpx.AsyncClient, ledger: Ledger, source: FakeSource
) -> None:
    source.error = UnavailableError("erp", Reason.CONNECTION, "is not there")
    answer = await send(client, {"orders": ROW}, "application/json")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert await letters(ledger) == []
    source.error = None
    again = await send(client, {"orders": ROW}, "application/json")
    assert again.status_code == 202


@pytest.mark.parametrize(
    "how",
    [
        {"key": b"x" * 32},
        {"at": NOW - timedelta(minutes=6)},
        {"at": NOW + timedelta(minutes=6)},
        {"headers": {"webhook-signature": "v1,AAAA"}},
        {"headers": {"webhook-id": "another"}},
        {"headers": {"webhook-timestamp": "soon"}},
        {"headers": {"webhook-signature": ""}},
    ],
)
async def test_what_is_not_believed_is_401_and_nothing_else(
    client: httpx.AsyncClient, ledger: Ledger, how: dict[str, Any]
) -> None:
    answer = await send(client, event(), **how)
    assert answer.status_code == 401
    assert set(answer.json()["error"]) == {"code", "message", "correlationId"}
    assert await ledger.read(ORDERS, 0, 10) == []
    assert await letters(ledger) == []


async def test_an_older_secret_is_taken_until_it_is_taken_away(client: httpx.AsyncClient) -> None:
    assert (await send(client, event(), key=OLD_KEY)).status_code == 202


@pytest.mark.parametrize("system", ["nobody", "procurement", "erp%2F..", "x" * 300])
async def test_unknown_systems_are_alike(client: httpx.AsyncClient, system: str) -> None:
    answer = await send(client, event(), system=system)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "content, kind, status, reason",
    [
        (b"x" * 10_000_000, ONE, 413, None),
        (b"[" * 100_000, ONE, 400, "unread"),
        (b'{"a":' * 30_000, "application/json", 400, "unread"),
        (b"\xff\xfe", ONE, 400, "unread"),
        (b"", ONE, 400, "unread"),
        (b"{}", "text/plain", 415, None),
        (b"{}", "application/json", 422, "unread"),
        (b"[1]", BATCH, 422, "invalid"),
        (b"7", BATCH, 422, "unread"),
    ],
)
async def test_rubbish_has_a_clear_answer_and_what_was_signed_is_kept_byte_for_byte(
    client: httpx.AsyncClient,
    ledger: Ledger,
    content: bytes,
    kind: str,
    status: int,
    reason: str | None,
) -> None:
    answer = await send(client, content, kind)
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    assert await ledger.read(ORDERS, 0, 10) == []
    kept = [(letter.reason, letter.body) for letter in await letters(ledger)]
    body = b"1" if reason == "invalid" else content
    assert kept == ([] if reason is None else [(reason, body)])
    assert (await send(client, event())).status_code == 202


async def test_a_long_body_is_refused_while_it_comes(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1_000):
            sent += 1
            yield b"x" * 10_000

    signed = sign(STANDARD, KEY, b"", delivery_id="d", timestamp=str(int(NOW.timestamp())))
    answer = await client.post(
        "/ingest/erp", content=endless(), headers={**signed, "content-type": ONE}
    )
    assert answer.status_code == 413


async def test_more_than_is_taken_is_told_when_to_come_again(
    ledger: Ledger, source: FakeSource
) -> None:
    hook = Hook(
        signing=Signing(STANDARD, (KEY,)), reader=Reader("erp"), max_bytes=9_999, per_minute=1
    )
    desk = HookDesk({"erp": hook}, Intake(ledger), now=lambda: NOW)
    transport = httpx.ASGITransport(Starlette(routes=hook_routes(lambda: desk)))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        assert (await send(client, event())).status_code == 202
        answer = await send(client, event(), name="d2")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
