"""Documents that attackers send, and how far each of them gets: no further than it must."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from graphql import GraphQLSchema

from app.demand.bounds import Bounds
from app.demand.merging import FieldsMerge
from app.server import documents
from app.server.documents import Documents

READ, PARSED, VALIDATED = (), ("parse",), ("parse", "validate")
BOMB = "{ ...F0 }" + "".join(
    f" fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30)
)
CIRCLE = "{ ...A } fragment A on Query { ...B } fragment B on Query { viewer { subject } ...A }"
SCHEMA_BOMB = "{ __schema { ...F0 } }" + "".join(
    f" fragment F{n} on __Schema {{ ...F{n + 1} ...F{n + 1} }}" for n in range(20)
)
WITHIN = "{ items { nodes { __typename" + " }" * 3


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often documents were parsed and validated."""
    counts: Counter[str] = Counter()

    def counted(name: str) -> Callable[..., Any]:
        whole = getattr(documents, name)

        def counting(*args: Any, **more: Any) -> Any:
            counts[name] += 1
            return whole(*args, **more)

        return counting

    for name in ("parse", "validate"):
        monkeypatch.setattr(documents, name, counted(name))
    return counts


@pytest.mark.parametrize(
    "text, stages, words",
    [
        pytest.param("x" * 10**6, READ, "1000000 characters", id="a megabyte"),
        pytest.param("{" + "n" * 65_530 + "}", VALIDATED, "Cannot query field", id="a long name"),
        pytest.param(
            '{ item(sku: "' + "\\u0041" * 10_000 + '") { sku } }', VALIDATED, "", id="a long string"
        ),
        pytest.param("{ a" * 20_000, READ, "nested too deeply", id="depth"),
        pytest.param("{ items(filter: " + "[" * 5_000, READ, "nested too deeply", id="lists"),
        pytest.param(
            "{ items(filter: " + "[" * 20 + "]" * 20 + ") { totalCount } }", PARSED,
            "levels of lists and objects", id="lists within the text's own bounds",
        ),
        pytest.param("#" * 70_000, READ, "70000 characters", id="a comment"),
        pytest.param("{" + " __typename" * 5_000 + "}", READ, "2000 tokens", id="a field often"),
        pytest.param("{" + " __typename" * 1_500 + "}", PARSED, "root fields", id="less often"),
        pytest.param(
            WITHIN.replace("__typename", "__typename " * 1_500), VALIDATED, "", id="further down"
        ),
        pytest.param(
            WITHIN.replace("__typename", "a: sku " * 600), PARSED, "600 aliases", id="aliases"
        ),
        pytest.param("{ __typename" + " @skip(if: false)" * 50 + "}", PARSED,
                     "50 directives at one place", id="directives"),
        pytest.param("{ __typename" + " @a" * 950 + "}", PARSED, "950 directives", id="any"),
        pytest.param(CIRCLE, PARSED, "Cannot spread fragment 'A' within itself via 'B'.",
                     id="a circle"),
        pytest.param("{ ...A } fragment A on Query { ...A }", PARSED, "within itself.",
                     id="a small circle"),
        pytest.param(BOMB + " fragment F30 on Query { __typename }", PARSED, "1000000 fields",
                     id="a bomb"),
        pytest.param(SCHEMA_BOMB + " fragment F20 on __Schema { description }", PARSED,
                     "fields about the schema", id="a bomb of the schema"),
        pytest.param("{ __schema { types { fields { type { fields { type { fields { name"
                     + " }" * 8, VALIDATED, "Maximum introspection depth", id="schema in circles"),
        pytest.param("{ __schema { " + "types { fields { type { " * 6 + "name" + " } } }" * 6
                     + " } }", PARSED, "levels of fields about the schema", id="schema, deep"),
        pytest.param("{" + " ".join(f"s{n}: __schema {{ types {{ name }} }}" for n in range(250))
                     + "}", READ, "2000 tokens", id="the schema often"),
        pytest.param("{ items(first: " + "9" * 5_000 + ") { totalCount } }", VALIDATED,
                     "", id="5,000 digits"),
        pytest.param("{ items(first: -1) { totalCount } }", VALIDATED, None, id="less than none"),
        pytest.param("query Q(" + "$v: Int " * 150 + ") { __typename }", PARSED,
                     "150 variables", id="variables"),
    ],
)  # fmt: skip
def test_an_attack_gets_no_further_than_it_must(
    schema: GraphQLSchema,
    reached: Counter[str],
    text: str,
    stages: tuple[str, ...],
    words: str | None,
) -> None:
    found = Documents(schema, Bounds()).get(text)
    assert tuple(reached) == stages
    if words is not None and (words or found.errors):
        assert any(words in e.message for e in found.errors)
        assert len(found.errors) <= 11


def test_fields_are_compared_a_few_times_each(
    schema: GraphQLSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules: list[FieldsMerge] = []

    class Watched(FieldsMerge):
        def __init__(self, context: Any) -> None:
            super().__init__(context)
            rules.append(self)

    known = tuple(Watched if r is FieldsMerge else r for r in documents._RULES)
    monkeypatch.setattr(documents, "_RULES", known)
    found = Documents(schema, Bounds()).get(WITHIN.replace("__typename", "sku " * 1_900))
    assert found.errors == ()
    assert rules[0].steps <= 5 * 1_900


def test_what_was_refused_once_is_not_looked_at_again(
    schema: GraphQLSchema, reached: Counter[str]
) -> None:
    kept = Documents(schema, Bounds())
    for _ in range(5):
        assert kept.get(CIRCLE).errors
    assert reached == {"parse": 1}
