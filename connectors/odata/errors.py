"""What OData services say when they refuse: JSON bodies of V2 and V4, XML, and `sap-message`."""

from typing import Any, Final

import msgspec

from connectors.kit.http import Response
from connectors.odata.safe_xml import local_name, read_xml

_LONGEST: Final = 300
_SEVERE: Final = frozenset({"error", "abort"})


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
    header = {n.lower(): v for n, v in response.headers.items()}.get("sap-message")
    if header is None:
        return None
    try:
        message = msgspec.json.decode(header)
    except msgspec.DecodeError:
        return None
    if not isinstance(message, dict) or message.get("severity") not in _SEVERE:
        return None
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
    return _words(error.get("code"), _inner(error, message))


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
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + " ..."
    return f"{text} ({code})" if code else text
