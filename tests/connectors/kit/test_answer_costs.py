"""What an answer costs: as many units as records came in it, whatever the protocol."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from canonical.entities import EntityName
from canonical.errors import Reason, UnavailableError
from canonical.ports import Ask, ListQuery
from connectors.config import BackendConfig
from connectors.factory import open_backend
from connectors.jsonrpc.odoo.wire import JSON2, ExecuteKw
from connectors.jsonrpc.tryton.session import TrytonSession
from connectors.kit.auth_kinds import SessionAuth
from connectors.kit.http import Request
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Dataset, RowQuery
from connectors.kit.secrets import Vault
from connectors.kit.transport import Transport
from connectors.odata import Settings as ODataSettings
from connectors.odata import reader as odata_reader
from connectors.odata.reader import ODataReader
from connectors.rest import reader as rest_reader

ITEMS = RowQuery(Dataset("items", ("id",)), columns=("id",))
ROWS = [{"id": n} for n in range(7)]
BURST = 5
AUTH = SessionAuth.model_validate(
    {"kind": "session", "username": "me", "password": {"env": "PASSWORD"}}
)
VAULT = Vault({"PASSWORD": "s3cret"}, Path())

Read = Callable[[Transport, Ask], Awaitable[Any]]


async def over_rest(transport: Transport, ask: Ask) -> None:
    await rest_reader(transport, {}, CallPolicy()).page(ITEMS, None, ask)


def odata(transport: Transport) -> ODataReader:
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    settings = ODataSettings(version="v4")
    return odata_reader("erp", settings, transport, CallPolicy(), now=lambda: noon)


async def over_odata(transport: Transport, ask: Ask) -> None:
    await odata(transport).page(ITEMS, None, ask)


async def over_odoo(transport: Transport, ask: Ask) -> None:
    await JSON2(transport, None).call("product.product", "search_read", {}, ask)


async def over_older_odoo(transport: Transport, ask: Ask) -> None:
    wire = ExecuteKw(transport, "erp", AUTH, VAULT, lambda: 0.0)
    await wire.call("product.product", "search_count", {}, ask)  # a number is no record
    await wire.call("product.product", "search_read", {}, ask)


async def over_tryton(transport: Transport, ask: Ask) -> None:
    session = TrytonSession(transport, "erp", AUTH, VAULT, lambda: 0.0)
    await session.call("model.product.product.search_read", [], ask, label="product.product")


@pytest.mark.parametrize(
    "read, bodies",
    [
        (over_rest, [ROWS]),
        (over_odata, [{"value": ROWS}]),
        (over_odoo, [ROWS]),
        (over_older_odoo, [{"result": 2}, {"result": 7}, {"result": ROWS}]),
        (over_tryton, [{"id": 1, "result": ROWS}]),
    ],
)
async def test_as_many_units_as_records(world: Any, read: Read, bodies: Sequence[Any]) -> None:
    world.server.answer = world.in_turn(*(world.reply(body=json.dumps(b).encode()) for b in bodies))
    transport = world.transport(
        world.services(clock=lambda: 0.0), cost_per_s=0.01, cost_burst=BURST
    )
    await read(transport, world.ask())
    # One for each call before, and one is to be taken for the next.
    assert await missing(world, transport) == len(bodies) - 1 + len(ROWS) + 1 - BURST
    assert len(world.server.heard) == len(bodies)


async def test_a_delta_costs_what_came_and_what_went(world: Any) -> None:
    link = f"{world.server.url}/api/items?$deltatoken=1"
    ended = {"@odata.deltaLink": link}
    gone = {"@removed": {"reason": "deleted"}, "id": 99}
    world.server.answer = world.in_turn(
        *(
            world.reply(body=json.dumps(b).encode())
            for b in ({"value": [], **ended}, {"value": [*ROWS, gone], **ended})
        )
    )
    transport = world.transport(
        world.services(clock=lambda: 0.0), cost_per_s=0.01, cost_burst=BURST
    )
    erp = odata(transport)
    first = await erp.changes(ITEMS, None, world.ask())
    then = await erp.changes(ITEMS, first.link, world.ask())
    assert (len(then.rows), len(then.removed)) == (7, 1)
    assert await missing(world, transport) == 1 + 8 + 1 - BURST


async def missing(world: Any, transport: Transport) -> float:
    with pytest.raises(UnavailableError, match="cost_per_s") as caught:
        await transport.send(Request(path="items", label="items"), world.ask())
    assert caught.value.reason is Reason.THROTTLED
    assert caught.value.retry_after_s is not None
    return round(caught.value.retry_after_s * 0.01, 6)


async def listed(world: Any, policy: Mapping[str, Any]) -> Any:
    config = BackendConfig.model_validate(
        {
            "protocol": "rest",
            "url": world.server.url,
            "entities": {
                "item": {
                    "dataset": "items",
                    "key": [{"path": "id", "type": "integer"}],
                    "where": {"kind": "good"},
                    "fields": {"sku": "id", "unit": {"const": "PC"}},
                }
            },
            "policy": policy,
        }
    )
    backend = await open_backend("erp", config, world.services(clock=lambda: 0.0))
    return world.to_close(backend).sources[EntityName.ITEM]


async def test_what_is_left_out_here_has_cost_the_system_as_much(world: Any) -> None:
    rows = [{"id": n, "kind": "good" if n == 0 else "bad"} for n in range(7)]
    world.server.answer = world.always(world.reply(body=json.dumps(rows).encode()))
    query = ListQuery((), (), 10, frozenset({"sku"}))
    source = await listed(world, {})
    for _ in range(3):
        assert len((await source.page(query, world.ask())).records) == 1
    source = await listed(world, {"cost_per_s": 0.01, "cost_burst": BURST})
    assert len((await source.page(query, world.ask())).records) == 1
    with pytest.raises(UnavailableError, match="cost_per_s") as caught:
        await source.page(query, world.ask())
    assert caught.value.retry_after_s == pytest.approx((7 + 1 - BURST) * 100)
    assert len(world.server.heard) == 4
