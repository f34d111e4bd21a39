"""Random operations over the whole schema are answered as graphql-core answers them.

A short run of always the same cases; `make differential` goes on with others.
"""

from collections import Counter
from collections.abc import Iterator

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    visit,
)

from tests.differential.cases import Tried, differs, disagreement, distributor, ran
from tests.differential.short_run import GROUP, LEAVINGS, cases

pytestmark = [GROUP, *LEAVINGS, pytest.mark.timeout(300)]  # all cases of the short run


def test_random_operations_are_answered_alike() -> None:
    tried = Tried()
    for given, right in cases():
        if differs(given, right, tried):
            raise AssertionError(disagreement(given, tried))


def test_all_operations_together_ask_the_systems_no_more_often() -> None:
    """One may: what hangs below a reference is asked for before it is known that it leads nowhere.

    Operations with errors do not count: graphql-core gives up parts of them.
    """
    tried = Tried()
    needed: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for given, right in cases():
        for a, b in zip(right, ran(tried.engine(given.setting), given), strict=True):
            if not a.errors:
                needed.update(a.calls)
                used.update(b.calls)
    assert used.total() <= needed.total()
    assert used.total() > 100


def test_nearly_every_field_of_the_published_schema_is_asked_for() -> None:
    schema = distributor(0).schema
    asked: set[str] = set()
    for given, _ in cases():
        if given.setting.schema is schema:
            asked |= _asked(schema, given.document)
    published = {f for root in (schema.query_type, schema.mutation_type) for f in _below(root)}
    assert len(published) > 150
    assert len(published - asked) <= len(published) * 0.05, sorted(published - asked)


def _asked(schema: GraphQLSchema, document: DocumentNode) -> set[str]:
    found: set[str] = set()
    known = TypeInfo(schema)

    class Fields(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent = known.get_parent_type()
            found.add(f"{parent.name if parent else ''}.{node.name.value}")

    visit(document, TypeInfoVisitor(known, Fields()))
    return found


def _below(root: GraphQLObjectType | None) -> Iterator[str]:
    seen: set[str] = set()
    waiting: list[object] = [root]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and kind.name not in seen:
            seen.add(kind.name)
            waiting += (get_named_type(f.type) for f in kind.fields.values())
            yield from (f"{kind.name}.{name}" for name in kind.fields)
