"""The pretend frePPLe: tables, filters and errors of a Django REST framework interface."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sandbox.launch import Sandbox
from sandbox.world import World

_FORBIDDEN = "You do not have permission to perform this action."
_TABLES = ("item", "supplier", "location", "itemsupplier", "buffer", "purchaseorder", "demand")


@pytest.mark.parametrize("table", _TABLES)
def test_a_table_is_one_plain_array(frepple: httpx.Client, table: str) -> None:
    rows = frepple.get(f"input/{table}/").json()
    assert isinstance(rows, list)
    assert {"source", "lastmodified"} <= set(rows[0])
    assert all(set(row) == set(rows[0]) for row in rows)


def test_forecasts_come_by_bucket_in_wire_form(frepple: httpx.Client, world: World) -> None:
    rows = frepple.get("forecast/forecastplan/").json()
    assert len(rows) == len(world.forecasts)
    first, expected = rows[0], world.forecasts[0]
    assert first["location"] == world.plants_by_code[expected.plant].name
    assert first["startdate"] == f"{expected.starts_on}T00:00:00"
    assert first["enddate"] == f"{expected.ends_on}T00:00:00"
    assert re.fullmatch(r"\d+\.\d{8}", first["forecasttotal"])
    assert Decimal(first["forecasttotal"]) == expected.quantity


def test_proposals_and_what_is_on_order(frepple: httpx.Client, world: World) -> None:
    rows = frepple.get("input/purchaseorder/").json()
    statuses = Counter(row["status"] for row in rows)
    assert set(statuses) == {"proposed", "approved", "confirmed"}
    assert statuses["proposed"] == sum(p.status == "proposed" for p in world.proposals)
    proposed = frepple.get("input/purchaseorder/", params={"status": "proposed"}).json()
    assert all(re.fullmatch(r"P\d+D", row["delay"]) for row in proposed)
    assert all(row["startdate"] < row["enddate"] for row in proposed)


_FILTERS: tuple[tuple[str, dict[str, str], Any], ...] = (
    (
        "input/item/",
        {"name__in": "BRG-00000,FLT-00001,NIX"},
        lambda r: r["name"] in {"BRG-00000", "FLT-00001"},
    ),
    ("input/item/", {"description__contains": "pump"}, lambda r: "pump" in r["description"]),
    ("input/item/", {"category": "Filters"}, lambda r: r["category"] == "Filters"),
    ("input/item/", {"cost__gt": "50.5"}, lambda r: Decimal(r["cost"]) > Decimal("50.5")),
    ("input/itemsupplier/", {"leadtime__lte": "P20D"}, lambda r: int(r["leadtime"][1:-1]) <= 20),
    (
        "input/itemsupplier/",
        {"leadtime__gt": "20 00:00:00"},
        lambda r: int(r["leadtime"][1:-1]) > 20,
    ),
    ("input/itemsupplier/", {"priority": "1"}, lambda r: r["priority"] == 1),
    (
        "input/purchaseorder/",
        {"status__in": "proposed,approved", "feasible": "true"},
        lambda r: r["status"] != "confirmed" and r["feasible"],
    ),
    (
        "forecast/forecastplan/",
        {
            "item": "BRG-00000",
            "startdate__gte": "2026-12-07",
            "startdate__lt": "2027-01-01T00:00:00",
        },
        lambda r: r["item"] == "BRG-00000" and "2026-12-07" <= r["startdate"] < "2027-01-01",
    ),
)


@pytest.mark.parametrize("path,params,holds", _FILTERS)
def test_filters(frepple: httpx.Client, path: str, params: dict[str, str], holds: Any) -> None:
    everything = frepple.get(path).json()
    expected = [row for row in everything if holds(row)]
    assert 0 < len(expected) < len(everything)
    assert frepple.get(path, params=params).json() == expected


@pytest.mark.parametrize(
    "path,status,body",
    [
        ("input/item/?foo=1", 400, {"foo": ["Unknown filter field."]}),
        ("input/item/?name__gt=a", 400, {"name__gt": ["Unknown filter field."]}),
        ("input/demand/?due__gt=soon", 400, {"due__gt": ["Enter a valid date/time."]}),
        ("input/demand/?quantity__gt=a", 400, {"quantity__gt": ["Enter a number."]}),
        ("input/item/NIX/", 404, {"detail": "Not found."}),
        ("input/nix/", 404, {"detail": "Not found."}),
    ],
)
def test_errors(frepple: httpx.Client, path: str, status: int, body: Any) -> None:
    response = frepple.get(path)
    assert (response.status_code, response.json()) == (status, body)


def test_a_row_by_its_key(frepple: httpx.Client) -> None:
    assert frepple.get("input/item/GLV-00017%2FL/").json()["name"] == "GLV-00017/L"


def test_a_missing_slash_is_redirected(frepple: httpx.Client) -> None:
    response = frepple.get("input/item?category=Filters")
    assert response.status_code == 301
    assert response.headers["location"].endswith("/api/input/item/?category=Filters")


def test_only_reading_is_offered(frepple: httpx.Client) -> None:
    response = frepple.post("input/item/", json=[])
    assert response.status_code == 405
    assert response.json() == {"detail": 'Method "POST" not allowed.'}


@pytest.mark.parametrize(
    "auth,status,detail",
    [
        (None, 401, "Authentication credentials were not provided."),
        (("supplygraph", "wrong"), 401, "Invalid username/password."),
        (
            ("restricted", "sandbox-frepple"),
            403,
            "You do not have permission to perform this action.",
        ),
    ],
)
def test_access(sandbox: Sandbox, auth: Any, status: int, detail: str) -> None:
    response = httpx.get(f"{sandbox.frepple.url}/api/input/item/", auth=auth)
    assert (response.status_code, response.json()) == (status, {"detail": detail})
