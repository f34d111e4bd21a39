"""One case: a world, who asks, and a valid operation about it; drawn from any source of chance."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random
from typing import Any, Final

from graphql import (
    DocumentNode,
    GraphQLObjectType,
    GraphQLSchema,
    is_non_null_type,
    parse,
    validate,
)
from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import override

from execution.engine import Engine
from execution.operation import NO_MASK, Mask
from tests.differential.chance import chance
from tests.differential.comparison import difference
from tests.differential.operations import Asking, drafted
from tests.differential.running import Ran, Unspreading, run
from tests.differential.settings import Distributor, Menagerie, Setting
from tests.differential.shrinking import shrunk
from tests.differential.world import world

WORLDS: Final = 16
_MASKED: Final = 0.15


class Case(Struct, frozen=True):
    """What is asked, of what, by whom.

    Attributes:
        setting: Where.
        who: Who asks.
        asking: What is asked.
        document: The same, parsed.
        mask: Fields that are hidden from who asks.
    """

    setting: Setting
    who: str
    asking: Asking
    document: DocumentNode
    mask: Mask = NO_MASK

    @override
    def __repr__(self) -> str:
        told = "\n".join(json.dumps(dict(v), ensure_ascii=False) for v in self.asking.variables)
        name = self.asking.operation_name
        told += "\nat once" if self.asking.together else ""
        hidden = ", ".join(sorted(f"{t}.{f}" for t, f in self.mask))
        told += f"\nwithout {hidden}" if hidden else ""
        return f"{self.setting!r}, {self.who}, operation {name}:\n{self.asking.text}\n{told}"


def case(seed: int) -> Case | None:
    """The case of a seed; None where the operation turned out to be invalid, which is rare."""
    rnd = Random(seed)
    if seed % 4 == 3:
        setting: Setting = Menagerie(rnd.randrange(1_000))
        known: Mapping[str, Sequence[str]] = {}
    else:
        number = rnd.randrange(WORLDS)
        setting, known = distributor(number), cursors(number)
    who = rnd.choice(setting.callers)
    asking = drafted(setting.schema, rnd, setting.pools, known)
    document = parse(asking.text)
    if validate(setting.schema, document):
        return None
    return Case(setting, who, asking, document, _mask(setting.schema, rnd))


def _mask(schema: GraphQLSchema, rnd: Random) -> Mask:
    """Now and then some fields that may be null, as if they were hidden from who asks."""
    if not chance(rnd, _MASKED):
        return NO_MASK
    return frozenset(
        (named.name, name)
        for named in schema.type_map.values()
        if isinstance(named, GraphQLObjectType) and named is not schema.subscription_type
        for name, field in named.fields.items()
        if not is_non_null_type(field.type) and chance(rnd, 0.5)
    )


class Tried:
    """The engines that are put to the test, one for each schema."""

    def __init__(self) -> None:
        self._known: dict[int, Engine] = {}

    def engine(self, setting: Setting) -> Engine:
        """The engine for a setting's schema."""
        schema = setting.schema
        if id(schema) not in self._known:
            self._known[id(schema)] = Engine(schema, writers=setting.writers)
        return self._known[id(schema)]


def expected(given: Case) -> list[Ran]:
    """What graphql-core makes of a case, each time that it is sent."""
    answers = ran(_walking(given.setting), given)
    if not any(a.errors for a in answers):
        return answers
    every = ran(Unspreading(given.setting.schema, planned=False), given)
    return [replace(a, possible=frozenset(e.errors)) for a, e in zip(answers, every, strict=True)]


def ran(engine: Engine, given: Case) -> list[Ran]:
    """What an engine makes of a case, each time that it is sent."""
    return run(engine, given.setting, given.asking, given.document, given.who, given.mask)


def differs(given: Case, right: Sequence[Ran], tried: Tried, *, sparing: bool = False) -> str:
    """How what an engine makes of a case differs from what is right; empty if it does not.

    Args:
        given: The case.
        right: What graphql-core made of it.
        tried: The other engines.
        sparing: Whether they must do with as few requests as graphql-core.
    """
    pairs = zip(right, ran(tried.engine(given.setting), given), strict=True)
    return next((d for a, b in pairs if (d := difference(a, b, sparing=sparing))), "")


def disagreement(given: Case, tried: Tried, *, sparing: bool = False) -> str:
    """How an engine differs from graphql-core in a case, made small; empty if it does not."""
    first = differs(given, expected(given), tried, sparing=sparing)
    if not first:
        return ""

    def smaller(asking: Asking) -> Case:
        return replace(given, asking=asking, document=parse(asking.text))

    def fails(asking: Asking) -> bool:
        one = smaller(asking)
        return bool(differs(one, expected(one), tried, sparing=sparing))

    least = smaller(shrunk(given.setting.schema, given.asking, fails))
    right = expected(least)
    told = differs(least, right, tried, sparing=sparing) or f"not every time: {first}"
    answers = zip(right, ran(tried.engine(least.setting), least), strict=True)
    shown = "\n\n".join(f"expected: {_shown(a)}\nfound: {_shown(b)}" for a, b in answers)
    return f"{told}\n\n{least!r}\n\n{shown}"


def _walking(setting: Setting) -> Engine:
    return Engine(setting.schema, planned=False)


@cache
def distributor(seed: int) -> Distributor:
    """The world of a seed."""
    return Distributor(world(seed))


_PAGED: Final[Mapping[str, Sequence[str]]] = {
    "items": ("", 'filter: {sku: {startsWith: "I"}}', "orderBy: {field: NAME, direction: DESC}"),
    "suppliers": ("", "orderBy: [{field: NAME}, {field: CODE}]"),
    "locations": ("",),
    "inventory": ("", "filter: {onHand: {gte: 0}}"),
    "purchaseOrders": ("", "orderBy: {field: NUMBER}", "filter: {status: [SENT, CLOSED, DRAFT]}"),
    "receipts": ("",),
    "forecasts": ("",),
    "recommendations": ("",),
}
_TIMELINES: Final = [
    '(item: "I")',
    '(purchaseOrder: "PO11", first: 2)',
    '(correlationId: "c1")',
    '(item: "I", system: "erp")',
    '(purchaseOrder: "PO11", first: 3)',
]
_BELOW: Final[Mapping[str, str]] = {
    "Supplier.purchaseOrders": 'supplier(code: "S1")',
    "Supplier.items": 'supplier(code: "S1")',
    "Location.inventory": 'location(code: "L0")',
}


@cache
def cursors(seed: int) -> Mapping[str, Sequence[str]]:
    """Arguments with cursors that a world's lists gave out, by list."""
    found: dict[str, list[str]] = {"Query.timeline": _TIMELINES}
    for name, questions in _PAGED.items():
        for given in questions:
            page = _page(seed, f"page: {name}(first: 3, {given})", "{{ {} }}")
            found.setdefault(f"Query.{name}", []).extend(
                f"(first: 2, after: {json.dumps(c)}, {given})" for c in page
            )
    for coordinate, parent in _BELOW.items():
        name = coordinate.split(".")[1]
        page = _page(seed, f"page: {name}(first: 2)", f"{{{{ {parent} {{{{ {{}} }}}} }}}}")
        found[coordinate] = [f"(after: {json.dumps(c)})" for c in page]
    return found


def _page(seed: int, field: str, frame: str) -> list[str]:
    text = frame.format(f"{field} {{ edges {{ cursor }} }}")
    given = Case(distributor(seed), "planner", Asking(text, None), parse(text))
    data: Any = ran(_walking(given.setting), given)[0].data
    while data is not None and "page" not in data:
        [data] = data.values()
    edges = (data or {}).get("page") or {"edges": ()}
    return [e["cursor"] for e in edges["edges"]]


def _shown(answer: Ran) -> str:
    return "\n  ".join(
        (
            answer.fault or json.dumps(answer.data, ensure_ascii=False),
            f"errors: {[(e.steps, e.code, e.message) for e in answer.errors]}",
            f"problems: {[(p.steps, p.code, p.message) for p in answer.problems]}",
            f"calls: {dict(answer.calls)}",
        )
    )
