"""GraphQL's chapter on execution, example by example, on both engines: answers worked out by hand.

Section numbers are those of the specification of September 2025.
"""

from collections.abc import Mapping
from typing import Any, Final

import pytest
from graphql import parse, validate
from msgspec import Struct

from execution.engine import Engine
from execution.operation import Operation
from tests.differential.operations import Asking
from tests.differential.running import run
from tests.differential.settings import Opened
from tests.differential.short_run import LEAVINGS
from tests.differential.zoo import GONE, SCHEMA, Cat, Dog, Person, Zoo

pytestmark = [*LEAVINGS]

ANN = Person(1, "Ann", 30, "calm-1", ("a", "b"), ((1, None), None), (1, 2), 1, (2, 3))
BOB = Person(2, "Bob", None, "wild-2", None, (), (2,), 2, (1,))
CEM = Person(3, None, 2**40, "calm-1", (), (), (1, GONE), GONE, (GONE, 1))
REX = Dog(1, "Rex", True, (("ball", None), ()), 1)
TOM = Cat(2, 'To"m\n\u2028', 9, 2)
ADA = Cat(3, "Ada", None, None)


class Given(Struct, frozen=True):
    """Ann, Bob and Cem with their pets."""

    def opened(self, operation: Operation, who: str) -> Opened:
        known = {a.key: a for a in (ANN, BOB, CEM)}
        zoo = Zoo(known, {a.key: a for a in (REX, TOM, ADA)}, operation)
        return Opened(zoo, dict)


class Example(Struct, frozen=True):
    """An operation and its answer.

    Attributes:
        text: The operation.
        data: What comes of it.
        errors: Paths of its errors.
        variables: Values of its variables.
        name: Which operation, of several.
        begun: Whether it is run at all.
    """

    text: str
    data: Any
    errors: tuple[tuple[str | int, ...], ...] = ()
    variables: Mapping[str, Any] = {}
    name: str | None = None
    begun: bool = True


EXAMPLES: Final[Mapping[str, Example]] = {
    "6.1 the only operation needs no name": Example(
        "query Q { person(key: 1) { name } }", {"person": {"name": "Ann"}}
    ),
    "6.1 one of several operations by its name": Example(
        "query A { a: __typename } query B { b: __typename }", {"b": "Query"}, name="B"
    ),
    "6.1.2 a variable takes its value": Example(
        "query ($k: Int!) { person(key: $k) { name } }",
        {"person": {"name": "Bob"}},
        variables={"k": 2},
    ),
    "6.1.2 a variable that is not given takes its default": Example(
        "query ($k: Int! = 2) { person(key: $k) { name } }", {"person": {"name": "Bob"}}
    ),
    "6.1.2 a variable that must be given is not: nothing is run": Example(
        "query ($k: Int!) { person(key: $k) { name } }", None, ((),), begun=False
    ),
    "6.1.2 a variable of the wrong kind: nothing is run": Example(
        "query ($k: Int!) { person(key: $k) { name } }",
        None,
        ((),),
        variables={"k": "2"},
        begun=False,
    ),
    "6.1.2 null for a variable with a default is null": Example(
        'query ($t: String = "x") { echo(text: $t) }',
        {"echo": "[('count', 3), ('mood', <Mood.WILD: 'wild-2'>)]"},
        variables={"t": None},
    ),
    "6.2.2 changes are made one after another": Example(
        "mutation { a: stride(by: 1) b: step c: stride(by: 10) }", {"a": 1, "b": 2, "c": 12}
    ),
    "6.2.2 what follows a change that failed is made": Example(
        "mutation { a: stride(by: 5) b: step(by: 0) c: step }",
        {"a": 5, "b": None, "c": 6},
        (("b",),),
    ),
    "6.2.2 a change that may not fail and does takes all with it": Example(
        "mutation { a: step b: stride(by: 0) }", None, (("b",),)
    ),
    "6.3.2 keys come in the order of the text": Example(
        "{ person(key: 1) { key age name } }", {"person": {"key": 1, "age": 30, "name": "Ann"}}
    ),
    "6.3.2 a key keeps its first place when it comes again": Example(
        "{ person(key: 1) { key name key } }", {"person": {"key": 1, "name": "Ann"}}
    ),
    "6.3.2 aliases are keys, also when they are names of other fields": Example(
        "{ person(key: 1) { name: key key: name } }", {"person": {"name": 1, "key": "Ann"}}
    ),
    "6.3.2 one field under several aliases, each with its arguments": Example(
        "{ a: echo(text: null, mood: null) b: echo(mood: CALM, count: 1) }",
        {
            "a": "[('count', 3)]",
            "b": "[('count', 1), ('mood', <Mood.CALM: 'calm-1'>), ('text', 'none')]",
        },
    ),
    "6.3.2 skip wins over include": Example(
        "{ person(key: 1) { name @skip(if: true) @include(if: true) key @skip(if: false) } }",
        {"person": {"key": 1}},
    ),
    "6.3.2 conditions that are variables": Example(
        "query ($x: Boolean!) { person(key: 1) { name @skip(if: $x) key @include(if: $x) } }",
        {"person": {"key": 1}},
        variables={"x": True},
    ),
    "6.3.2 all may be left out": Example(
        "{ person(key: 1) { name @include(if: false) } }", {"person": {}}
    ),
    "6.3.2 conditions on fragments": Example(
        """{ person(key: 1) { ...A @skip(if: true) ...B @include(if: true)
             ... @include(if: false) { mood } } }
           fragment A on Person { age } fragment B on Person { key }""",
        {"person": {"key": 1}},
    ),
    "6.3.2 null as a condition is an error of the field around it": Example(
        "query ($x: Boolean = true) { person(key: 1) { key @skip(if: $x) } }",
        {"person": None},
        (("person",),),
        variables={"x": None},
    ),
    "6.3.2 a fragment that is spread twice counts once": Example(
        "{ person(key: 1) { ...A name ...A } } fragment A on Person { key }",
        {"person": {"key": 1, "name": "Ann"}},
    ),
    "6.3.2 fragments without a type, in one another": Example(
        "{ person(key: 1) { ... { ... { key } name } } }", {"person": {"key": 1, "name": "Ann"}}
    ),
    "6.3.2 selections of one key are merged": Example(
        """{ person(key: 1) { best { ... on Dog { name } } ...A } }
           fragment A on Person { best { ... on Dog { barks owner { key } } } }""",
        {"person": {"best": {"name": "Rex", "barks": True, "owner": {"key": 1}}}},
    ),
    "6.3.2 each object has the fields of its type": Example(
        "{ person(key: 1) { pets { __typename ... on Dog { barks } ... on Cat { lives } } } }",
        {
            "person": {
                "pets": [{"__typename": "Dog", "barks": True}, {"__typename": "Cat", "lives": 9}]
            }
        },
    ),
    "6.3.2 an interface as condition within a union": Example(
        "{ person(key: 1) { pets { ... on Named { name } } } }",
        {"person": {"pets": [{"name": "Rex"}, {"name": 'To"m\n\u2028'}]}},
    ),
    "6.3.2 one key for fields of different types": Example(
        "{ person(key: 1) { pets { ... on Dog { x: name } ... on Cat { x: name } } } }",
        {"person": {"pets": [{"x": "Rex"}, {"x": 'To"m\n\u2028'}]}},
    ),
    "6.4.1 a single value where a list is wanted": Example(
        "{ somebody(keys: 1) { key } }", {"somebody": [{"key": 1}]}
    ),
    "6.4.1 lists in lists, of one value each time": Example(
        "{ echo(rows: 1, text: null, mood: null) }", {"echo": "[('count', 3), ('rows', [[1]])]"}
    ),
    "6.4.1 variables within literals": Example(
        """query ($n: Int, $m: Mood) {
             echo(rows: [[$n, null], []], place: {must: "x", row: 2, moods: [$m]}, text: null) }""",
        {
            "echo": "[('count', 3), ('mood', <Mood.WILD: 'wild-2'>), "
            "('place', Place(row=2, name='middle', moods=[<Mood.CALM: 'calm-1'>], inner=None, "
            "must='x')), ('rows', [[None, None], []])]"
        },
        variables={"m": "CALM"},
    ),
    "6.4.1 an argument whose variable is not given takes its default": Example(
        "query ($n: Int) { echo(count: $n, text: null, mood: null) }", {"echo": "[('count', 3)]"}
    ),
    "6.4.1 null for an argument that may not be null is its error": Example(
        "query ($n: Int) { echo(count: $n) person(key: 1) { key } }",
        {"echo": None, "person": {"key": 1}},
        (("echo",),),
        variables={"n": None},
    ),
    "6.4.1 defaults within inputs": Example(
        "query ($p: Place) { echo(place: $p, text: null, mood: null, id: 5, ratio: 2) }",
        {
            "echo": "[('count', 3), ('id', '5'), ('place', Place(row=1, name='middle', "
            "moods=None, inner=None, must='y')), ('ratio', 2.0)]"
        },
        variables={"p": {"must": "y"}},
    ),
    "6.4.3 a name for an enum's value": Example(
        "{ somebody(keys: [1, 2]) { mood } }", {"somebody": [{"mood": "CALM"}, {"mood": "WILD"}]}
    ),
    "6.4.3 lists in lists, with nulls": Example(
        "{ person(key: 1) { grid best { ... on Dog { toys } } } }",
        {"person": {"grid": [[1, None], None], "best": {"toys": [["ball", None], []]}}},
    ),
    "6.4.3 a list that is null is no empty list": Example(
        "{ somebody(keys: [1, 2, 3]) { nicknames } }",
        {"somebody": [{"nicknames": ["a", "b"]}, {"nicknames": None}, {"nicknames": []}]},
    ),
    "6.4.3 whatever is in a text is told": Example(
        "{ person(key: 2) { best { ... on Cat { name } } } }",
        {"person": {"best": {"name": 'To"m\n\u2028'}}},
    ),
    "6.4.3 what the type cannot say is an error": Example(
        "{ somebody(keys: [3, 1]) { key age } }",
        {"somebody": [{"key": 3, "age": None}, {"key": 1, "age": 30}]},
        (("somebody", 0, "age"),),
    ),
    "6.4.4 an error costs its field": Example(
        "{ somebody(keys: [1, 2]) { key whisper broken } }",
        {
            "somebody": [
                {"key": 1, "whisper": "(Ann)", "broken": None},
                {"key": 2, "whisper": None, "broken": None},
            ]
        },
        (("somebody", 0, "broken"), ("somebody", 1, "broken"), ("somebody", 1, "whisper")),
    ),
    "6.4.4 a null that is not allowed costs the object": Example(
        "{ somebody(keys: [1, 3]) { key name } }",
        {"somebody": [{"key": 1, "name": "Ann"}, None]},
        (("somebody", 1, "name"),),
    ),
    "6.4.4 an element that may not be null costs the list": Example(
        "{ person(key: 3) { key pets { __typename } somePets { __typename } } }",
        {"person": {"key": 3, "pets": None, "somePets": [{"__typename": "Dog"}, None]}},
        (("person", "pets", 1), ("person", "somePets", 1)),
    ),
    "6.4.4 a null goes up to where it is allowed": Example(
        "{ person(key: 1) { key friends { friends { name } } } }",
        {
            "person": {
                "key": 1,
                "friends": [{"friends": [{"name": "Ann"}]}, {"friends": [None, {"name": "Ann"}]}],
            }
        },
        (("person", "friends", 1, "friends", 0),),
    ),
    "6.4.4 a null that is allowed nowhere is the whole answer": Example(
        "{ person(key: 1) { key } everybody { name } }", None, (("everybody", 2, "name"),)
    ),
    "6.4.4 a shared child's error is told for every parent": Example(
        "{ somebody(keys: [1, 2, 1]) { pets { ... on Cat { owner { whisper } } } } }",
        {
            "somebody": [
                {"pets": [{}, {"owner": {"whisper": None}}]},
                {"pets": [{"owner": {"whisper": None}}]},
                {"pets": [{}, {"owner": {"whisper": None}}]},
            ]
        },
        (
            ("somebody", 0, "pets", 1, "owner", "whisper"),
            ("somebody", 1, "pets", 0, "owner", "whisper"),
            ("somebody", 2, "pets", 1, "owner", "whisper"),
        ),
    ),
    "4.4 the name of the type, anywhere, under any key": Example(
        "{ t: __typename person(key: 1) { name: __typename best { __typename } } }",
        {"t": "Query", "person": {"name": "Person", "best": {"__typename": "Dog"}}},
    ),
    "4.2 the schema beside the data": Example(
        '{ person(key: 1) { key } __type(name: "Pet") { possibleTypes { name } } }',
        {"person": {"key": 1}, "__type": {"possibleTypes": [{"name": "Dog"}, {"name": "Cat"}]}},
    ),
}


@pytest.mark.parametrize("planned", [False, True], ids=["walked", "planned"])
@pytest.mark.parametrize("example", EXAMPLES.values(), ids=list(EXAMPLES))
def test_the_answer_is_as_specified(example: Example, planned: bool) -> None:
    document = parse(example.text)
    assert not validate(SCHEMA, document)
    asking = Asking(example.text, example.name, [example.variables])
    [given] = run(Engine(SCHEMA, planned=planned), Given(), asking, document, "anybody")
    assert not given.fault
    assert (given.begun, _in_order(given.data)) == (example.begun, _in_order(example.data))
    assert {e.steps for e in given.errors} == set(example.errors)


def _in_order(value: Any) -> Any:
    """An answer that is equal to another only if its keys are in the same order too."""
    if isinstance(value, dict):
        return [(k, _in_order(v)) for k, v in value.items()]
    return [_in_order(v) for v in value] if isinstance(value, list) else value
