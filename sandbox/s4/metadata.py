"""$metadata and the service document, written from the model."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from sandbox.s4.model import EntitySet, Link, Property, Service

_EDMX = (
    '<?xml version="1.0" encoding="utf-8"?>\n<edmx:Edmx Version="1.0"'
    ' xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"'
    ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' xmlns:sap="http://www.sap.com/Protocols/SAPData">\n'
    '<edmx:DataServices m:DataServiceVersion="2.0">\n'
)
_READ_ONLY = 'sap:creatable="false" sap:updatable="false" sap:deletable="false"'
_WRITABLE = {
    "A_PurchaseOrder": 'sap:deletable="false"',
    "A_PurchaseOrderItem": 'sap:creatable="false" sap:deletable="false"',
    "A_PurchaseOrderScheduleLine": 'sap:creatable="false" sap:deletable="false"',
    "A_MaterialDocumentHeader": 'sap:updatable="false" sap:deletable="false"',
}
"""Sets that are told things: orders are made whole, and their rows are changed."""


def metadata_document(service: Service) -> str:
    """The service's EDMX, with sap: attributes and referential constraints."""
    return "\n".join(_document(service))


def _document(service: Service) -> Iterator[str]:
    schema = 'xmlns="http://schemas.microsoft.com/ado/2008/09/edm" sap:schema-version="1"'
    yield f'{_EDMX}<Schema Namespace="{service.name}" {schema}>'
    for entity_set in service.sets.values():
        yield from _entity_type(service, entity_set)
    links = [(s, link) for s in service.sets.values() for link in s.links.values()]
    for entity_set, link in links:
        yield from _association(service, entity_set, link)
    container = f"{service.name}_Entities"
    yield (
        f'<EntityContainer Name="{container}" m:IsDefaultEntityContainer="true"'
        ' sap:supported-formats="atom json">'
    )
    for name, entity_set in service.sets.items():
        of_type = f"{service.name}.{entity_set.type_name}"
        access = _WRITABLE.get(name, _READ_ONLY)
        yield f'<EntitySet Name="{name}" EntityType="{of_type}" {access}/>'
    for entity_set, link in links:
        name = _association_name(entity_set, link)
        yield (
            f'<AssociationSet Name="{name}_set" Association="{service.name}.{name}">'
            f'<End Role="from" EntitySet="{entity_set.name}"/>'
            f'<End Role="to" EntitySet="{link.target}"/></AssociationSet>'
        )
    yield "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"


def _entity_type(service: Service, entity_set: EntitySet) -> Iterator[str]:
    yield f'<EntityType Name="{entity_set.type_name}" sap:content-version="1">'
    yield "<Key>" + "".join(f'<PropertyRef Name="{name}"/>' for name in entity_set.key) + "</Key>"
    for prop in entity_set.properties.values():
        yield _property(prop, is_key=prop.name in entity_set.key)
    for link in entity_set.links.values():
        association = f"{service.name}.{_association_name(entity_set, link)}"
        yield (
            f'<NavigationProperty Name="{link.name}" Relationship="{association}"'
            ' FromRole="from" ToRole="to"/>'
        )
    yield "</EntityType>"


def _property(prop: Property, *, is_key: bool) -> str:
    attributes = [f'Name="{prop.name}" Type="Edm.{prop.kind}"']
    if is_key:
        attributes.append('Nullable="false"')
    if prop.kind == "Decimal":
        attributes.append(f'Precision="{prop.length}" Scale="{prop.scale}"')
    elif prop.kind in {"DateTime", "Time"}:
        attributes.append('Precision="0"')
    elif prop.length is not None:
        attributes.append(f'MaxLength="{prop.length}"')
    attributes += _annotations(prop)
    attributes.append(f'sap:label="{_label(prop.name)}"')
    return f"<Property {' '.join(attributes)}/>"


def _annotations(prop: Property) -> Iterator[str]:
    if prop.kind == "DateTime":
        yield 'sap:display-format="Date"'
    if prop.unit:
        yield f'sap:unit="{prop.unit}"'
    if not prop.filterable:
        yield 'sap:filterable="false"'
    if not prop.sortable:
        yield 'sap:sortable="false"'


@cache
def _label(name: str) -> str:
    """Words from a name in camel case."""
    letters = [f" {c}" if c.isupper() and n else c for n, c in enumerate(name)]
    return "".join(letters).replace("_", "")


def _association_name(entity_set: EntitySet, link: Link) -> str:
    return f"{entity_set.type_name}_{link.name}"


def _association(service: Service, entity_set: EntitySet, link: Link) -> Iterator[str]:
    target = service.sets[link.target]
    many = "*" if link.many else "0..1"
    own = "".join(f'<PropertyRef Name="{name}"/>' for name, _ in link.pairs)
    remote = "".join(f'<PropertyRef Name="{name}"/>' for _, name in link.pairs)
    principal, dependent = ("from", "to") if link.many else ("to", "from")
    refs = {"from": own, "to": remote}
    yield (
        f'<Association Name="{_association_name(entity_set, link)}" sap:content-version="1">'
        f'<End Role="from" Type="{service.name}.{entity_set.type_name}" Multiplicity="1"/>'
        f'<End Role="to" Type="{service.name}.{target.type_name}" Multiplicity="{many}"/>'
        f'<ReferentialConstraint><Principal Role="{principal}">{refs[principal]}</Principal>'
        f'<Dependent Role="{dependent}">{refs[dependent]}</Dependent></ReferentialConstraint>'
        "</Association>"
    )


def service_document_json(service: Service) -> dict[str, Any]:
    """The list of entity sets, as JSON."""
    return {"d": {"EntitySets": list(service.sets)}}


def service_document_xml(service: Service, root: str) -> str:
    """The list of entity sets, as an Atom service document."""
    collections = "".join(
        f'<app:collection href="{name}"><atom:title>{name}</atom:title></app:collection>'
        for name in service.sets
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><app:service'
        ' xmlns:app="http://www.w3.org/2007/app" xmlns:atom="http://www.w3.org/2005/Atom"'
        f' xml:base="{root}"><app:workspace><atom:title>Data</atom:title>{collections}'
        "</app:workspace></app:service>"
    )
