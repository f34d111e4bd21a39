"""Fields that cannot be merged are found, as graphql-core finds them, but quicker."""

from random import Random

import pytest
from graphql import (
    GraphQLError,
    GraphQLSchema,
    OverlappingFieldsCanBeMergedRule,
    ValidationContext,
    build_schema,
    parse,
    validate,
)

from app.demand.bounds import Bounds
from app.demand.measures import measured
from app.demand.merging import FieldsMerge

ZOO = build_schema("""
  interface Pet { name: String owner(of: Int): Person friend: Pet }
  type Dog implements Pet { name: String owner(of: Int): Person friend: Pet
    age: Int tag: String size: Int! loud: Boolean toys: [Toy] }
  type Cat implements Pet { name: String owner(of: Int): Person friend: Pet
    age: Int! tag: Int size: Int! loud: [Boolean] toys: Toy }
  type Person { name: String pet: Pet }
  type Toy { name: String }
  union Any = Dog | Cat | Person
  type Query { pet: Pet any(a: Int, b: [Int]): Any dog: Dog cat: Cat }
""")

LEAVES = (
    "name", "age", "tag", "size", "loud", "x: name", "x: age", "x: tag",
    "owner { name }", "owner(of: 1) { name }", "owner(of: 2) { name }",
)  # fmt: skip
AROUND = (
    "friend {{ {} }}",
    "x: friend {{ {} }}",
    "... on Dog {{ {} }}",
    "... on Cat {{ {} }}",
    "... on Pet {{ {} }}",
    "... {{ {} ...F }}",
)


def body(chance: Random, depth: int = 0) -> str:
    """A selection on Pet."""
    parts = []
    for _ in range(chance.randint(1, 4)):
        inner = depth < 3 and chance.random() < 0.5
        wanted = chance.choice(AROUND).format(body(chance, depth + 1)) if inner else ""
        parts.append(wanted or chance.choice(LEAVES))
    return " ".join(parts)


def found(schema: GraphQLSchema, text: str, rule: type) -> list[GraphQLError]:
    return validate(schema, parse(text), [rule])


@pytest.mark.parametrize("seed", range(10))
def test_conflicts_are_those_that_graphql_core_finds(seed: int) -> None:
    chance = Random(seed)
    for _ in range(30):
        fragment = body(chance, 2).replace("...F", "")
        text = f"{{ pet {{ {body(chance, chance.randint(0, 3))} ...F }} }}"
        text += f" fragment F on Pet {{ {fragment} }}"
        theirs = found(ZOO, text, OverlappingFieldsCanBeMergedRule)
        assert bool(found(ZOO, text, FieldsMerge)) is bool(theirs), text


@pytest.mark.parametrize(
    "text, words",
    [
        ("{ a: dog { name } a: cat { name } }", "'dog' and 'cat' are different fields"),
        ("{ any(a: 1) { __typename } any(a: 2) { __typename } }", "differing arguments"),
        ("{ any(a: 1, b: [1]) { __typename } any(b: [1], a: 1) { __typename } }", None),
        ("query A($v: Int) { any(a: $v) { __typename } any(a: 1) { __typename } }", "differing"),
        ("{ pet { ... on Dog { tag } ... on Cat { tag } } }", "conflicting types"),
        ("{ pet { ... on Dog { x: age } ... on Cat { x: size } } }", "conflicting types"),
        ("{ pet { ... on Dog { x: toys { name } } ... on Cat { x: toys { name } } } }", "types"),
        ("{ pet { ... on Dog { x: name } ... on Cat { x: owner { name } } } }", "conflicting"),
        ("{ pet { ... on Dog { owner(of: 1) { name } } ... on Cat { owner { name } } } }", None),
        ("{ pet { owner(of: 1) { name } ... on Cat { owner { name } } } }", "differing"),
        ("{ dog { friend { name } } dog { friend { name: __typename } } }", "different fields"),
        ("{ nothing { a } nothing { a: b } }", "'a' and 'b' are different fields"),
        ("{ ...Nowhere dog { ... on Nobody { name } } }", None),
    ],
)
def test_what_cannot_be_merged_is_named(text: str, words: str | None) -> None:
    errors = found(ZOO, text, FieldsMerge)
    assert len(errors) == (words is not None)
    assert all((words or "") in e.message for e in errors)


def steps(text: str) -> int:
    context = ValidationContext(ZOO, parse(text), type_info=None, on_error=_fail)  # type: ignore[arg-type]  # not used
    rule = FieldsMerge(context)
    [operation, *_] = context.document.definitions
    rule.enter_operation_definition(operation)  # type: ignore[arg-type]  # the first is one
    return rule.steps


def _fail(error: GraphQLError) -> None:
    raise error


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{" + " __typename" * 1_900 + "}", id="the same field"),
        pytest.param("{ dog {" + " friend { name name }" * 300 + "} }", id="nested"),
        pytest.param("{" + " any(a: 1) { __typename }" * 200 + "}", id="arguments"),
        pytest.param(
            "{" + " ...F" * 10 + "}"
            + "".join(f" fragment F{n} on Query {{ dog {{ name }} }}" for n in range(80))
            + " fragment F on Query {" + "".join(f" ...F{n}" for n in range(80)) + "}",
            id="fragments that overlap",
        ),
        pytest.param(
            "{ pet {" + " ... on Dog { friend { name age } } ... on Cat { friend { name } }" * 60
            + "} }",
            id="for different types",
        ),
    ],
)  # fmt: skip
def test_it_takes_a_few_steps_for_each_field(text: str) -> None:
    [size] = measured(parse(text)).sizes
    assert size.fields + size.spreads > 100
    assert steps(text) <= 6 * (size.fields + size.spreads)


def test_what_multiplies_by_types_ends_at_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.demand.merging._MOST_STEPS", 500)
    inner = "name"
    for _ in range(6):
        inner = f"friend {{ name {inner} }} ... on Dog {{ {inner} }} ... on Cat {{ {inner} }}"
    text = f"{{ pet {{ {inner} }} }}"
    assert measured(parse(text)).sizes[0].fields > Bounds().fields / 4
    [error] = found(ZOO, text, FieldsMerge)
    assert error.extensions == {"code": "OPERATION_TOO_LARGE"}
