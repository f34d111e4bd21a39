"""Lists are read to their end in every page style, and never cut or repeated silently."""

from collections.abc import Mapping
from typing import Any

import pytest

from canonical.errors import BadAnswerError, UnsupportedError
from connectors.kit.http import Request
from connectors.kit.rows import Dataset, RowQuery
from connectors.rest import RestReader
from tests.unit.connectors.rest.calls import ASK, dataset, opened, response

ROWS = [{"id": str(n)} for n in range(7)]


async def _ids(reader: RestReader, data: Dataset, limit: int | None = None) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await reader.page(RowQuery(data, limit=limit), cursor, ASK)
        found += [row["id"] for row in page.rows]
        if page.next is None:
            return found
        cursor = page.next


def _window(request: Request) -> list[dict[str, str]]:
    query = dict(request.query)
    size = int(query.get("limit", 3))
    start = int(query["skip"]) if "skip" in query else (int(query["p"]) - 1) * size
    return ROWS[start : start + size]


OFFSET = {"style": "offset", "offset_parameter": "skip", "size": 3}
NUMBERED = {"style": "page", "page_parameter": "p", "size_parameter": "limit", "size": 3}


@pytest.mark.parametrize("pages", [OFFSET, NUMBERED], ids=lambda p: p["style"])
async def test_counted_pages_end_at_a_short_one(pages: Mapping[str, Any]) -> None:
    reader, calls = opened(_window, {"pages": pages})

    assert await _ids(reader, dataset()) == [str(n) for n in range(7)]
    assert len(calls.requests) == 3


async def test_a_list_that_ends_with_a_full_page_costs_one_more_request() -> None:
    reader, calls = opened(_window, {"pages": {**OFFSET, "size": 7}})

    assert len(await _ids(reader, dataset())) == 7
    assert [q["skip"] for q in calls.queries] == ["0", "7"]


async def test_pages_numbered_from_zero() -> None:
    reader, calls = opened(
        lambda r: ROWS[int(dict(r.query)["p"]) * 3 :][:3], {"pages": {**NUMBERED, "first": 0}}
    )
    assert len(await _ids(reader, dataset())) == 7
    assert [q["p"] for q in calls.queries] == ["0", "1", "2"]


async def test_the_size_of_a_page_follows_the_limit_and_stays_the_same() -> None:
    reader, calls = opened(_window, {"pages": NUMBERED})

    assert await _ids(reader, dataset(), limit=2) == [str(n) for n in range(7)]
    assert {q["limit"] for q in calls.queries} == {"2"}


async def test_only_an_empty_page_ends_a_list_where_that_is_declared() -> None:
    thinned = {"0": ROWS[:2], "2": ROWS[2:3], "3": []}
    reader, _ = opened(
        lambda r: thinned[dict(r.query)["skip"]], {"pages": {**OFFSET, "stop": "empty"}}
    )
    assert await _ids(reader, dataset()) == ["0", "1", "2"]


async def test_a_short_page_is_no_end_where_the_total_says_otherwise() -> None:
    def capped(request: Request) -> Any:
        start = int(dict(request.query)["skip"])
        return {"rows": ROWS[start : start + 2], "count": 7}

    reader, _ = opened(capped, {"rows": "/rows", "total": "/count", "pages": OFFSET})
    assert len(await _ids(reader, dataset())) == 7


async def test_a_cursor_in_the_body_is_sent_back() -> None:
    def by_cursor(request: Request) -> Any:
        start = int(dict(request.query).get("after", "0"))
        following = start + 3 if start + 3 < 7 else None
        return {"rows": ROWS[start : start + 3], "meta": {"next": following}}

    pages = {"style": "cursor", "parameter": "after", "next": "/meta/next"}
    reader, calls = opened(by_cursor, {"rows": "/rows", "pages": pages})

    assert await _ids(reader, dataset()) == [str(n) for n in range(7)]
    assert [q.get("after") for q in calls.queries] == [None, "3", "6"]


async def test_a_link_header_is_followed_and_carries_all_parameters_itself() -> None:
    def linked(request: Request) -> Any:
        if request.path == "stock":
            header = '</api/prev>; rel="prev", <?page=2&x=1>; title="a, b"; rel="next"'
            return response(ROWS[:3], headers={"Link": header})
        return ROWS[3:]

    reader, calls = opened(linked, {"pages": {"style": "link"}, "query": {"x": "1"}})

    assert len(await _ids(reader, dataset())) == 7
    assert calls.requests[1].path == "http://wms.test/api/stock?page=2&x=1"
    assert calls.requests[1].query == ()


async def test_a_next_address_in_the_body_is_followed() -> None:
    def linked(request: Request) -> Any:
        more = "/api/stock/2" if request.path == "stock" else None
        return {"rows": ROWS[:3] if more else ROWS[3:], "links": {"next": more}}

    pages = {"style": "next_url", "next": "/links/next"}
    reader, calls = opened(linked, {"rows": "/rows", "pages": pages})

    assert len(await _ids(reader, dataset())) == 7
    assert calls.requests[1].path == "http://wms.test/api/stock/2"


async def test_a_system_that_ignores_the_offset_is_found_out() -> None:
    reader, calls = opened(lambda _: ROWS[:3], {"pages": OFFSET})

    with pytest.raises(BadAnswerError, match="same page again and again"):
        await _ids(reader, dataset())
    assert len(calls.requests) == 2


async def test_a_repeated_cursor_with_rows_is_an_error_and_without_is_the_end() -> None:
    pages = {"style": "cursor", "next": "/next"}
    answers = iter([{"rows": ROWS[:1], "next": "a"}, {"rows": ROWS[1:2], "next": "a"}])
    reader, _ = opened(lambda _: next(answers), {"rows": "/rows", "pages": pages})
    with pytest.raises(BadAnswerError, match="same page"):
        await _ids(reader, dataset())

    ending = iter([{"rows": ROWS[:1], "next": "a"}, {"rows": [], "next": "a"}])
    reader, _ = opened(lambda _: next(ending), {"rows": "/rows", "pages": pages})
    assert await _ids(reader, dataset()) == ["0"]


async def test_too_many_pages_are_an_error_that_says_what_to_do() -> None:
    reader, _ = opened(_window, {"pages": OFFSET, "max_pages": 2})

    with pytest.raises(UnsupportedError, match="more than 2 pages; narrow the question"):
        await _ids(reader, dataset())


async def test_rows_by_key_get_their_key() -> None:
    reader, _ = opened(
        lambda _: {"stock": {"A-1": {"qty": 3}, "A-2": {"qty": 4}}},
        {"rows": "/stock", "rows_by": "id"},
    )
    page = await reader.page(RowQuery(dataset()), None, ASK)
    assert page.rows == [{"id": "A-1", "qty": 3}, {"id": "A-2", "qty": 4}]


@pytest.mark.parametrize(
    "body", [{"error": "later"}, {"rows": "none"}, {"rows": [1]}, "text"], ids=str
)
async def test_an_answer_without_rows_is_told(body: Any) -> None:
    reader, _ = opened(lambda _: body, {"rows": "/rows"})
    with pytest.raises(BadAnswerError, match="/rows is not a list of objects"):
        await reader.page(RowQuery(dataset()), None, ASK)


@pytest.mark.parametrize(
    "settings",
    [
        {"rows": "/rows", "total": "/meta/count"},
        {"rows": "/rows", "total_header": "X-Total-Count", "count_query": {"count": "yes"}},
    ],
    ids=["body", "header"],
)
async def test_a_total_is_read_where_it_is(settings: Mapping[str, Any]) -> None:
    body = {"rows": ROWS, "meta": {"count": 7}}
    reader, calls = opened(lambda _: response(body, headers={"x-total-count": "7"}), settings)

    page = await reader.page(RowQuery(dataset(), count=True), None, ASK)

    assert page.total == 7
    assert calls.queries[0] == settings.get("count_query", {})


async def test_no_content_means_no_rows() -> None:
    reader, _ = opened(lambda _: response(None, 204), {})
    assert list((await reader.page(RowQuery(dataset()), None, ASK)).rows) == []
