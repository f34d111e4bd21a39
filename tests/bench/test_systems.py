"""The fake systems hold the kit's rows, byte for byte, and answer as it does."""

import hashlib
from collections import Counter
from datetime import date

import pytest

from bench.backends import Systems
from bench.data import make_world

TODAY = date(2026, 11, 25)
SKUS = ",".join(f"I-{n:04d}" for n in range(1, 501))
CODES = ",".join(f"S-{n:03d}" for n in range(1, 61))


def _body(systems: Systems, system: str, target: str) -> bytes:
    return systems.answer(system, target.encode()).partition(b"\r\n\r\n")[2]


@pytest.fixture(scope="module")
def systems() -> Systems:
    return Systems(make_world(2_000, today=TODAY))


@pytest.mark.parametrize(
    "system, target, length, digest",
    [
        ("erp", f"/items?ids={SKUS}", 39_435, "b8d1a8462e6726f3"),
        ("erp", f"/suppliers?ids={CODES}", 4_372, "5d8bbf373cc87c79"),
        ("erp", f"/inventory?itemIds={SKUS}", 68_660, "8c9fa70051f3df82"),
        ("planning", f"/forecasts?itemIds={SKUS}", 137_775, "4808e8c8699456bd"),
        ("procurement", "/purchase-orders?limit=2000&offset=0", 701_447, "de09ebfdb93b94b6"),
        ("procurement", "/purchase-orders?ids=PO-00007&ids=PO-00003", 698, "017d2c78903eee03"),
    ],
)
def test_answers_are_the_bytes_that_the_kit_gives(
    systems: Systems, system: str, target: str, length: int, digest: str
) -> None:
    body = _body(systems, system, target)

    assert len(body) == length
    assert hashlib.sha256(body).hexdigest()[:16] == digest


def test_more_orders_leave_the_first_as_they_are(systems: Systems) -> None:
    more = Systems(make_world(2_100, today=TODAY))
    target = "/purchase-orders?limit=2000&offset=0"

    assert _body(more, "procurement", target) == _body(systems, "procurement", target)


def test_pages_and_filters_of_the_order_book(systems: Systems) -> None:
    found = _body(systems, "procurement", "/order-book?status=OPEN&supplierIds=S-024&limit=2")

    assert found.count(b'"orderedOn"') == 2
    assert found.count(b'"supplierId":"S-024"') == found.count(b'"status":"OPEN"') == 2
    assert found.startswith(b'[{"id":"PO-00001"')


def test_calls_are_counted_by_path_until_they_are_reset() -> None:
    systems = Systems(make_world(10, today=TODAY))
    for target in (b"/items?ids=I-0001", b"/items?ids=I-0002", b"/nothing"):
        systems.answer("erp", target)

    assert systems.calls == Counter({"erp/items": 2, "erp/nothing": 1})
    systems.answer("admin", b"/reset")
    assert systems.calls == Counter()
