"""Errors inside good answers become ours, by what the caller can do about them."""

from typing import Any

import pytest

from canonical.errors import (
    BadAnswerError,
    ConflictError,
    InvalidInputError,
    MisconfiguredError,
    NotFoundError,
    Reason,
    SupplygraphError,
    UnavailableError,
)
from connectors.jsonrpc.odoo.errors import error_of as odoo_error
from connectors.jsonrpc.tryton.errors import error_of as tryton_error


def reason(error: SupplygraphError) -> Reason | None:
    return error.reason if isinstance(error, UnavailableError) else None


@pytest.mark.parametrize(
    "error,kind,why,text",
    [
        (
            ["UserError", ["You are not allowed to access", "", None]],
            MisconfiguredError,
            Reason.CREDENTIALS,
            "not allowed to access",
        ),
        (["LoginException", ["x"]], MisconfiguredError, Reason.CREDENTIALS, "refused"),
        (["ConcurrencyException", "Records were modified"], ConflictError, None, "modified"),
        (["'nope'", ""], MisconfiguredError, Reason.MISCONFIGURED, "there is no 'nope'"),
        (["'no.model'", ""], MisconfiguredError, Reason.MISCONFIGURED, "'no.model'"),
        (
            ['Missing order function for field "Untaxed".', ""],
            MisconfiguredError,
            Reason.MISCONFIGURED,
            "push: false",
        ),
        (
            ["invalid literal for int() with base 10: 'x'", ""],
            InvalidInputError,
            None,
            "wrong form",
        ),
        (["division by zero", ""], UnavailableError, Reason.SERVER_ERROR, "division by zero"),
        ("odd", BadAnswerError, Reason.BAD_ANSWER, "cannot be read"),
        ([], BadAnswerError, Reason.BAD_ANSWER, "cannot be read"),
    ],
)
def test_tryton(error: Any, kind: type[SupplygraphError], why: Reason | None, text: str) -> None:
    found = tryton_error("erp", "party.party", error)
    assert type(found) is kind
    assert reason(found) is why
    assert text in found.message
    assert "erp" in found.message


@pytest.mark.parametrize(
    "name,message,kind,why",
    [
        ("odoo.exceptions.AccessDenied", "Access Denied", MisconfiguredError, Reason.CREDENTIALS),
        ("odoo.exceptions.AccessError", "not allowed", MisconfiguredError, Reason.CREDENTIALS),
        ("odoo.exceptions.MissingError", "Record does not exist", NotFoundError, None),
        ("odoo.exceptions.UserError", "Not now", InvalidInputError, None),
        (
            "odoo.exceptions.UserError",
            "Object no.model doesn't exist",
            MisconfiguredError,
            Reason.MISCONFIGURED,
        ),
        (
            "builtins.ValueError",
            "Invalid field 'x' on model 'y'",
            MisconfiguredError,
            Reason.MISCONFIGURED,
        ),
        ("builtins.KeyError", "x", MisconfiguredError, Reason.MISCONFIGURED),
        ("werkzeug.exceptions.NotFound", "x", MisconfiguredError, Reason.MISCONFIGURED),
        (
            "psycopg2.errors.SerializationFailure",
            "could not serialize access",
            UnavailableError,
            Reason.SERVER_ERROR,
        ),
    ],
)
def test_odoo(name: str, message: str, kind: type[SupplygraphError], why: Reason | None) -> None:
    found = odoo_error("erp", "res.partner", {"name": name, "message": message, "debug": "secret"})
    assert type(found) is kind
    assert reason(found) is why
    assert message in found.message
    assert "secret" not in found.message


def test_long_words_are_cut() -> None:
    long = "x" * 5_000
    assert len(tryton_error("erp", "m", ["UserError", [long]]).message) < 400
    assert len(odoo_error("erp", "m", {"name": "a.UserError", "message": long}).message) < 400
