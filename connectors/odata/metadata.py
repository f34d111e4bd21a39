"""A service's own description ($metadata), V2 and V4.

Kept is what connectors ask about: entity sets, keys, types, links, and what may be filtered.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from xml.etree.ElementTree import Element

from msgspec import Struct

from connectors.odata.safe_xml import local_name, read_xml

_SAP: Final = "{http://www.sap.com/Protocols/SAPData}"
_RESTRICTIONS: Final = {
    "FilterRestrictions": "NonFilterableProperties",
    "SortRestrictions": "NonSortableProperties",
}


class Property(Struct, frozen=True):
    """A property of a type."""

    type: str
    filterable: bool = True
    sortable: bool = True


class Link(Struct, frozen=True):
    """A navigation property: where it leads (a type's full name), and whether to many rows."""

    target: str
    many: bool


class EntityType(Struct, frozen=True):
    """An entity or complex type."""

    name: str
    key: tuple[str, ...]
    properties: Mapping[str, Property]
    links: Mapping[str, Link]


class EntitySet(Struct, frozen=True):
    """An entity set; `unfilterable` and `unsortable` are paths that it excludes."""

    type: str
    unfilterable: frozenset[str] = frozenset()
    unsortable: frozenset[str] = frozenset()


class Field(Struct, frozen=True):
    """What a dotted path leads to; `many` lists the links on the way that lead to many rows."""

    property: Property
    many: tuple[str, ...]


class Service(Struct, frozen=True):
    """What a service says of itself."""

    sets: Mapping[str, EntitySet]
    types: Mapping[str, EntityType]

    def entity(self, name: str) -> EntityType | None:
        """The type of an entity set's rows; None if there is no such set."""
        found = self.sets.get(name)
        return self.types.get(found.type) if found else None

    def field(self, set_name: str, path: str) -> Field | None:
        """What a dotted path leads to from an entity set; None if it leads nowhere."""
        here = self.entity(set_name)
        *way, last = path.split(".")
        many: list[str] = []
        for step in way:
            link = here.links.get(step) if here else None
            if link is not None and link.many:
                many.append(step)
            here = self._behind(here, step)
        found = here.properties.get(last) if here else None
        return Field(found, tuple(many)) if found else None

    def is_link(self, set_name: str, path: str) -> bool | None:
        """Whether a dotted path is a link (True), a property (False) or neither (None)."""
        here = self.entity(set_name)
        *way, last = path.split(".")
        for step in way:
            here = self._behind(here, step)
        if here is None:
            return None
        return True if last in here.links else False if last in here.properties else None

    def paths(self, set_name: str, below: Iterable[str] = ()) -> dict[str, str]:
        """All properties of an entity set with their types, and those behind the links `below`."""
        found: dict[str, str] = {}
        here = self.entity(set_name)
        if here is not None:
            found.update({name: p.type for name, p in here.properties.items()})
        for prefix in below:
            inner = here
            for step in prefix.split("."):
                inner = self._behind(inner, step)
            if inner is not None:
                found.update({f"{prefix}.{n}": p.type for n, p in inner.properties.items()})
        return found

    def _behind(self, here: EntityType | None, step: str) -> EntityType | None:
        if here is None:
            return None
        if step in here.links:
            return self.types.get(here.links[step].target)
        if step in here.properties:
            return self.types.get(_element(here.properties[step].type))
        return None


def parse(document: bytes) -> Service:
    """Read a $metadata document.

    Raises:
        ValueError: if it is no such document, or has a DTD.
    """
    root = read_xml(document)
    if local_name(root) != "Edmx":
        raise ValueError(f"an XML document, but no OData metadata ({local_name(root)})")
    reader = _Reader(root)
    return Service(sets=reader.sets(), types=reader.types())


class _Reader:
    """Looks up what the document spreads over several places."""

    def __init__(self, root: Element) -> None:
        self._schemas = [e for e in root.iter() if local_name(e) == "Schema"]
        self._aliases = {
            e.get("Alias", ""): e.get("Namespace", "") for e in self._schemas if e.get("Alias")
        }
        self._ends = {
            (f"{schema.get('Namespace')}.{association.get('Name')}", end.get("Role")): end
            for schema in self._schemas
            for association in _children(schema, "Association")
            for end in _children(association, "End")
        }

    def types(self) -> dict[str, EntityType]:
        raw = {
            f"{schema.get('Namespace')}.{element.get('Name')}": element
            for schema in self._schemas
            for element in schema
            if local_name(element) in {"EntityType", "ComplexType"}
        }
        return {name: self._type(name, raw) for name in raw}

    def sets(self) -> dict[str, EntitySet]:
        found: dict[str, EntitySet] = {}
        for schema in self._schemas:
            for container in _children(schema, "EntityContainer"):
                place = f"{schema.get('Namespace')}.{container.get('Name')}"
                for element in _children(container, "EntitySet"):
                    name = element.get("Name", "")
                    found[name] = EntitySet(
                        self._full(element.get("EntityType", "")),
                        self._excluded(f"{place}/{name}", element, "FilterRestrictions"),
                        self._excluded(f"{place}/{name}", element, "SortRestrictions"),
                    )
        return found

    def _full(self, name: str) -> str:
        namespace, _, last = name.rpartition(".")
        return f"{self._aliases.get(namespace, namespace)}.{last}"

    def _type(self, name: str, raw: Mapping[str, Element]) -> EntityType:
        key: tuple[str, ...] = ()
        properties: dict[str, Property] = {}
        links: dict[str, Link] = {}
        for element in self._with_bases(name, raw):
            for child in element:
                match local_name(child):
                    case "Key":
                        key = tuple(ref.get("Name", "") for ref in _children(child, "PropertyRef"))
                    case "Property":
                        properties[child.get("Name", "")] = self._property(child)
                    case "NavigationProperty":
                        links[child.get("Name", "")] = self._link(child)
        return EntityType(name, key, properties, links)

    def _with_bases(self, name: str, raw: Mapping[str, Element]) -> list[Element]:
        """A type's element after those that it extends."""
        chain: list[Element] = []
        while name in raw and raw[name] not in chain:
            chain.append(raw[name])
            name = self._full(raw[name].get("BaseType", ""))
        return chain[::-1]

    def _property(self, element: Element) -> Property:
        declared = element.get("Type", "Edm.String")
        inner = _element(declared)
        full = inner if inner.startswith("Edm.") else self._full(inner)
        return Property(
            declared.replace(inner, full),
            filterable=element.get(f"{_SAP}filterable") != "false",
            sortable=element.get(f"{_SAP}sortable") != "false",
        )

    def _link(self, element: Element) -> Link:
        declared = element.get("Type")
        if declared is not None:
            return Link(self._full(_element(declared)), many=declared.startswith("Collection("))
        association = self._full(element.get("Relationship", ""))
        end = self._ends.get((association, element.get("ToRole")))
        if end is None:
            return Link("", many=True)
        return Link(self._full(end.get("Type", "")), many=end.get("Multiplicity") == "*")

    def _excluded(self, target: str, element: Element, term: str) -> frozenset[str]:
        """Paths that a V4 capability annotation excludes, inline or in an Annotations block."""
        places = [element]
        for schema in self._schemas:
            for block in _children(schema, "Annotations"):
                namespace, slash, last = block.get("Target", "").partition("/")
                if self._full(namespace) + slash + last == target:
                    places.append(block)
        return frozenset(
            (path.text or "").replace("/", ".")
            for place in places
            for annotation in _children(place, "Annotation")
            if annotation.get("Term", "").endswith("." + term)
            for value in annotation.iter()
            if value.get("Property") == _RESTRICTIONS[term]
            for path in value.iter()
            if local_name(path) == "PropertyPath"
        )


def _children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if local_name(child) == name)


def _element(declared: str) -> str:
    """The type of a collection's elements, or the type itself."""
    return declared.removeprefix("Collection(").removesuffix(")")
