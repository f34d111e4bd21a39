"""What a new version of a schema changes, case by case, and whom it breaks."""

from datetime import date, timedelta

import pytest

from app.governance.changes import Change, Level, changes, schema_of
from app.governance.impact import impacts
from canonical.errors import InvalidInputError
from canonical.usage import OperationUse
from schema.retiring import retired

TODAY = date(2026, 11, 25)
B, D, S = Level.BREAKING, Level.DANGEROUS, Level.SAFE
BASE = '''
directive @owner(team: String!) on OBJECT
directive @cost(weight: Int!) on FIELD_DEFINITION
directive @old on FIELD_DEFINITION
interface Node { id: ID! }
type Item implements Node @owner(team: "a") { id: ID! sku: String! name: String @cost(weight: 1) }
type Supplier { code: ID }
union Any = Item | Supplier
enum Status { OPEN CLOSED }
input Filter { sku: String status: Status }
input Outer { filter: Filter }
"""What can be asked."""
type Query {
  item(sku: String!): Item
  items(first: Int = 10, filter: Filter): [Item!]!
  nested(outer: Outer): Int
  status: Status
  any: Any
}
'''


def found(*replacements: tuple[str, str]) -> list[Change]:
    text = BASE
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return changes(schema_of(BASE), schema_of(text))


CASES = [
    ("sku: String! name", "name", B, "FIELD_REMOVED", "Item.sku"),
    ("name: String @", "name: Int @", B, "FIELD_CHANGED_KIND", "Item.name"),
    ("name: String @", "name: String! @", S, "FIELD_CHANGED_KIND_SAFE", "Item.name"),
    ("id: ID! sku", "id: ID! size: Int sku", S, "FIELD_ADDED", "Item.size"),
    ("(first: Int = 10, ", "(", B, "ARG_REMOVED", "Query.items(first:)"),
    ("Int = 10", "Int = 20", D, "ARG_DEFAULT_VALUE_CHANGE", "Query.items(first:)"),
    ("item(sku", "item(at: Int!, sku", B, "REQUIRED_ARG_ADDED", "Query.item(at:)"),
    ("item(sku", "item(at: Int, sku", D, "OPTIONAL_ARG_ADDED", "Query.item(at:)"),
    ("item(sku: String!", "item(sku: ID!", B, "ARG_CHANGED_KIND", "Query.item(sku:)"),
    ("OPEN CLOSED", "OPEN", B, "VALUE_REMOVED_FROM_ENUM", "Status.CLOSED"),
    ("OPEN CLOSED", "OPEN CLOSED LATE", D, "VALUE_ADDED_TO_ENUM", "Status.LATE"),
    ("Item | Supplier", "Item", B, "TYPE_REMOVED_FROM_UNION", "Any"),
    ("input Filter { sku: String ", "input Filter { ", B, "FIELD_REMOVED", "Filter.sku"),
    ("Filter { sku", "Filter { x: Int! sku", B, "REQUIRED_INPUT_FIELD_ADDED", "Filter.x"),
    ("implements Node", "", B, "IMPLEMENTED_INTERFACE_REMOVED", "Item"),
    ("directive @old on FIELD_DEFINITION\n", "", B, "DIRECTIVE_REMOVED", "@old"),
    ("What can be asked.", "All.", S, "DESCRIPTION_CHANGED", "Query"),
    ("type Supplier", "type New { a: Int } type Supplier", S, "TYPE_ADDED", "New"),
    ("code: ID", 'code: ID @deprecated(reason: "x")', S, "DEPRECATION_ADDED", "Supplier.code"),
    ('team: "a"', 'team: "b"', S, "APPLIED_DIRECTIVE_CHANGED", "Item"),
    ("@cost(weight: 1)", "@cost(weight: 9)", D, "APPLIED_DIRECTIVE_CHANGED", "Item.name"),
]


@pytest.mark.parametrize("old, new, level, kind, coordinate", CASES)
def test_each_change_is_named_with_its_level_and_coordinate(
    old: str, new: str, level: Level, kind: str, coordinate: str
) -> None:
    told = [(c.level, c.kind, c.coordinate) for c in found((old, new))]
    assert (level, kind, coordinate) in told
    assert all(c.coordinate and c.message for c in found((old, new)))


def test_nothing_changed_is_nothing_told_and_the_worst_comes_first() -> None:
    assert found() == []
    told = found(("OPEN CLOSED", "OPEN LATE"), ('team: "a"', 'team: "b"'))
    assert [change.level for change in told] == [B, D, S]


def test_what_is_no_sdl_is_said() -> None:
    with pytest.raises(InvalidInputError, match="no SDL of a schema"):
        schema_of("type {")
    with pytest.raises(InvalidInputError, match="no SDL of a schema"):
        schema_of("type Query { a: Missing }")


def a_use(name: str, *coordinates: str, client: str = "portal") -> OperationUse:
    return OperationUse(
        operation=f"digest of {name}" if name else "",
        name=name,
        kind="query",
        coordinates=coordinates,
        client=client,
        version="1",
        count=3,
        last_day=TODAY,
    )


USES = (
    a_use("Sku", "Query.item", "Query.item(sku:)", "Item.sku"),
    a_use("Status", "Query.status"),
    a_use("Nested", "Query.nested", "Query.nested(outer:)", client="planner"),
    a_use("Node", "Node.id"),
)


@pytest.mark.parametrize(
    "old, new, coordinate, broken",
    [
        ("sku: String! name", "name", "Item.sku", ["Sku"]),
        ("name: String @cost(weight: 1)", "", "Item.name", []),
        ("item(sku: String!", "item(sku: String!, at: Int!", "Query.item(at:)", ["Sku"]),
        ("item(sku: String!", "item(sku: ID!", "Query.item(sku:)", ["Sku"]),
        ("items(first: Int = 10, ", "items(", "Query.items(first:)", []),
        ("OPEN CLOSED", "OPEN", "Status.CLOSED", ["Nested", "Status"]),
        ("input Filter { sku: String ", "input Filter { ", "Filter.sku", ["Nested"]),
        ("implements Node", "", "Item", ["Node", "Sku"]),
    ],
)
def test_whom_it_breaks_is_known_by_use(
    old: str, new: str, coordinate: str, broken: list[str]
) -> None:
    told = impacts(found((old, new)), schema_of(BASE), TODAY, USES)
    [impact] = [i for i in told if i.change.level is B and i.change.coordinate == coordinate]
    assert impact.uses is not None
    assert sorted(o.name for o in impact.uses.operations) == broken
    assert impact.breaks is bool(broken)


def test_what_was_not_told_apart_may_have_asked_for_anything() -> None:
    removed = found(("name: String @cost(weight: 1)", ""))
    told = impacts(removed, schema_of(BASE), TODAY, (a_use("", client="other"),))
    assert [impact.breaks for impact in told] == [True]
    assert [i.breaks for i in impacts(removed, schema_of(BASE), TODAY)] == [True]


def test_a_removal_before_its_day_is_said() -> None:
    ends = TODAY + timedelta(days=10)
    reason = retired("Item.sku", since=TODAY, ends=ends)
    going = f'sku: String! @deprecated(reason: "{reason}") name'
    before = schema_of(BASE.replace("sku: String! name", going))
    after = schema_of(BASE.replace("sku: String! name", "name"))
    removal = changes(before, after)
    assert [i.early for i in impacts(removal, before, TODAY)] == [ends]
    assert [i.early for i in impacts(removal, before, ends)] == [None]
