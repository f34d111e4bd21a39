"""Answers of either version become plain rows."""

from typing import Any

import pytest

from connectors.odata.envelope import Rest, open_envelope

ITEM = {
    "__metadata": {"uri": "http://x/A_PurchaseOrderItem('1')", "type": "T"},
    "PurchaseOrderItem": "10",
    "OrderQuantity": "1.000",
    "to_ScheduleLine": {
        "results": [{"ScheduleLineDeliveryDate": "/Date(1474502400000)/", "__metadata": {}}]
    },
    "to_PurchaseOrder": {"__deferred": {"uri": "http://x/to_PurchaseOrder"}},
}
PLAIN = {
    "PurchaseOrderItem": "10",
    "OrderQuantity": "1.000",
    "to_ScheduleLine": [{"ScheduleLineDeliveryDate": "2016-09-22T00:00:00"}],
    "to_PurchaseOrder": None,
}


def test_v2_results_with_count_and_next() -> None:
    body = {"d": {"results": [ITEM], "__count": "12", "__next": "http://x/A?$skiptoken=2"}}
    envelope = open_envelope(body, "v2")
    assert envelope.rows == [PLAIN]
    assert (envelope.total, envelope.next) == (12, "http://x/A?$skiptoken=2")


@pytest.mark.parametrize("body", [{"d": [ITEM]}, {"d": ITEM}], ids=["bare list", "single row"])
def test_v2_other_wrappers(body: Any) -> None:
    assert open_envelope(body, "v2").rows == [PLAIN]


def test_v4_value_with_count_and_next() -> None:
    row = {
        "@odata.etag": 'W/"1"',
        "PurchaseOrder": "45",
        "_Items": [{"@odata.id": "x", "Quantity": "1.5"}],
        "_Items@odata.count": 1,
    }
    body = {"@odata.context": "$metadata#A", "value": [row], "@odata.count": 3,
            "@odata.nextLink": "A?$skiptoken=1"}  # fmt: skip
    envelope = open_envelope(body, "v4")
    assert envelope.rows == [{"PurchaseOrder": "45", "_Items": [{"Quantity": "1.5"}]}]
    assert (envelope.total, envelope.next) == (3, "A?$skiptoken=1")


def test_v4_single_row() -> None:
    body = {"@odata.context": "$metadata#A/$entity", "PurchaseOrder": "45"}
    assert open_envelope(body, "v4").rows == [{"PurchaseOrder": "45"}]


@pytest.mark.parametrize(
    "wire,plain",
    [
        ("/Date(1473638400000)/", "2016-09-12T00:00:00"),
        ("/Date(1473638400123)/", "2016-09-12T00:00:00.123000"),
        ("/Date(1473638400000+0000)/", "2016-09-12T00:00:00+00:00"),
        ("/Date(1473638400000+0120)/", "2016-09-12T00:00:00+00:00"),
        ("/Date(-86400000)/", "1969-12-31T00:00:00"),
        ("/Date(-62135769600000)/", None),
        ("/Date(253402300800000)/", None),
        ("/Date(253402214400000)/", "9999-12-31T00:00:00"),
        ("0000-00-00", None),
        ("0001-01-01", None),
        ("2024-01-31", "2024-01-31"),
        ("/Date(x)/", "/Date(x)/"),
        ("", ""),
    ],
)
def test_dates_are_iso_text_or_null(wire: str, plain: str | None) -> None:
    assert open_envelope({"d": [{"On": wire}]}, "v2").rows == [{"On": plain}]


def test_lists_that_go_on_elsewhere_are_told() -> None:
    v2 = {"Order": "1", "Items": {"results": [{"N": "1"}], "__next": "http://x/Items?t=1"}}
    envelope = open_envelope({"d": {"results": [v2]}}, "v2")
    assert envelope.rests == [Rest([{"N": "1"}], "http://x/Items?t=1")]
    assert envelope.rests[0].rows is envelope.rows[0]["Items"]
    v4 = {"Order": "1", "Items": [{"N": "1"}], "Items@odata.nextLink": "Items?t=1"}
    envelope = open_envelope({"value": [v4]}, "v4")
    assert envelope.rests[0].rows is envelope.rows[0]["Items"]


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"d": 5}, {"d": ["x"]}, {"error": {}}, {"d": {"results": [1]}}, {"value": {}}],
)
def test_other_forms_are_refused(body: Any) -> None:
    for version in ("v2", "v4"):
        with pytest.raises(ValueError, match=r"rows"):
            open_envelope(body, version)
