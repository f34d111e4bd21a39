"""Columns, order, fixed parameters and errors are written and read as declared."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from canonical.errors import BadAnswerError, MisconfiguredError, Reason
from connectors.kit.http import Request, Response
from connectors.kit.rows import RowQuery
from connectors.rest import Settings
from connectors.rest.exchange import explain
from tests.unit.connectors.rest.calls import ASK, dataset, opened, response

COLUMNS = ("po-number", "order-lines.id", "order-lines.item.item-number", "supplier.number")


@pytest.mark.parametrize(
    "style, expected",
    [
        ({}, {}),
        (
            {"style": "list"},
            {"fields": "id,po-number,order-lines.id,order-lines.item.item-number,supplier.number"},
        ),
        (
            {"style": "top", "parameter": "fields[orders]", "always": ["version"]},
            {"fields[orders]": "version,id,po-number,order-lines,supplier"},
        ),
        (
            {"style": "nested_json"},
            {
                "fields": '["id","po-number",{"order-lines":["id",{"item":["item-number"]}]},'
                '{"supplier":["number"]}]'
            },
        ),
    ],
    ids=["none", "list", "top", "nested_json"],
)
async def test_columns(style: Mapping[str, Any], expected: Mapping[str, str]) -> None:
    reader, calls = opened(lambda _: [], {"columns": style})
    await reader.page(RowQuery(dataset(), columns=COLUMNS), None, ASK)
    assert calls.queries == [expected]


@pytest.mark.parametrize(
    "style, expected",
    [
        (
            {"send": ["order_by={name}", "dir={direction}"]},
            {"order_by": "updated-at", "dir": "desc"},
        ),
        ({"send": ["sort={keys}"]}, {"sort": "-updated-at"}),
        (
            {
                "send": ["orderBy={keys}"],
                "ascending": "{name}:asc",
                "descending": "{name}:desc",
            },
            {"orderBy": "updated-at:desc"},
        ),
    ],
)
async def test_order(style: Mapping[str, Any], expected: Mapping[str, str]) -> None:
    reader, calls = opened(lambda _: [], {"sort": style})
    order = (("updated-at", True),)
    assert reader.sorts(dataset(), order)
    await reader.page(RowQuery(dataset(), sort=order), None, ASK)
    assert calls.queries == [expected]


async def test_several_sort_keys_and_fields_that_do_not_sort() -> None:
    several = {"send": ["sort={keys}"], "several": True, "fields": ["a", "b"]}
    reader, calls = opened(lambda _: [], {"sort": several})
    await reader.page(RowQuery(dataset(), sort=(("a", False), ("b", True))), None, ASK)

    assert calls.queries == [{"sort": "a,-b"}]
    assert not reader.sorts(dataset(), (("a", False), ("name", False)))
    assert not opened(lambda _: [], {"sort": {"send": ["s={keys}"]}})[0].sorts(
        dataset(), (("a", False), ("b", False))
    )
    assert not opened(lambda _: [], {})[0].sorts(dataset(), (("a", False),))


async def test_fixed_parameters_headers_and_variables_go_with_every_request() -> None:
    settings = {
        "query": {"format": "json"},
        "headers": {"Accept": "application/json", "X-Tenant": "acme"},
        "variables": {"scenario": "plan b"},
    }
    reader, calls = opened(lambda _: [], settings)
    data = dataset("/{scenario}/api/item/", query={"active": "true"})
    await reader.page(RowQuery(data), None, ASK)

    assert calls.requests[0].path == "/plan%20b/api/item/"
    assert calls.queries == [{"format": "json", "active": "true"}]
    assert calls.requests[0].headers == settings["headers"]


@pytest.mark.parametrize(
    "pointers, body, expected",
    [
        (
            None,
            {"type": "about:blank", "title": "Bad", "detail": "no such field: x"},
            "no such field: x",
        ),
        (["/errors"], {"errors": {"name": ["is blank", "is odd"]}}, "name: is blank; name: is odd"),
        (["/detail", "/"], {"detail": "Not found."}, "Not found."),
        (["/detail", "/"], [{}, {"qty": ["A number is wanted."]}], "qty: A number is wanted."),
        (["/errors/0/message"], {"errors": [{"message": "m", "trace": "t"}]}, "m"),
        (["/error"], {"other": 1}, None),
        (["/a~1b"], {"a/b": {"c": None, "d": 4}}, "d: 4"),
    ],
)
def test_error_bodies_are_read(pointers: list[str] | None, body: Any, expected: str | None) -> None:
    settings = Settings(errors=tuple(pointers)) if pointers else Settings()
    assert explain(settings, response(body, 400)) == expected


def test_an_error_page_says_nothing_and_a_long_text_is_cut() -> None:
    html = Response("wms", 500, {}, b"<html>", "stock")
    assert explain(Settings(), html) is None
    assert len(explain(Settings(), response({"detail": "x" * 900}, 400)) or "") == 300


async def test_an_error_in_a_successful_answer_is_an_error() -> None:
    settings = {"rows": "/rows", "error_in_success": "/fault"}
    reader, _ = opened(lambda _: {"rows": [], "fault": {"code": 7}}, settings)
    with pytest.raises(BadAnswerError, match="code: 7"):
        await reader.page(RowQuery(dataset()), None, ASK)

    reader, _ = opened(lambda _: {"rows": [], "fault": None}, settings)
    assert (await reader.page(RowQuery(dataset()), None, ASK)).rows == []


async def test_a_dataset_is_described_by_a_sample() -> None:
    pages = {"style": "offset", "size": 50}
    reader, calls = opened(lambda _: [{"id": 1}], {"pages": pages, "sample": 5})
    info = await reader.describe(dataset(), ("id",), ASK)
    assert (info.exists, info.paths, info.sample) == (True, None, [{"id": 1}])
    assert calls.queries[0]["limit"] == "5"


@pytest.mark.parametrize("reason", [Reason.MISCONFIGURED, Reason.CREDENTIALS])
async def test_a_dataset_that_is_not_there_is_told_and_refused_credentials_are_raised(
    reason: Reason,
) -> None:
    def refuse(request: Request) -> Any:
        raise MisconfiguredError("wms", "stock: 404 nothing here", reason=reason)

    reader, _ = opened(refuse, {})
    if reason is Reason.CREDENTIALS:
        with pytest.raises(MisconfiguredError):
            await reader.describe(dataset(), (), ASK)
    else:
        info = await reader.describe(dataset(), (), ASK)
        assert (info.exists, info.message) == (False, "wms: stock: 404 nothing here")


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"rowz": "/"}, "rowz"),
        ({"rows": "data"}, "rows"),
        ({"filters": {"operators": {"eq": "{field}={value}"}}}, "nothing else in braces"),
        ({"filters": {"operators": {"eq": "{name}"}}}, "parameter=value"),
        ({"filters": {"operators": {"like": "{name}={value}"}}}, "like"),
        ({"pages": {"style": "next_url"}}, "belongs to style next_url"),
        ({"pages": {"style": "offset", "size": 0}}, "size"),
        ({"sort": {"send": ["sort={key}"]}}, "nothing else in braces"),
    ],
)
def test_wrong_settings_are_refused(settings: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        opened(lambda _: [], settings)


async def test_wrong_options_are_refused() -> None:
    reader, _ = opened(lambda _: [], {})
    with pytest.raises(MisconfiguredError, match="options of stock: colour: Extra inputs"):
        await reader.page(RowQuery(dataset(colour="red")), None, ASK)
    with pytest.raises(MisconfiguredError, match="'company', which is not among"):
        await reader.page(RowQuery(dataset("/{company}/stock")), None, ASK)


async def test_options_are_laid_over_the_settings() -> None:
    settings = {"pages": {"style": "offset", "size": 50}, "rows": "/data"}
    reader, calls = opened(lambda _: {"rows": []}, settings)
    await reader.page(RowQuery(dataset(rows="/rows", pages={"size": 5})), None, ASK)
    await reader.page(RowQuery(dataset(rows="/rows", pages={"style": "none"})), None, ASK)
    assert calls.queries == [{"limit": "5", "offset": "0"}, {}]
