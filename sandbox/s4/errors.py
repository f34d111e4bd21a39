"""The one shape in which OData V2 says no, as JSON or as XML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

_NAMESPACE = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
NOT_FOUND_CODE = "005056A509B11EE1B9A8FEC11C21578E"
SYNTAX_CODE = "005056A509B11ED1B9BF9F46AC8E4E8C"


class ODataError(Exception):
    """An answer that is an error: status, SAP's message code and a text, and further such pairs."""

    def __init__(
        self,
        status: int,
        text: str,
        code: str = SYNTAX_CODE,
        headers: dict[str, str] | None = None,
        further: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.code = code
        self.headers = headers or {}
        self.further = further

    def to_json(self) -> dict[str, Any]:
        """The body for a client that accepts JSON."""
        details = [
            {"code": code, "message": text, "propertyref": "", "severity": "error", "target": ""}
            for code, text in ((self.code, self.text), *self.further)
        ]
        return {
            "error": {
                "code": self.code,
                "message": {"lang": "en", "value": self.text},
                "innererror": {
                    "transactionid": uuid4().hex.upper(),
                    "timestamp": "",
                    "Error_Resolution": {"SAP_Transaction": "/IWFND/ERROR_LOG"},
                    "errordetails": details,
                },
            }
        }

    def to_xml(self) -> str:
        """The body for everyone else."""
        return (
            f'<?xml version="1.0" encoding="utf-8"?><error xmlns="{_NAMESPACE}">'
            f"<code>{escape(self.code)}</code>"
            f'<message xml:lang="en">{escape(self.text)}</message>'
            f"<innererror><transactionid>{uuid4().hex.upper()}</transactionid></innererror></error>"
        )


def bad_request(text: str) -> ODataError:
    """A request that is wrong in itself."""
    return ODataError(400, text)


def not_found(text: str) -> ODataError:
    """A segment, set or entity that is not there."""
    return ODataError(404, text, NOT_FOUND_CODE)


def refused(messages: Sequence[tuple[str, str]]) -> ODataError:
    """What the business says no to, by code and text; the first is the headline."""
    (code, text), *further = messages
    return ODataError(400, text, code, further=further)
