"""What of a row is shown, and as what: `fields`, `return_object`, JSON or XML."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

import msgspec
from starlette.responses import Response

from sandbox.coupa.filters import FilterError
from sandbox.coupa.rows import Row

Projection = dict[str, "Projection | None"]


def read_fields(text: str) -> Projection:
    """Read `["id",{"supplier":["number"]}]`; underscores are taken for dashes.

    Raises:
        FilterError: it is not such JSON.
    """
    try:
        return _projection(msgspec.json.decode(text))
    except (msgspec.DecodeError, TypeError):
        raise FilterError("fields", "is not a valid list of fields") from None


def _projection(entries: Any) -> Projection:
    if not isinstance(entries, list):
        raise TypeError(entries)
    wanted: Projection = {}
    for entry in entries:
        if isinstance(entry, str):
            wanted[entry.replace("_", "-")] = None
        else:
            for name, inner in dict(entry).items():
                wanted[name.replace("_", "-")] = _projection(inner)
    return wanted


def project(node: Any, wanted: Projection) -> Any:
    """A row, or each row of a list, cut down to the wanted fields; unknown ones are left out."""
    if isinstance(node, list):
        return [project(part, wanted) for part in node]
    if not isinstance(node, dict):
        return node
    return {
        name: node[name] if inner is None else project(node[name], inner)
        for name, inner in wanted.items()
        if name in node
    }


def shallow(row: Row) -> Row:
    """A row whose nested objects are ids only."""
    return {name: _id_only(value) for name, value in row.items()}


def _id_only(value: Any) -> Any:
    if isinstance(value, list):
        return [_id_only(part) for part in value]
    if isinstance(value, dict) and "id" in value:
        return {"id": value["id"]}
    return value


def write(content: Any, status: int, *, as_json: bool, root: str) -> Response:
    """A body in the form that was asked for; XML names lists and rows after the resource."""
    if as_json:
        return Response(msgspec.json.encode(content), status, media_type="application/json")
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{_xml(root, content)}'
    return Response(body, status, media_type="application/xml")


def write_errors(errors: dict[str, list[str]], status: int, *, as_json: bool) -> Response:
    """Coupa's error body."""
    if as_json:
        return write({"errors": errors}, status, as_json=True, root="")
    lines = "".join(
        f"<error>{escape(f'{field} {message}')}</error>"
        for field, messages in errors.items()
        for message in messages
    )
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<errors>{lines}</errors>'
    return Response(body, status, media_type="application/xml")


def _xml(name: str, value: Any) -> str:
    if value is None:
        return f'<{name} nil="true"/>'
    if isinstance(value, list):
        inner = "".join(_xml(_singular(name), part) for part in value)
        return f'<{name} type="array">{inner}</{name}>'
    if isinstance(value, dict):
        return f"<{name}>{''.join(_xml(key, part) for key, part in value.items())}</{name}>"
    if isinstance(value, bool):
        return f'<{name} type="boolean">{str(value).lower()}</{name}>'
    if isinstance(value, int):
        return f'<{name} type="integer">{value}</{name}>'
    return f"<{name}>{escape(str(value))}</{name}>"


def _singular(name: str) -> str:
    """order-headers -> order-header, addresses -> address."""
    return name.removesuffix("es") if name.endswith("sses") else name.removesuffix("s")
