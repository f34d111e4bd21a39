"""Documents are parsed, validated and measured once."""

import pytest
from graphql import GraphQLError, OperationDefinitionNode

from app.demand.bounds import Bounds
from app.server.documents import Documents
from app.server.schema_questions import is_introspection
from tests.fakes.desk import SCHEMA

GOOD = "{ items { nodes { sku } } }"
DEEP = """{ items { nodes { preferredSupplier { items { nodes {
  sources { price { amount } } } } } } } }"""
SPREAD = """{ ...F } fragment F on Query { a: __typename b: __typename ...G }
  fragment G on Query { c: __typename d: __typename }"""


@pytest.fixture
def documents() -> Documents:
    return Documents(SCHEMA._schema, Bounds(depth=6, root_fields=3, fields=20, schema_fields=5))


def chosen(documents: Documents, text: str, name: str | None = None) -> OperationDefinitionNode:
    return documents.get(text).operation(name)


def test_a_text_is_looked_at_once(documents: Documents) -> None:
    assert documents.get(GOOD) is documents.get(GOOD)


def test_what_was_not_used_for_long_is_forgotten(
    documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.server.documents._KEPT", 2)
    first, second = documents.get(GOOD), documents.get("{ __typename }")
    assert documents.get(GOOD) is first
    documents.get("{ a: __typename }")
    assert documents.get(GOOD) is first
    assert documents.get("{ __typename }") is not second


def test_what_is_kept_is_bounded_by_its_length(
    documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.server.documents._KEPT_CHARACTERS", 100)
    for n in range(20):
        documents.get(f"{{ a{n}: __typename }}")
    assert sum(map(len, documents._kept)) <= 100
    documents.get("{ __typename }" + " " * 200)
    assert documents._characters == 0


@pytest.mark.parametrize(
    "text, words",
    [
        ("{ a { b", "Syntax Error"),
        ("{ nonsense }", "Cannot query field 'nonsense'"),
        ("{ items { nodes { preferredSupplier { items { nodes { sku } } } } } }", None),
        (DEEP, "8 levels of fields; at most 6"),
        ("{ a: __typename b: __typename c: __typename d: __typename }", "4 root fields; at most 3"),
        (SPREAD, "4 root fields"),
        ("{ items { nodes { " + " ".join(f"a{i}: sku" for i in range(19)) + " } } }",
         "21 fields in all; at most 20"),
        ("{ __schema { types { name kind fields { name } } } }", "6 fields about the schema"),
        ("{ __schema { types { name } } }", None),
    ],
)  # fmt: skip
def test_why_a_document_may_not_be_run(documents: Documents, text: str, words: str | None) -> None:
    errors = documents.get(text).errors
    if words is None:
        assert errors == ()
    else:
        assert any(words in e.message for e in errors)


def test_fragments_that_multiply_are_counted_without_being_written_out() -> None:
    documents = Documents(SCHEMA._schema, Bounds(depth=1_000))
    text = "{ items { nodes { ...F0 ...G0 } } }" + "".join(
        f" fragment F{n} on Item {{ a{n}: sku ...F{n + 1} b{n}: name ...G{n + 1} }}"
        f" fragment G{n} on Item {{ ...F{n + 1} ...G{n + 1} }}"
        for n in range(30)
    )
    text += " fragment F30 on Item { unit } fragment G30 on Item { status }"
    messages = [e.message for e in documents.get(text).errors]
    assert "the operation has 1000000 fields in all; at most 5000 are answered" in messages


def test_the_operation_is_the_only_one_or_the_one_named(documents: Documents) -> None:
    two = "query A { __typename } query B { __typename }"
    named = chosen(documents, two, "B").name
    assert named is not None
    assert named.value == "B"
    assert chosen(documents, GOOD).name is None
    for name in (None, "C"):
        with pytest.raises(GraphQLError, match="operationName"):
            chosen(documents, two, name)


@pytest.mark.parametrize(
    "text, alone",
    [
        ("{ __typename }", True),
        ("{ __schema { types { name } } s: __typename }", True),
        ("{ _service { sdl } __typename }", True),
        ("{ _service { sdl } items { nodes { sku } } }", False),
        ("{ _entities(representations: []) { __typename } }", False),
        ("{ __typename items { nodes { sku } } }", False),
        ("{ ... { __typename } }", False),
        ("mutation { __typename }", False),
    ],
)
def test_what_is_about_the_schema_alone(documents: Documents, text: str, alone: bool) -> None:
    assert is_introspection(chosen(documents, text)) is alone


def test_an_sdl_counts_as_much_as_all_that_introspection_tells() -> None:
    documents = Documents(SCHEMA._schema, Bounds(depth=15))
    assert documents.get("{ _service { sdl } }").errors == ()
    [refused] = documents.get("{ _service { a: sdl b: sdl c: sdl } }").errors
    assert (
        refused.message == "the operation has 600 fields about the schema; at most 500 are answered"
    )
