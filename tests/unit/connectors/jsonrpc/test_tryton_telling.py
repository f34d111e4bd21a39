"""Tryton is told once; what it warns of counts as confirmed only where the manifest says so."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.errors import (
    ConflictError,
    InDoubtError,
    MisconfiguredError,
    RejectedError,
    SupplygraphError,
    UnavailableError,
)
from connectors.jsonrpc.tryton.dialect import TrytonDialect
from connectors.jsonrpc.tryton.session import TrytonSession
from connectors.jsonrpc.tryton.telling import TrytonTeller
from connectors.jsonrpc.writing import JSONRPCWriter
from connectors.kit.rows import Dataset
from connectors.kit.secrets import Vault
from tests.fakes.asks import ASK
from tests.unit.connectors.jsonrpc.test_tryton_session import AUTH, Calls, healthy

ORDERS = Dataset(
    "purchase.purchase", ("id",), {"context": {"active_test": False}}, version="_timestamp"
)
KEY = {"id": 7}
FIELDS = {
    "purchase.purchase": {
        "party": {"type": "many2one", "relation": "party.party"},
        "purchase_date": {"type": "date"},
        "comment": {"type": "text"},
        "lines": {"type": "one2many", "relation": "purchase.line"},
    },
    "purchase.line": {"quantity": {"type": "float"}, "unit_price": {"type": "numeric"}},
}
WARNING = ["UserWarning", ["0a1b2c.purchase_late", "The date is in the past.", "Go on?"]]


def writer_of(answer: Callable[[str, Any], Any], *accepted: str) -> tuple[JSONRPCWriter, Calls]:
    """A writer whose calls are answered by function; sign-in and descriptions are healthy."""

    def answered(method: str, params: Any) -> Any:
        if method.endswith("fields_get"):
            return {"id": 1, "result": FIELDS[method.removeprefix("model.").rpartition(".")[0]]}
        if method.startswith("common.") or method.endswith("get_preferences"):
            return healthy(method, params)
        return answer(method, params)

    calls = Calls(answered)
    session = TrytonSession(calls, "erp", AUTH, Vault({"PASSWORD": "x"}, Path()), lambda: 0.0)
    dialect = TrytonDialect(session, {})
    teller = TrytonTeller(session, dialect, {"language": "en"}, frozenset(accepted))
    return JSONRPCWriter("erp", teller), calls


def done(_: str, params: Any) -> Any:
    return {"id": 1, "result": [7] if isinstance(params[0][0], dict) else None}


def told(calls: Calls) -> list[Any]:
    """Parameters of the calls that changed something."""
    return [
        b["params"]
        for b, r in zip(calls.bodies, calls.requests, strict=True)
        if not r.repeatable and r.authorise
    ]


async def test_values_are_what_the_fields_hold() -> None:
    writer, calls = writer_of(done)
    row = {
        "party": 3,
        "purchase_date": date(2026, 11, 23),
        "comment": None,
        "lines": [
            {"quantity": Decimal("2.5"), "unit_price": 3},
            {"id": "9", "quantity": Decimal(1)},
            4,
        ],
    }
    assert await writer.create(ORDERS, row, ASK) == {"id": 7}
    [[[values], context]] = told(calls)
    assert values == {
        "party": 3,
        "purchase_date": {"__class__": "date", "year": 2026, "month": 11, "day": 23},
        "comment": None,
        "lines": [
            [
                "create",
                [{"quantity": 2.5, "unit_price": {"__class__": "Decimal", "decimal": "3"}}],
            ],
            ["add", [9, 4]],
            ["write", [9], {"quantity": 1.0}],
        ],
    }
    assert context == {"company": 1, "language": "en", "active_test": False}
    lines = [{"id": 9, "quantity": 2}, {"id": 4}]
    await writer.change(ORDERS, KEY, {"lines": lines}, ASK)
    assert told(calls)[-1][1] == {"lines": [["add", [4]], ["write", [9], {"quantity": 2.0}]]}
    assert calls.methods().count("model.purchase.purchase.fields_get") == 1


async def test_the_state_that_was_read_goes_with_what_changes_it() -> None:
    writer, calls = writer_of(done)
    assert writer.version_of(ORDERS, {"_timestamp": "17.5"}) == "17.5"
    assert writer.version_of(ORDERS, {}) is None
    await writer.change(ORDERS, KEY, {"comment": "x"}, ASK, version="17.5")
    await writer.call(ORDERS, KEY, "quote", ASK)
    elsewhere = Dataset("purchase.line", ("id",))
    await writer.change(elsewhere, {"id": 9}, {"quantity": 1}, ASK, version="17.5")
    first, second, third = told(calls)
    assert third == [[9], {"quantity": 1.0}, {"company": 1, "language": "en"}]
    assert first[:2] == [[7], {"comment": "x"}]
    assert first[2]["_timestamp"] == {"purchase.purchase,7": "17.5"}
    assert second[0] == [7]
    assert "_timestamp" not in second[1]


def failing(error: Any) -> Callable[[str, Any], Any]:
    return lambda _method, _params: {"id": 1, "error": error}


@pytest.mark.parametrize(
    "error,kind,words",
    [
        (["UserError", ["No date.", "Give one.", [["a", {"domain": "x" * 999}]]]],
         RejectedError, r"^erp refuses: No date\. Give one\.$"),
        (WARNING, RejectedError, r"^erp refuses: The date is in the past\. Go on\?$"),
        (["ConcurrencyException", "Records were modified"], ConflictError, "modified"),
        (["'nope'", "Traceback ..."], MisconfiguredError, "there is no 'nope'"),
        (["out of memory", "Traceback ..."], UnavailableError, "failed: out of memory$"),
    ],
    ids=["error", "warning", "concurrency", "unknown", "broken"],
)  # fmt: skip
async def test_what_tryton_says_to_it(error: Any, kind: type[Exception], words: str) -> None:
    writer, calls = writer_of(failing(error))
    with pytest.raises(kind, match=words) as caught:
        await writer.call(ORDERS, KEY, "quote", ASK)
    assert not isinstance(caught.value, InDoubtError)
    assert len(told(calls)) == 1


async def test_warnings_that_the_manifest_accepts_are_confirmed_once() -> None:
    replies: list[Any] = [{"id": 1, "error": WARNING}, {"id": 1, "result": None}]
    skipped: list[Any] = []

    def answer(method: str, params: Any) -> Any:
        if method == "model.res.user.warning.skip":
            skipped.append(params[:2])
            return {"id": 1, "result": None}
        return replies.pop(0)

    writer, calls = writer_of(answer, "purchase_late")
    await writer.call(ORDERS, KEY, "quote", ASK)
    assert skipped == [["0a1b2c.purchase_late", False]]
    assert len(told(calls)) == 2
    again, calls = writer_of(
        lambda m, _: (
            {"id": 1, "result": None} if m.endswith("skip") else {"id": 1, "error": WARNING}
        ),
        "purchase_late",
    )
    with pytest.raises(RejectedError):
        await again.call(ORDERS, KEY, "quote", ASK)
    assert len(told(calls)) == 6


@pytest.mark.parametrize("reply", [b"<html>", b"{}", {"id": 1, "result": "odd"}], ids=str)
async def test_an_answer_that_cannot_be_read_leaves_a_doubt(reply: Any) -> None:
    writer, _ = writer_of(lambda _method, _params: reply)
    with pytest.raises(InDoubtError):
        await writer.create(ORDERS, {"comment": "x"}, ASK)


async def test_who_cannot_sign_in_has_told_nothing() -> None:
    lost = InDoubtError("erp", "the answer was lost")

    def answer(method: str, params: Any) -> Any:
        return lost if method == "common.db.login" else healthy(method, params)

    calls = Calls(answer)
    session = TrytonSession(calls, "erp", AUTH, Vault({"PASSWORD": "x"}, Path()), lambda: 0.0)
    teller = TrytonTeller(session, TrytonDialect(session, {}), {}, frozenset())
    with pytest.raises(SupplygraphError):
        await JSONRPCWriter("erp", teller).call(ORDERS, KEY, "quote", ASK)
    assert told(calls) == []


async def test_a_field_that_is_not_there_is_told_before_anything_is() -> None:
    writer, calls = writer_of(done)
    with pytest.raises(MisconfiguredError, match="no field 'colour'"):
        await writer.change(ORDERS, KEY, {"colour": "red"}, ASK)
    assert told(calls) == []
