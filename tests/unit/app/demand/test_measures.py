"""Documents are measured in one step for each node, whatever their fragments make of them."""

from collections.abc import Sequence
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    get_introspection_query,
    parse,
)
from hypothesis import given, settings

from app.demand.bounds import MANY, Bounds
from app.demand.lexing import changes
from app.demand.measures import measured
from tests.unit.app.demand.documents import documents


def written_out(tree: DocumentNode) -> list[tuple[int, bool]]:
    """Level of each field with fragments in their places, and whether it has an alias."""
    fragments = {d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)}

    def walked(selections: Sequence[Any], level: int) -> list[tuple[int, bool]]:
        found: list[tuple[int, bool]] = []
        for node in selections:
            if isinstance(node, FragmentSpreadNode):
                found += walked(fragments[node.name.value].selection_set.selections, level)
            elif isinstance(node, FieldNode):
                found.append((level, node.alias is not None))
                inner = node.selection_set
                found += walked(inner.selections if inner else (), level + 1)
            else:
                found += walked(node.selection_set.selections, level)
        return found

    [operation] = [d for d in tree.definitions if isinstance(d, OperationDefinitionNode)]
    return walked(operation.selection_set.selections, 1)


@settings(max_examples=40)
@given(documents())
def test_the_measure_is_that_of_the_document_written_out(text: str) -> None:
    tree = parse(text)
    fields = written_out(tree)
    [size] = measured(tree).sizes
    assert size.fields == len(fields)
    assert size.depth == size.levels == max(level for level, _ in fields)
    assert size.aliases == sum(alias for _, alias in fields)
    assert size.root_fields == sum(level == 1 for level, _ in fields)
    assert (size.schema_fields, size.schema_depth) == (0, 0)


@settings(max_examples=40)
@given(documents(circles=True))
def test_no_document_takes_more_steps_than_it_has_tokens(text: str) -> None:
    assert measured(parse(text)).steps <= len(list(changes(text)))


@settings(max_examples=40)
@given(documents(circles=True))
def test_a_circle_is_found_if_there_is_one(text: str) -> None:
    tree = parse(text)
    circle = measured(tree).circle
    if circle:
        bodies = dict(zip("ABC", text.split("fragment ")[1:], strict=True))
        for name, following in zip(circle, [*circle[1:], circle[0]], strict=True):
            assert f"...{following}" in bodies[name]
    else:
        written_out(tree)  # comes to an end


@pytest.mark.parametrize("levels", [30, 90])
def test_a_bomb_takes_as_many_steps_as_it_has_spreads(levels: int) -> None:
    text = "{ ...F0 }" + "".join(
        f" fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)
    )
    found = measured(parse(f"{text} fragment F{levels} on Query {{ __typename }}"))
    [size] = found.sizes
    assert (size.fields, size.spreads, size.root_fields) == (MANY, MANY, MANY)
    assert found.steps == 2 * levels + 2


def test_the_introspection_of_tools_is_within_bounds() -> None:
    query = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
    found = measured(parse(query))
    [size] = found.sizes
    assert (size.schema_fields, size.schema_depth, size.depth) == (227, 15, 0)
    assert found.excess(Bounds()) == []


def test_a_fragment_about_the_schema_counts_where_it_is_spread() -> None:
    text = """{ __type(name: "Item") { ...T } items { nodes { sku ...I } } }
      fragment T on __Type { name ofType { ...U } }
      fragment U on __Type { name ofType { name } }
      fragment I on Item { preferredSupplier { code } }"""
    [size] = measured(parse(text)).sizes
    assert (size.fields, size.schema_fields, size.schema_depth, size.depth) == (11, 6, 4, 4)


@pytest.mark.parametrize(
    "text, words",
    [
        ("{ y {" + " a: x" * 101 + "} }", "101 aliases; at most 100"),
        ("{ x" + " @a" * 6 + "}", "6 directives at one place; at most 5"),
        ("{ y {" + " x @a @a @a @a" * 51 + "} }", "204 directives; at most 200"),
        ("query A { x }" * 21, "21 operations; at most 20"),
        ("{ x }" + " fragment F on X { x }" * 101, "101 fragments; at most 100"),
        ("query A(" + "$v: X " * 101 + ") { x }", "101 variables in one operation; at most 100"),
        ("{ x(a: " + "[" * 11 + "]" * 11 + ") }", "11 levels of lists and objects"),
        ("query A($v: X = " + "{a: " * 11 + "1" + "}" * 11 + ") { x }", "11 levels of lists"),
        ("{ x @a(b: [[[[[[[[[[[1]]]]]]]]]]]) }", "11 levels of lists and objects"),
        ("{ x(a: [" + "1 " * 10_001 + "]) }", "10001 values in lists and objects; at most 10000"),
        ("{ __schema { a { " + "t { " * 17 + "n" + " }" * 20, "20 levels of fields about"),
        ("query A { x } query B {" + " x" * 51 + "}", "51 root fields; at most 50"),
    ],
)  # fmt: skip
def test_what_exceeds_a_bound_is_named(text: str, words: str) -> None:
    errors = measured(parse(text)).excess(Bounds())
    assert [words in e.message for e in errors] == [True]
    assert [e.extensions for e in errors] == [{"code": "OPERATION_TOO_LARGE"}]


def test_what_is_not_there_or_there_twice_is_left_to_validation() -> None:
    text = "{ ...Nowhere } fragment F on X { a } fragment F on X { b } type T { a: Int }"
    [size] = measured(parse(text)).sizes
    assert (size.fields, size.spreads) == (0, 1)
