"""What OData services say when they refuse: JSON bodies of V2 and V4, XML, and `sap-message`."""

import re
from typing import Any, Final

import msgspec

from connectors.kit.http import Response
from connectors.odata.safe_xml import local_name, read_xml

_LONGEST: Final = 300
_SEVERE: Final = frozenset({"error", "abort"})
_IN_WORK: Final = re.compile(r"currently being processed|already processing|\(ME/006\)|locked by")
"""What SAP says, in English, of what a user has open."""


def explain(response: Response) -> str | None:
    """What an error body says, in a few words; None if nothing readable is in it."""
    text = response.content.lstrip()
    if text.startswith(b"{"):
        return _from_json(text)
    if text.startswith((b"<?xml", b"<error")):
        return _from_xml(text)
    return None


def warning(response: Response) -> str | None:
    """The business error that a good answer carries in its `sap-message` header, if any."""
    message = _message(response)
    return None if message.get("severity") not in _SEVERE else _said(message)


def remark(response: Response) -> str | None:
    """What a good answer says in its `sap-message` header that is no error, if anything."""
    message = _message(response)
    return None if message.get("severity") in _SEVERE else _said(message)


def _message(response: Response) -> dict[str, Any]:
    header = {n.lower(): v for n, v in response.headers.items()}.get("sap-message")
    try:
        message = msgspec.json.decode(header or "{}")
    except msgspec.DecodeError:
        return {}
    return message if isinstance(message, dict) else {}


def _said(message: dict[str, Any]) -> str | None:
    return _words(message.get("code"), message.get("message"))


def _from_json(text: bytes) -> str | None:
    try:
        body = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    message = error.get("message")
    if isinstance(message, dict):  # V2
        message = message.get("value")
    first = _words(error.get("code"), _inner(error, message))
    every = [first, *(_words(d.get("code"), d.get("message")) for d in _details(error))]
    return _short("; ".join(dict.fromkeys(words for words in every if words))) or None


def _details(error: dict[str, Any]) -> list[dict[str, Any]]:
    """What else is wrong: SAP puts all messages beside the first one, warnings too."""
    inner = error.get("innererror")
    nested = inner.get("errordetails") if isinstance(inner, dict) else None
    found = nested if isinstance(nested, list) else error.get("details")
    rows = found if isinstance(found, list) else []
    return [r for r in rows if isinstance(r, dict) and r.get("severity", "error") in _SEVERE]


def _inner(error: dict[str, Any], message: Any) -> Any:
    """Microsoft's services hide what is wrong in the inner error, after "Infolog:"."""
    inner = error.get("innererror")
    deeper = inner.get("message") if isinstance(inner, dict) else None
    if not isinstance(deeper, str) or "Infolog:" not in deeper:
        return message
    return deeper.partition("Infolog:")[2].strip()


def _from_xml(text: bytes) -> str | None:
    try:
        root = read_xml(text)
    except ValueError:
        return None
    found = {local_name(child): child.text for child in root}
    return _words(found.get("code"), found.get("message"))


def _words(code: Any, message: Any) -> str | None:
    text = " ".join(str(message).split()) if message else ""
    if not text:
        return None
    text = _short(text)
    return f"{text} ({code})" if code else text


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."


def locked(response: Response) -> bool:
    """Whether a refusal says that somebody else works on the thing just now."""
    text = explain(response) or ""
    return _IN_WORK.search(text) is not None
