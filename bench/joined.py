"""The joined question, cold and warm, against asking the systems one record at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx
from msgspec import Struct

from runtime.embedded.valkey import embedded_valkey
from sandbox.launch import Sandbox
from tests.journeys.house import JOINED, House, open_house

SIZE = 1.0
_AT_ONCE = 8
_JSON = {"$format": "json"}
_TEXTS = {**_JSON, "$expand": "to_Description"}


class Figure(Struct):
    """What one way took: median milliseconds, and requests to the systems."""

    milliseconds: float
    calls: int


async def measure(orders: int, rounds: int) -> dict[str, Figure]:
    """Each way's figure for a number of orders."""
    today = datetime.now(UTC).date()
    with Sandbox(seed=7, size=SIZE, today=today) as sandbox, TemporaryDirectory() as folder:
        times: dict[str, list[float]] = {"cold": [], "warm": [], "one by one": []}
        calls: dict[str, int] = {}
        for _ in range(rounds):
            async with (
                embedded_valkey() as url,
                open_house(sandbox, Path(folder), url) as house,
            ):
                for way in ("cold", "warm"):
                    taken, calls[way] = await _timed(lambda: _asked(house, orders))
                    times[way].append(taken)
            taken, calls["one by one"] = await _timed(lambda: _one_by_one(sandbox, orders))
            times["one by one"].append(taken)
    return {way: Figure(median(t) * 1000, calls[way]) for way, t in times.items()}


async def _timed(work: Callable[[], Awaitable[int]]) -> tuple[float, int]:
    started = time.perf_counter()
    calls = await work()
    return time.perf_counter() - started, calls


async def _asked(house: House, orders: int) -> int:
    reply = await house.ask(JOINED, first=orders)
    assert not reply.errors, reply.errors[:1]
    assert len(reply.data["purchaseOrders"]["nodes"]) == orders
    return reply.calls()


async def _one_by_one(sandbox: Sandbox, orders: int) -> int:
    """The ERP's orders in one list, then each supplier, item, stock and forecast by itself."""
    s4, planning = sandbox.s4, sandbox.frepple
    gate = asyncio.Semaphore(_AT_ONCE)
    async with (
        httpx.AsyncClient(base_url=s4.url, auth=(s4.user, s4.password), timeout=60) as erp,
        httpx.AsyncClient(
            base_url=planning.url, auth=(planning.user, planning.password), timeout=60
        ) as plans,
    ):

        async def get(client: httpx.AsyncClient, path: str, **query: str) -> object:
            async with gate:
                response = await client.get(path, params=query)
            response.raise_for_status()
            return response.json()

        base = "/sap/opu/odata/sap"
        page = await erp.get(
            f"{base}/API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder",
            params={
                "$format": "json",
                "$top": str(orders),
                "$orderby": "PurchaseOrderDate desc",
                "$expand": "to_PurchaseOrderItem/to_ScheduleLine",
            },
        )
        rows = page.raise_for_status().json()["d"]["results"]
        items = _distinct(
            line["Material"] for r in rows for line in r["to_PurchaseOrderItem"]["results"]
        )
        suppliers = _distinct(r["Supplier"] for r in rows)
        stock = f"{base}/API_MATERIAL_STOCK_SRV/A_MatlStkInAcctMod"
        await asyncio.gather(
            *(
                get(erp, f"{base}/API_BUSINESS_PARTNER/A_Supplier('{s}')", **_JSON)
                for s in suppliers
            ),
            *(get(erp, f"{base}/API_PRODUCT_SRV/A_Product('{_key(i)}')", **_TEXTS) for i in items),
            *(get(erp, stock, **_JSON, **{"$filter": f"Material eq '{i}'"}) for i in items),
            *(get(plans, "/api/forecast/forecastplan/", format="json", item__in=i) for i in items),
        )
    return 1 + len(suppliers) + 3 * len(items)


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _key(value: str) -> str:
    return value.replace("'", "''").replace("/", "%2F")
