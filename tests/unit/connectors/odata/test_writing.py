"""Rows are told to services in their own words, and what they say to it is understood."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from canonical.errors import (
    ConflictError,
    InDoubtError,
    InvalidInputError,
    MisconfiguredError,
    NotFoundError,
    RejectedError,
    SupplygraphError,
    UnavailableError,
)
from canonical.ports import Ask
from connectors.kit.http import Explain, Request, Response
from connectors.kit.rows import Dataset
from connectors.odata import ODataWriter, Settings
from tests.unit.connectors.odata.calls import ASK

ORDERS = Dataset(
    "srv/A_Order",
    ("Order",),
    {
        "etag": "etag",
        "types": {
            "OrderedOn": "Edm.DateTime",
            "ChangedAt": "Edm.DateTimeOffset",
            "to_Item.to_Part.DocumentItem": "Edm.String",
        },
        "pad": {"to_Item.Item": 5},
        "nested": {
            "to_Item": {"set": "A_Item", "key": {"Order": "Order", "Item": "Item"}},
            "to_Item.to_Part": {
                "set": "A_Part",
                "key": {"Document": "Order", "DocumentItem": "Item", "Part": "Part"},
            },
        },
    },
)
NUMBER = Dataset("srv/A_Number", ("Id", "Code"), {"types": {"Id": "Edm.Guid"}, "etag": "e"})
PLAIN = Dataset("srv/A_Plain", ("Id",))
GUID = "11111111-2222-3333-4444-555555555555"
MADE = {"d": {"__metadata": {"etag": "W/\"'1'\""}, "Order": "45"}}


class Service:
    """Answers as it is told, and keeps what was sent."""

    system, base_url = "erp", "https://erp.example"

    def __init__(self, *answers: Response | SupplygraphError) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    async def send(self, request: Request, ask: Ask, *, explain: Explain | None = None) -> Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, SupplygraphError):
            raise answer
        return answer

    def body(self) -> Any:
        return json.loads(self.requests[-1].body or b"null")


def answer(status: int, content: Any = b"", headers: Mapping[str, str] | None = None) -> Response:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Response("erp", status, headers or {}, raw, "A_Order")


def error(status: int, text: str, code: str = "ME/1", *details: str) -> Response:
    said = [{"code": code, "message": d, "severity": "error"} for d in details]
    body = {"code": code, "message": {"value": text}, "innererror": {"errordetails": said}}
    return answer(status, {"error": body})


def opened(*answers: Response | SupplygraphError, **settings: Any) -> tuple[ODataWriter, Service]:
    service = Service(*answers)
    return ODataWriter(Settings(root="odata", **settings), service), service


def message(severity: str) -> dict[str, str]:
    return {"sap-message": json.dumps({"severity": severity, "message": "No", "code": "M/1"})}


async def test_v2_values_are_written_as_v2_wants_them() -> None:
    writer, service = opened(answer(201, MADE), sap_client="100")
    row = {
        "OrderedOn": date(2026, 11, 23),
        "ChangedAt": datetime(2026, 11, 23, 13, tzinfo=timezone(timedelta(hours=1))),
        "Due": date(1970, 1, 2),
        "Blocked": False,
        "Count": 3,
        "Text": "O'Neil",
        "Nothing": None,
        "to_Item": [{"Item": 10, "Quantity": Decimal("12.50")}],
    }
    assert await writer.create(ORDERS, row, ASK) == {"Order": "45", "etag": "W/\"'1'\""}
    (sent,) = service.requests
    assert (sent.method, sent.path) == ("POST", "odata/srv/A_Order")
    assert sent.query == (("sap-client", "100"),)
    assert not sent.repeatable
    assert service.body() == {
        "OrderedOn": "/Date(1795392000000)/",
        "ChangedAt": "/Date(1795435200000+0000)/",
        "Due": "/Date(86400000)/",
        "Blocked": False,
        "Count": 3,
        "Text": "O'Neil",
        "Nothing": None,
        "to_Item": [{"Item": "00010", "Quantity": "12.50"}],
    }


async def test_v4_values_are_written_as_v4_wants_them() -> None:
    made = {"@odata.context": "$metadata", "@odata.etag": "W/2", "Order": "45"}
    writer, service = opened(answer(201, made), version="v4")
    row = {
        "Day": date(2026, 1, 31),
        "At": datetime(2026, 1, 31, 8, tzinfo=UTC),
        "N": Decimal("1.0"),
    }
    assert (await writer.create(ORDERS, row, ASK))["etag"] == "W/2"
    assert service.body() == {"Day": "2026-01-31", "At": "2026-01-31T08:00:00Z", "N": "1.0"}
    assert service.requests[0].headers["Content-Type"].endswith("IEEE754Compatible=true")


@pytest.mark.parametrize("updates,method", [("patch", "PATCH"), ("merge", "POST")])
async def test_a_change_goes_to_the_rows_address(updates: str, method: str) -> None:
    writer, service = opened(answer(204), updates=updates)
    key = {"Id": GUID, "Code": "a/b'c"}
    await writer.change(NUMBER, key, {"X": "1", "Code": "a/b'c"}, ASK, version="W/1")
    (sent,) = service.requests
    assert sent.path == f"odata/srv/A_Number(Id=guid'{GUID}',Code='a%2Fb''c')"
    assert (sent.method, sent.headers["If-Match"]) == (method, "W/1")
    assert sent.headers.get("X-HTTP-Method") == ("MERGE" if updates == "merge" else None)
    assert service.body() == {"X": "1"}


async def test_a_change_of_any_state_says_so_where_there_are_etags() -> None:
    writer, service = opened(answer(204), answer(204))
    await writer.change(ORDERS, {"Order": "45"}, {"Text": "x"}, ASK)
    assert service.requests[0].headers["If-Match"] == "*"
    await writer.change(PLAIN, {"Id": "1"}, {"Text": "x"}, ASK, version="of something else")
    assert "If-Match" not in service.requests[1].headers
    writer, service = opened(answer(204), version="v4")
    await writer.change(PLAIN, {"Id": "1"}, {"Text": "x"}, ASK)
    assert service.requests[0].headers["If-Match"] == "*"  # else it would be made


async def test_a_row_behind_a_link_to_many_may_stand_alone() -> None:
    writer, service = opened(answer(201, MADE), answer(202, TOGETHER % (CHANGED * 2), BATCH))
    row = {"to_Item": {"Item": 10, "Quantity": Decimal(1), "to_Part": {"Part": "1", "N": 1}}}
    await writer.create(ORDERS, row, ASK)
    parts = [{"Part": "1", "N": 1}]
    assert service.body() == {"to_Item": [{"Item": "00010", "Quantity": "1", "to_Part": parts}]}
    await writer.change(ORDERS, {"Order": "45"}, row, ASK)
    assert (service.requests[1].body or b"").count(b"PATCH") == 2


async def test_nothing_to_change_is_no_request() -> None:
    writer, service = opened()
    await writer.change(ORDERS, {"Order": "45"}, {"to_Item": []}, ASK)
    assert service.requests == []


BATCH = {"content-type": "multipart/mixed; boundary=b"}
CHANGED = (
    b"--c\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 204 No Content\r\netag: W/2\r\n\r\n\r\n"
)
TOGETHER = b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n%b--c--\r\n\r\n--b--\r\n"
REFUSED = (
    b"--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 412 Precondition Failed\r\n"
    b'Content-Type: application/json\r\n\r\n{"error":{"message":{"value":"stale"}}}\r\n--b--\r\n'
)
LINES: dict[str, Any] = {
    "to_Item": [
        {"Item": 10, "Quantity": Decimal(5), "to_Part": [{"Part": "1", "Due": date(1970, 1, 2)}]},
        {"Item": 20, "to_Part": [{"Part": "1", "Due": date(1970, 1, 3)}]},
    ]
}


async def test_rows_in_rows_are_changed_together() -> None:
    writer, service = opened(answer(202, TOGETHER % (CHANGED * 3), BATCH))
    await writer.change(ORDERS, {"Order": "45"}, LINES, ASK, version="W/1")
    (sent,) = service.requests
    assert (sent.method, sent.path, sent.repeatable) == ("POST", "odata/srv/$batch", False)
    assert sent.told == 3
    assert sent.headers["Content-Type"].startswith("multipart/mixed; boundary=")
    text = (sent.body or b"").decode()
    assert [line for line in text.splitlines() if line.startswith("PATCH")] == [
        "PATCH A_Item(Order='45',Item='00010') HTTP/1.1",
        "PATCH A_Part(Document='45',DocumentItem='10',Part='1') HTTP/1.1",
        "PATCH A_Part(Document='45',DocumentItem='20',Part='1') HTTP/1.1",
    ]
    assert text.count("If-Match: W/1\r\n") == 3
    assert '{"Due":"/Date(172800000)/"}' in text


async def test_changes_together_fail_together() -> None:
    writer, _ = opened(answer(202, REFUSED, BATCH))
    with pytest.raises(ConflictError, match="stale"):
        await writer.change(ORDERS, {"Order": "45"}, LINES, ASK, version="W/1")


@pytest.mark.parametrize(
    "content,headers",
    [
        (TOGETHER % CHANGED, BATCH),
        (b"--b--", BATCH),
        (b"{}", {"content-type": "application/json"}),
        (TOGETHER % CHANGED.replace(b"HTTP/1.1 204", b"nonsense"), BATCH),
        (TOGETHER % CHANGED.replace(b"204", b"500"), BATCH),
    ],
)
async def test_what_is_not_told_of_changes_is_in_doubt(
    content: bytes, headers: dict[str, str]
) -> None:
    writer, _ = opened(answer(202, content, headers))
    with pytest.raises(InDoubtError):
        await writer.change(ORDERS, {"Order": "45"}, LINES, ASK)


async def test_rows_nested_nobody_knows_where_are_told() -> None:
    writer, service = opened()
    with pytest.raises(MisconfiguredError, match=r"`options.nested` .* to_Item"):
        await writer.change(NUMBER, {"Id": GUID, "Code": "1"}, LINES, ASK)
    assert service.requests == []


async def test_functions_and_actions() -> None:
    writer, service = opened(answer(200, {"d": {}}))
    await writer.call(ORDERS, {"Order": "45"}, "Release", ASK, row={"Code": "A"}, version="W/1")
    (sent,) = service.requests
    assert (sent.method, sent.path) == ("POST", "odata/srv/Release")
    assert sent.query == (("Order", "'45'"), ("Code", "'A'"))
    assert (sent.body, sent.headers["If-Match"]) == (None, "W/1")
    writer, service = opened(answer(204), version="v4")
    await writer.call(ORDERS, {"Order": "45"}, "com.x.Release", ASK, row={"Code": "A"})
    assert service.requests[0].path == "odata/srv/A_Order('45')/com.x.Release"
    assert service.body() == {"Code": "A"}


@pytest.mark.parametrize(
    "refusal,kind,words",
    [
        (
            error(400, "Two things", "ME/1", "No plant", "No date"),
            RejectedError,
            "No plant .*No date",
        ),
        (error(422, "Not so"), RejectedError, "erp refuses: Not so"),
        (error(412, "Stale"), ConflictError, "has changed since it was read: Stale"),
        (error(428, "Required"), ConflictError, "Required"),
        (error(404, "None"), NotFoundError, "None"),
        (error(405, "Not so"), MisconfiguredError, "settings.updates"),
        (error(423, "In use"), UnavailableError, "worked on there by somebody else"),
        (error(400, "4500 is currently being processed"), UnavailableError, "somebody else"),
        (answer(400, b"<html>erp.example</html>"), RejectedError, r"no reason is given \(400\)"),
    ],
)
async def test_refusals(refusal: Response, kind: type[Exception], words: str) -> None:
    writer, _ = opened(refusal)
    with pytest.raises(kind, match=words) as caught:
        await writer.create(ORDERS, {}, ASK)
    assert type(caught.value) is kind


async def test_an_error_in_a_good_answer_is_a_refusal_if_nothing_was_made() -> None:
    writer, _ = opened(answer(201, {"d": {"Order": ""}}, message("error")))
    with pytest.raises(RejectedError, match=r"No \(M/1\)"):
        await writer.create(ORDERS, {}, ASK)
    writer, _ = opened(answer(201, MADE, message("error")))
    assert (await writer.create(ORDERS, {}, ASK))["Order"] == "45"
    writer, _ = opened(answer(204, b"", message("error")))
    with pytest.raises(RejectedError):
        await writer.change(ORDERS, {"Order": "45"}, {"A": "1"}, ASK)
    writer, _ = opened(answer(204, b"", message("warning")))
    await writer.change(ORDERS, {"Order": "45"}, {"A": "1"}, ASK)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", {"d": {"results": []}}, {"d": {"Order": ""}}, {"x": 1}]
)
async def test_a_good_answer_that_tells_nothing_leaves_a_doubt(content: Any) -> None:
    writer, _ = opened(answer(201, content))
    with pytest.raises(InDoubtError):
        await writer.create(ORDERS, {}, ASK)


Tell = Callable[[ODataWriter], Any]


@pytest.mark.parametrize(
    "tell",
    [
        lambda w: w.create(ORDERS, {"A": object()}, ASK),
        lambda w: w.change(NUMBER, {"Id": "no guid", "Code": "1"}, {"A": "1"}, ASK),
        lambda w: w.call(NUMBER, {"Id": "no guid", "Code": "1"}, "Do", ASK),
    ],
    ids=["create", "change", "call"],
)
async def test_what_cannot_be_written_is_not_sent(tell: Tell) -> None:
    writer, service = opened()
    with pytest.raises(InvalidInputError):
        await tell(writer)
    assert service.requests == []


async def test_the_token_is_fetched_with_the_client_and_a_new_one_where_it_is_wanted() -> None:
    token, wanted = {"x-csrf-token": "T"}, {"x-csrf-token": "Required"}
    writer, service = opened(
        answer(200, b"{}", token),
        answer(403, b"", wanted),
        answer(200, b"{}", token),
        answer(201, MADE),
        answer(204),
        csrf=True,
        sap_client="100",
    )
    await writer.create(ORDERS, {}, ASK)
    await writer.change(ORDERS, {"Order": "45"}, {"A": "1"}, ASK)
    assert [r.method for r in service.requests] == ["GET", "POST", "GET", "POST", "PATCH"]
    assert {tuple(r.query) for r in service.requests} == {(("sap-client", "100"),)}
    assert service.requests[0].repeatable


def test_the_version_is_the_etag() -> None:
    writer, _ = opened()
    assert writer.version_of(ORDERS, {"etag": "W/1"}) == "W/1"
    assert writer.version_of(ORDERS, {}) is None
    assert writer.version_of(PLAIN, {"etag": "W/1"}) is None
