"""Rows told to JSON interfaces: method, path, body and headers as declared, answers taken apart."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical.errors import (
    InDoubtError,
    InvalidInputError,
    MisconfiguredError,
    NotFoundError,
    RejectedError,
    SupplygraphError,
)
from canonical.ports import Ask
from connectors.kit.http import Explain, Request, Response
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Dataset
from connectors.rest import RestWriter, writer
from tests.fakes.asks import ASK

ORDERS = Dataset("api/orders", ("id",))


class Caller:
    """Keeps what is sent, and gives what a test wants."""

    system = "erp"
    base_url = "https://erp.example"

    def __init__(self) -> None:
        self.sent: list[Request] = []
        self.content = b"{}"
        self.status = 200
        self.headers: dict[str, str] = {}
        self.error: SupplygraphError | None = None

    async def send(self, request: Request, ask: Ask, *, explain: Explain | None = None) -> Response:
        self.sent.append(request)
        if self.error is not None:
            raise self.error
        return Response("erp", self.status, self.headers, self.content, request.label)


def opened(**writes: Any) -> tuple[RestWriter, Caller]:
    caller = Caller()
    settings = {"writes": writes, "query": {"format": "json"}}
    return writer(caller, settings, CallPolicy()), caller


async def test_a_row_is_made_and_what_is_answered_stands_over_it() -> None:
    told, caller = opened(row="/data", query={"return": "all"}, decimal="string")
    caller.content = b'{"data": {"id": 7, "qty": "2.50"}}'
    row = {
        "qty": Decimal("2.5"),
        "on": date(2026, 12, 1),
        "at": datetime(2026, 12, 1, 8, tzinfo=UTC),
        "lines": [{"n": 1}],
    }
    assert await told.create(ORDERS, row, ASK) == {**row, "id": 7, "qty": "2.50"}
    (request,) = caller.sent
    assert (request.method, request.path, request.is_write) == ("POST", "api/orders", True)
    assert list(request.query) == [("format", "json"), ("return", "all")]
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body or b"") == {
        "qty": "2.5",
        "on": "2026-12-01",
        "at": "2026-12-01T08:00:00Z",
        "lines": [{"n": 1}],
    }


async def test_the_key_may_come_in_a_header_and_our_own_go_in_one() -> None:
    told, caller = opened(
        location=True, idempotency_header="Idempotency-Key", idempotency_path="ext.ref"
    )
    caller.content, caller.headers = b"", {"location": "/api/orders/A%2F1/"}
    made = await told.create(ORDERS, {"ext": {"ref": "k-1"}}, ASK)
    assert made["id"] == "A/1"
    assert caller.sent[0].headers["Idempotency-Key"] == "k-1"


async def test_an_answer_that_is_no_json_leaves_it_in_doubt() -> None:
    told, caller = opened()
    caller.content = b'{"id": '
    with pytest.raises(InDoubtError):
        await told.create(ORDERS, {}, ASK)


async def test_changes_and_actions_name_the_row_and_its_version() -> None:
    told, caller = opened(
        change={"method": "PUT", "path": "{dataset}/{key}"}, version={"header": "If-Match"}
    )
    await told.change(ORDERS, {"id": "A/1"}, {"qty": 1}, ASK, version='W/"3"')
    await told.call(ORDERS, {"id": 7}, "issue", ASK)
    parted = Dataset("api/lines", ("order.id", "n"), {"writes": {"change": PARTED}})
    await told.change(parted, {"order.id": 7, "n": 2}, {"qty": 1}, ASK)
    assert [(r.method, r.path) for r in caller.sent] == [
        ("PUT", "api/orders/A%2F1"),
        ("POST", "api/orders/7/issue"),
        ("PATCH", "api/orders/7/lines/2"),
    ]
    assert caller.sent[0].headers["If-Match"] == 'W/"3"'
    assert caller.sent[1].body is None


PARTED = {"method": "PATCH", "path": "api/orders/{order.id}/lines/{n}"}


async def test_a_version_may_stand_in_the_body() -> None:
    told, caller = opened(version={"field": "head.version"})
    await told.change(ORDERS, {"id": 7}, {"head": {"qty": 1}}, ASK, version="3")
    assert json.loads(caller.sent[0].body or b"") == {"head": {"qty": 1, "version": 3}}


async def test_a_row_that_is_not_there_is_not_found() -> None:
    told, caller = opened()
    caller.status = 404
    with pytest.raises(NotFoundError, match="erp has no api/orders 7"):
        await told.change(ORDERS, {"id": 7}, {"qty": 1}, ASK)


async def test_a_path_that_the_key_does_not_fill_is_a_mistake_of_the_manifest() -> None:
    told, _ = opened(change={"method": "PATCH", "path": "{dataset}/{company}/{key}"})
    with pytest.raises(MisconfiguredError, match=r"names \{company\}, which api/orders has not"):
        await told.change(ORDERS, {"id": 7}, {"qty": 1}, ASK)


async def test_an_error_in_a_success_is_a_refusal() -> None:
    caller = Caller()
    told = writer(caller, {"error_in_success": "/fault"}, CallPolicy())
    caller.content = b'{"fault": {"text": "supplier is on hold"}}'
    for telling in (
        told.create(ORDERS, {}, ASK),
        told.change(ORDERS, {"id": 7}, {"qty": 1}, ASK),
        told.upsert(ORDERS, [{}], ASK),
    ):
        with pytest.raises(RejectedError, match="erp refuses: text: supplier is on hold"):
            await telling


async def test_many_rows_may_be_put_again_and_again() -> None:
    told, caller = opened()
    await told.upsert(ORDERS, [{"id": 1}, {"id": 2}], ASK)
    assert json.loads(caller.sent[0].body or b"") == [{"id": 1}, {"id": 2}]
    assert (caller.sent[0].repeatable, caller.sent[0].told) == (True, 2)
    caller.error = InvalidInputError("erp: api/orders was refused (400): qty is no number")
    with pytest.raises(RejectedError, match="qty is no number"):
        await told.upsert(ORDERS, [{"id": 1}], ASK)
