"""Many values of a field are asked for in as few requests as declared, and fail chunk by chunk."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.criteria import Op
from canonical.errors import BadAnswerError, Reason, UnavailableError, UnsupportedError
from connectors.kit.http import Request
from connectors.kit.rows import Test
from connectors.rest.filters import encoded_length
from tests.unit.connectors.rest.calls import ASK, Calls, dataset, opened, response

LISTED: dict[str, Any] = {
    "filters": {"operators": {"eq": "{name}={value}", "in": "{name}[in]={values}"}}
}


def _found(request: Request) -> list[dict[str, str]]:
    query = dict(request.query)
    wanted = query["sku[in]"].split(",") if "sku[in]" in query else [query["sku"]]
    return [{"sku": sku} for sku in wanted if sku != "gone"]


def _skus(rows: Any) -> list[str]:
    return [row["sku"] for row in rows]


async def test_values_are_split_by_count() -> None:
    reader, calls = opened(_found, LISTED, max_keys_per_request=3)
    keys = [f"A{n}" for n in range(7)]

    batch = await reader.by_values(dataset(key=("sku",)), "sku", [*keys, "A0"], ("sku",), ASK)

    assert _skus(batch.rows) == keys
    assert [q.get("sku[in]", q.get("sku")) for q in calls.queries] == ["A0,A1,A2", "A3,A4,A5", "A6"]


async def test_values_are_split_by_length_of_the_address() -> None:
    reader, calls = opened(_found, LISTED, max_url_bytes=400)
    keys = [f"ä{n:030}" for n in range(20)]

    batch = await reader.by_values(dataset(key=("sku",)), "sku", keys, (), ASK)

    assert _skus(batch.rows) == keys
    lengths = [len(_encoded(calls, r)) for r in calls.requests]
    assert max(lengths) <= 400
    assert len(lengths) == -(-20 * 41 // (400 - 25 - 60))


def _encoded(calls: Calls, request: Request) -> str:
    query = "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in request.query)
    return f"{calls.base_url}/{request.path}?{query}"


async def test_pages_are_followed_within_a_chunk_until_all_of_a_unique_key_are_found() -> None:
    rows = [{"sku": s, "n": n} for s in ("A", "B") for n in range(3)]

    def paged(request: Request) -> Any:
        start = int(dict(request.query)["offset"])
        return rows[start : start + 4]

    settings = {**LISTED, "pages": {"style": "offset", "size": 4}}
    reader, calls = opened(paged, settings)
    batch = await reader.by_values(dataset(key=("n",)), "sku", ["A", "B"], (), ASK)
    assert len(batch.rows) == 6
    assert len(calls.requests) == 2

    unique = {**LISTED, "pages": {"style": "offset", "size": 2}}
    reader, calls = opened(_found, unique)
    batch = await reader.by_values(dataset(key=("sku",)), "sku", ["A", "B", "C", "D"], (), ASK)
    assert len(batch.rows) == 4
    assert len(calls.requests) == 2

    reader, calls = opened(_found, unique)
    declared = dataset(key=("id",), unique=["sku"])
    await reader.by_values(declared, "sku", ["A", "B", "C", "D"], (), ASK)
    assert len(calls.requests) == 2


async def test_values_that_hold_the_separator_are_asked_for_alone() -> None:
    reader, calls = opened(_found, LISTED)
    batch = await reader.by_values(dataset(), "sku", ["a", "b,c", "d"], (), ASK)

    assert sorted(_skus(batch.rows)) == ["a", "b,c", "d"]
    assert calls.queries == [{"sku[in]": "a,d"}, {"sku": "b,c"}]


async def test_values_that_no_query_can_hold_fail_alone() -> None:
    listed_only = {"filters": {"operators": {"in": "{name}[in]={values}"}}}
    reader, _ = opened(_found, listed_only)
    batch = await reader.by_values(dataset(), "sku", ["a", "b,c", ""], (), ASK)

    assert _skus(batch.rows) == ["a"]
    assert {k: type(v) for k, v in batch.failures.items()} == {
        "b,c": UnsupportedError,
        "": UnsupportedError,
    }


async def test_single_requests_where_a_field_has_no_list_filter() -> None:
    reader, calls = opened(_found, {"filters": {"operators": {"eq": "{name}={value}"}}})
    batch = await reader.by_values(dataset(), "sku", ["a", "b"], (), ASK)

    assert _skus(batch.rows) == ["a", "b"]
    assert calls.queries == [{"sku": "a"}, {"sku": "b"}]


async def test_keys_in_the_path_are_encoded_and_unknown_ones_have_no_rows() -> None:
    def one(request: Request) -> Any:
        return response({"title": "no"}, 404) if "gone" in request.path else {"name": "n"}

    many = {"sku": {"style": "singles", "path": "/{company}/items/{key}"}}
    reader, calls = opened(one, {"variables": {"company": "AC/ME"}})
    batch = await reader.by_values(
        dataset("/{company}/items", many=many), "sku", ["a/b?c", "gone"], (), ASK
    )

    assert batch.rows == [{"name": "n", "sku": "a/b?c"}]
    assert [r.path for r in calls.requests] == [
        "/AC%2FME/items/a%2Fb%3Fc",
        "/AC%2FME/items/gone",
    ]
    assert calls.requests[0].accept == (404,)


async def test_lists_below_a_parent_know_their_parent() -> None:
    many = {"warehouse": {"style": "singles", "path": "/warehouses/{key}/stock", "rows": "/stock"}}
    reader, _ = opened(lambda _: {"stock": [{"qty": 1}, {"qty": 2}]}, {})
    batch = await reader.by_values(dataset(many=many), "warehouse", ["W1"], (), ASK)
    assert batch.rows == [{"qty": 1, "warehouse": "W1"}, {"qty": 2, "warehouse": "W1"}]


async def test_a_search_is_posted() -> None:
    body = {"filter": {"field": "sku", "anyOf": "{values}"}}
    many = {"sku": {"style": "body", "path": "/stock/search", "body": body}}
    reader, calls = opened(lambda _: [{"sku": "a"}], {}, max_keys_per_request=2)

    await reader.by_values(dataset(many=many), "sku", ["a", "b", "c"], (), ASK)

    assert {(r.method, r.path, r.repeatable) for r in calls.requests} == {
        ("POST", "/stock/search", True)
    }
    sent = [json.loads(r.body or b"") for r in calls.requests]
    assert [s["filter"]["anyOf"] for s in sent] == [["a", "b"], ["c"]]


async def test_a_failed_chunk_fails_its_values_alone() -> None:
    def failing(request: Request) -> Any:
        if "b1" in dict(request.query)["sku[in]"]:
            raise UnavailableError("wms", Reason.TIMEOUT, "too slow")
        return _found(request)

    reader, _ = opened(failing, LISTED, max_keys_per_request=2)
    batch = await reader.by_values(dataset(), "sku", ["a1", "a2", "b1", "b2"], (), ASK)

    assert _skus(batch.rows) == ["a1", "a2"]
    assert set(batch.failures) == {"b1", "b2"}


async def test_further_conditions_go_along_and_narrow_the_same_field() -> None:
    reader, calls = opened(lambda _: [], LISTED)
    status = (Test("status", Op.IN, ("open",)),)
    await reader.by_values(dataset(), "sku", ["a", "b"], (), ASK, where=(status,))
    assert calls.queries == [{"status": "open", "sku[in]": "a,b"}]

    reader, calls = opened(lambda _: [], LISTED)
    allowed = (Test("sku", Op.IN, ("b", "c")),)
    await reader.by_values(dataset(), "sku", ["a", "b"], (), ASK, where=(allowed,))
    assert calls.queries == [{"sku": "b"}]


async def test_a_field_that_cannot_be_filtered_is_refused() -> None:
    reader, calls = opened(lambda _: [], LISTED)
    fields: dict[str, Any] = {"note": {"operators": []}}
    with pytest.raises(UnsupportedError, match="rows by note"):
        await reader.by_values(dataset(fields=fields), "note", ["a"], (), ASK)
    assert calls.requests == []


async def test_a_system_that_ignores_a_filter_is_found_out() -> None:
    settings = {"filters": {**LISTED["filters"], "verify": True}}
    reader, _ = opened(lambda _: [{"sku": "x"}, {"sku": "y"}], settings)
    batch = await reader.by_values(dataset(), "sku", ["a", "b"], (), ASK)
    assert isinstance(batch.failures["a"], BadAnswerError)
    assert "filter sku is ignored" in batch.failures["a"].message

    reader, _ = opened(lambda _: [{"sku": "A"}, {"sku": "y"}], settings)
    batch = await reader.by_values(dataset(), "sku", ["a", "b"], (), ASK)
    assert _skus(batch.rows) == ["A"]


async def test_as_many_values_as_an_address_holds_are_one_request() -> None:
    reader, calls = opened(_found, LISTED, max_keys_per_request=1000, max_url_bytes=7500)
    keys = [f"I-{n:04}" for n in range(430)]

    batch = await reader.by_values(dataset(key=("sku",)), "sku", keys, ("sku",), ASK)

    assert _skus(batch.rows) == keys
    assert len(calls.requests) == 1


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_lengths_are_those_of_percent_encoding(text: str) -> None:
    assert encoded_length(text) == len(quote(text, safe=""))
