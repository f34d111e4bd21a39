"""Entities as JSON, with metadata and deferred links, or as a plain Atom feed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from sandbox.s4.model import Property
from sandbox.s4.query import Shape
from sandbox.s4.store import Row, Store, Table

_FEED = (
    'xmlns="http://www.w3.org/2005/Atom"'
    ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"'
)


class Renderer:
    """Writes the entities of one service; `root` is the absolute address of the service."""

    def __init__(self, store: Store, root: str) -> None:
        self._store = store
        self._root = root

    def uri(self, table: Table, row: Row) -> str:
        """The canonical address of an entity."""
        key = table.entity_set.key
        if len(key) == 1:
            predicate = _quoted(row[key[0]])
        else:
            predicate = ",".join(f"{name}={_quoted(row[name])}" for name in key)
        return f"{self._root}/{table.entity_set.name}({predicate})"

    def entity(self, shape: Shape, row: Row) -> dict[str, Any]:
        """One entity with what the shape opens."""
        table = shape.table
        uri = self.uri(table, row)
        metadata = {
            "id": uri,
            "uri": uri,
            "type": f"{self._store.service.name}.{table.entity_set.type_name}",
        }
        etag = self._store.etag(table, row)
        if etag is not None:
            metadata["etag"] = etag
        if shape.properties is None:
            shown: dict[str, Any] = {"__metadata": metadata, **row}
        else:
            shown = {"__metadata": metadata, **{name: row[name] for name in shape.properties}}
        for name, inner in shape.opened.items():
            _, rows = self._store.follow(table, row, name)
            entities = [self.entity(inner, behind) for behind in rows]
            many = table.entity_set.links[name].many
            shown[name] = {"results": entities} if many else next(iter(entities), None)
        for name in shape.deferred:
            shown[name] = {"__deferred": {"uri": f"{uri}/{name}"}}
        return shown

    def feed(self, shape: Shape, rows: list[Row], next_link: str | None) -> str:
        """A collection as Atom; expanded links are only named."""
        name = shape.table.entity_set.name
        link = f'<link rel="next" href="{escape(next_link)}"/>' if next_link else ""
        entries = "".join(self.entry(shape, row, "") for row in rows)
        return (
            f'<?xml version="1.0" encoding="utf-8"?><feed {_FEED} xml:base="{self._root}/">'
            f'<id>{self._root}/{name}</id><title type="text">{name}</title>'
            f"<updated>{_now()}</updated><author><name/></author>{entries}{link}</feed>"
        )

    def entry(self, shape: Shape, row: Row, namespaces: str = f" {_FEED}") -> str:
        """An entity as Atom."""
        table = shape.table
        uri = escape(self.uri(table, row))
        properties = table.entity_set.properties
        shown = shape.properties or tuple(properties)
        content = "".join(_element(properties[name], row[name]) for name in shown)
        links = "".join(
            f'<link rel="http://schemas.microsoft.com/ado/2007/08/dataservices/related/{name}"'
            f' href="{uri}/{name}" title="{name}"/>'
            for name in (*shape.opened, *shape.deferred)
        )
        return (
            f"<entry{namespaces}><id>{uri}</id><title/><updated>{_now()}</updated>{links}"
            f'<content type="application/xml"><m:properties>{content}</m:properties></content>'
            "</entry>"
        )


def _quoted(value: str) -> str:
    return "'" + quote(value.replace("'", "''"), safe="") + "'"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _element(prop: Property, value: Any) -> str:
    name = prop.name
    if value is None:
        return f'<d:{name} m:null="true"/>'
    if prop.kind == "String":
        return f"<d:{name}>{escape(value)}</d:{name}>"
    if prop.kind == "Boolean":
        value = str(value).lower()
    elif prop.kind in {"DateTime", "DateTimeOffset"}:
        milliseconds = int(value.removeprefix("/Date(").split("+")[0].removesuffix(")/"))
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
        zone = "Z" if prop.kind == "DateTimeOffset" else ""
        value = moment.strftime("%Y-%m-%dT%H:%M:%S") + zone
    return f'<d:{name} m:type="Edm.{prop.kind}">{value}</d:{name}>'
