"""What systems say when they refuse is understood in every form they use."""

from collections.abc import Mapping

import pytest

from connectors.kit.http import Response
from connectors.odata.errors import explain, warning

V2 = b"""{"error":{"code":"005056A509B11ED1B9BF","message":{"lang":"en",
"value":"Property 'Foo' not found\\n in type"},"innererror":{"transactionid":"1"}}}"""
V4 = b'{"error":{"code":"SY/530","message":"Resource not found","details":[]}}'
MICROSOFT = b"""{"error":{"code":"","message":"An error has occurred.","innererror":{"message":
"Write failed for table row of type X. Infolog: Error: Vendor is on hold","stacktrace":"at A"}}}"""
XML = b"""<?xml version="1.0" encoding="utf-8"?><error xmlns="http://schemas.microsoft.com/ado/2007/08/
dataservices/metadata"><code>X/1</code><message xml:lang="en">Invalid token</message></error>"""
BOMB = b"""<?xml version="1.0"?><!DOCTYPE error [<!ENTITY a "ha">]>
<error><message>&a;</message></error>"""


def answered(content: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response("erp", 400, headers or {}, content, "A_Product")


@pytest.mark.parametrize(
    "content,words",
    [
        (V2, "Property 'Foo' not found in type (005056A509B11ED1B9BF)"),
        (V4, "Resource not found (SY/530)"),
        (MICROSOFT, "Error: Vendor is on hold"),
        (XML, "Invalid token (X/1)"),
        (BOMB, None),
        (b"<html><body>Log on</body></html>", None),
        (b"{", None),
        (b'{"error":"no"}', None),
        (b'{"error":{"code":"1"}}', None),
        (b"", None),
    ],
)
def test_error_bodies(content: bytes, words: str | None) -> None:
    assert explain(answered(content)) == words


def test_long_texts_are_cut() -> None:
    words = explain(answered(b'{"error":{"message":"%s"}}' % (b"x" * 1000)))
    assert words == "x" * 300 + " ..."


def test_a_good_answer_may_carry_a_business_error() -> None:
    message = '{"code":"ME/006","message":"Document is locked","severity":"error","details":[]}'
    assert warning(answered(b"{}", {"SAP-Message": message})) == "Document is locked (ME/006)"
    for harmless in ('{"message":"Saved","severity":"info"}', "x", "[]"):
        assert warning(answered(b"{}", {"sap-message": harmless})) is None
    assert warning(answered(b"{}")) is None
