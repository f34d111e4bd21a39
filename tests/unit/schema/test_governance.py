"""Each type has an owner and a source; each deprecation says what to use, since and until when."""

from datetime import date

import pytest
import strawberry
from graphql import build_schema
from strawberry import Schema

from canonical.catalogue import Deprecation, SourceKind
from canonical.entities import ENTITIES
from schema.deprecations import deprecated, deprecations
from schema.ownership import own_types, owner_of, source_of
from schema.retiring import Retirement, retired, retirement
from tests.fakes.desk import SCHEMA

INNER = SCHEMA._schema
SINCE, ENDS = date(2026, 11, 25), date(2027, 5, 25)


def test_every_type_has_an_owner_that_the_sdl_shows() -> None:
    names = [named.name for named in own_types(INNER)]
    assert [name for name in names if owner_of(name) is None] == []
    sdl = SCHEMA.as_str()
    shown = build_schema(sdl)
    for name in names:
        node = shown.type_map[name].ast_node
        said = {d.name.value: d for d in getattr(node, "directives", ())}
        assert "owner" in said, name


def test_every_object_says_where_it_comes_from() -> None:
    shown = build_schema(SCHEMA.as_str())
    for named in shown.type_map.values():
        if type(named).__name__ == "GraphQLObjectType" and not named.name.startswith("__"):
            said = {d.name.value for d in getattr(named.ast_node, "directives", ())}
            assert "source" in said, named.name
    records = {source_of(named.name).entity for named in own_types(INNER)}
    assert records - {None} == set(ENTITIES)


@pytest.mark.parametrize(
    "name, kind, entity",
    [
        ("Item", SourceKind.RECORD, "item"),
        ("ItemConnection", SourceKind.RECORD, "item"),
        ("SupplySource", SourceKind.RECORD, "supply_source"),
        ("SupplierPerformance", SourceKind.COMPUTED, "purchase_order"),
        ("PurchaseOrderEvent", SourceKind.EVENT, "purchase_order"),
        ("Money", SourceKind.VALUE, None),
        ("AuditEntry", SourceKind.SERVICE, None),
    ],
)
def test_sources_follow_names(name: str, kind: SourceKind, entity: str | None) -> None:
    assert (source_of(name).kind, source_of(name).entity) == (kind, entity)


def test_a_type_that_no_line_covers_has_no_owner() -> None:
    assert owner_of("Nonsense") is None
    assert owner_of("InventoryThresholdEvent") == "planning"
    assert owner_of("InventoryPosition") == "warehousing"


def test_each_deprecation_says_what_to_use_and_until_when() -> None:
    assert [d.coordinate for d in deprecations(INNER) if d.ends is None] == []


REASON = retired("Thing.name", since=SINCE, ends=ENDS, why="it was never filled")


@strawberry.type
class Thing:
    name: str
    title: str = strawberry.field(deprecation_reason=REASON)
    label: str = strawberry.field(deprecation_reason="old")


@strawberry.type
class Query:
    thing: Thing


def test_the_rule_holds_for_a_schema_that_deprecates() -> None:
    schema = Schema(Query)._schema
    assert deprecated(schema) == {"Thing.title": REASON, "Thing.label": "old"}
    title, label = deprecations(schema)
    assert title == Deprecation("Thing.title", REASON, "Thing.name", SINCE, ENDS)
    assert (label.use, label.since, label.ends) == (None, None, None)


def test_a_retirement_is_read_as_it_was_written() -> None:
    said = Retirement("Thing.name", SINCE, ENDS, "it was never filled")
    assert retirement(REASON) == said
    assert retirement(retired("x", since=SINCE, ends=ENDS)) == Retirement("x", SINCE, ENDS)
    assert retirement(REASON.replace("2027-05-25", "2027-05-35")) is None
    assert retirement(None) is None
    for use, ends in (("a; b", ENDS), ("a", SINCE), ("", ENDS)):
        with pytest.raises(ValueError, match="say what to use instead"):
            retired(use, since=SINCE, ends=ends)
