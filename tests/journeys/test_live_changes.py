"""Changes are heard by who may hear them, and what is asked on hearing of one is never older."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from canonical.entities import EntityName
from canonical.observations import Observation
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from runtime.security.development import new_development_key
from runtime.security.principal import Role
from sandbox.launch import Sandbox
from tests.app.sockets.talk import Line, Talk, subscribe
from tests.journeys.house import House, Simulators, open_house
from workflows.ingestion.intake import Delivery, Intake

CHANGED = """
purchaseOrderChanged {
  cursor status previousStatus
  purchaseOrder { number supplier { code name } lines { lineNumber item { sku } } }
}
"""
ORDERS = (
    "{ purchaseOrders(first: 5) { nodes { number supplier { code } provenance { system key } } } }"
)


@pytest.fixture
async def houses(
    sandbox: Sandbox, systems: Simulators, tmp_path: Path, valkey_url: str
) -> AsyncIterator[tuple[House, House]]:
    """Two processes over one store and one Redis."""
    key = new_development_key()
    async with (
        open_house(sandbox, tmp_path, valkey_url, key=key) as one,
        open_house(sandbox, tmp_path, valkey_url, key=key) as other,
    ):
        yield one, other


@asynccontextmanager
async def a_line(house: House, role: Role, *suppliers: str) -> AsyncIterator[Line]:
    talk = Talk(httpx.URL(house.client.base_url).port or 0)
    try:
        yield await talk.connected(house.token(role, suppliers or None))
    finally:
        await talk.aclose()


async def report(house: House, order: dict[str, Any], status: str, name: str) -> None:
    origin = order["provenance"]
    record = PurchaseOrder(
        number=order["number"],
        supplier=order["supplier"]["code"],
        status=PurchaseOrderStatus(status),
    )
    observation = Observation(
        system=origin["system"],
        entity=EntityName.PURCHASE_ORDER,
        key=origin["key"],
        record=record,
        occurred_at=datetime.now(UTC),
        source_event_id=name,
        partial=True,
    )
    delivery = Delivery(system=origin["system"], observations=(observation,), delivery_id=name)
    await Intake(house.installation.log.ledger).take([delivery])


async def test_a_change_taken_in_by_one_process_is_heard_at_another(
    houses: tuple[House, House],
) -> None:
    one, other = houses
    first, second = (await one.ask(ORDERS)).data["purchaseOrders"]["nodes"][:2]
    async with a_line(other, Role.PLANNER) as line:
        await line.say(subscribe(CHANGED))
        await line.is_well()
        await report(one, first, "SENT", "d1")
        heard = await line.hear()
    event = heard["payload"]["data"]["purchaseOrderChanged"]
    assert (heard["type"], event["status"], event["previousStatus"]) == ("next", "SENT", None)
    assert event["purchaseOrder"]["number"] == first["number"]
    assert event["purchaseOrder"]["supplier"]["code"] == first["supplier"]["code"]
    assert event["purchaseOrder"]["lines"]
    await report(other, first, "ACKNOWLEDGED", "d2")
    await report(one, second, "SENT", "d3")
    async with a_line(one, Role.PLANNER) as line:
        after = CHANGED.replace("Changed", f'Changed(after: "{event["cursor"]}")', 1)
        await line.say(subscribe(after))
        caught_up = [(await line.hear())["payload"]["data"]["purchaseOrderChanged"] for _ in "12"]
    assert [(e["purchaseOrder"]["number"], e["status"]) for e in caught_up] == [
        (first["number"], "ACKNOWLEDGED"),
        (second["number"], "SENT"),
    ]


async def test_a_supplier_hears_of_its_own_orders_only(houses: tuple[House, House]) -> None:
    one, other = houses
    orders = (await one.ask(ORDERS)).data["purchaseOrders"]["nodes"]
    mine = orders[0]
    code = mine["supplier"]["code"]
    foreign = next(o for o in orders if o["supplier"]["code"] != code)
    async with a_line(other, Role.SUPPLIER, code) as line:
        await line.say(subscribe(CHANGED))
        await line.is_well()
        await report(one, foreign, "SENT", "d1")
        await report(one, mine, "SENT", "d2")
        heard = (await line.hear())["payload"]["data"]["purchaseOrderChanged"]
    assert heard["purchaseOrder"]["number"] == mine["number"]


async def test_histories_and_timelines_read_the_log(houses: tuple[House, House]) -> None:
    one, other = houses
    order = (await one.ask(ORDERS)).data["purchaseOrders"]["nodes"][0]
    for name, status in enumerate(("SENT", "ACKNOWLEDGED")):
        await report(one, order, status, f"d{name}")
    question = """
    query ($number: String!, $system: String) {
      purchaseOrder(number: $number, system: $system) { history { status at system } }
      timeline(purchaseOrder: $number) { nodes { type } }
    }"""
    system = order["provenance"]["system"]
    told = (await other.ask(question, number=order["number"], system=system)).data
    statuses = [change["status"] for change in told["purchaseOrder"]["history"]]
    assert [s for s in statuses if s in ("SENT", "ACKNOWLEDGED")][-2:] == ["SENT", "ACKNOWLEDGED"]
    assert len(told["timeline"]["nodes"]) == 2
