"""Cases of subscriptions: what is heard, by whom, and what is made of every event of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from random import Random
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    Node,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    create_source_event_stream,
    execute_subscription_event,
    map_source_to_response_event,
    parse,
    validate,
    visit,
)
from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import override

from execution.engine import Engine, Opened, Outcome
from execution.fields import Link, answer_of
from execution.operation import Operation
from tests.differential.cases import WORLDS, distributor
from tests.differential.comparison import difference
from tests.differential.operations import Asking, drafted_subscription
from tests.differential.running import Ran, came_of, decoded, unspreading
from tests.differential.settings import PATIENCE_S, Distributor, Menagerie, Setting
from tests.differential.world import FAILING


class Hearing(Struct, frozen=True):
    """Who hears what, where.

    Attributes:
        setting: Where.
        who: Who listens.
        asking: The subscription.
        document: The same, parsed.
        field: The field of it.
        together: Whether all events are answered at once. Not where what is read depends on how
            much else is read with it: pages below lists, and records of which some cannot be read.
    """

    setting: Setting
    who: str
    asking: Asking
    document: DocumentNode
    field: str
    together: bool

    @override
    def __repr__(self) -> str:
        told = json.dumps(list(map(dict, self.asking.variables)), ensure_ascii=False)
        return f"{self.setting!r}, {self.who}:\n{self.asking.text}\n{told}"


def hearing(seed: int) -> Hearing | None:
    """The case of a seed; None where the subscription turned out to be invalid."""
    rnd = Random(seed)
    setting: Setting = (
        Menagerie(rnd.randrange(1_000)) if seed % 2 else distributor(rnd.randrange(WORLDS))
    )
    asking = drafted_subscription(setting.schema, rnd, setting.pools)
    document = parse(asking.text)
    if validate(setting.schema, document):
        return None
    engine = Engine(setting.schema)
    for variables in asking.variables:
        opened = engine.open(asking.text, document, None, variables)
        if isinstance(opened, Opened):
            who = rnd.choice(setting.callers)
            together = _is_separate(setting, document)
            return Hearing(setting, who, asking, document, opened.field, together)
    return None


def _is_separate(setting: Setting, document: DocumentNode) -> bool:
    if isinstance(setting, Distributor) and setting.world.seed % 8 in FAILING:
        return False
    found: list[bool] = []
    known = TypeInfo(setting.schema)

    class Links(Visitor):
        def enter_field(self, _: Node, *__: Any) -> None:
            definition = known.get_field_def()
            answer = None if definition is None else answer_of(definition, getattr)
            found.append(not isinstance(answer, Link) or answer.separate)

    visit(document, TypeInfoVisitor(known, Links()))
    return all(found)


def expected(given: Hearing) -> list[Ran]:
    """What graphql-core makes of every event, each time that the subscription is sent."""
    answers = asyncio.run(_by_core(given, given.document))
    if not any(a.errors for a in answers):
        return answers
    every = asyncio.run(_by_core(given, unspreading(given.document)))
    return [replace(a, possible=frozenset(e.errors)) for a, e in zip(answers, every, strict=True)]


def found(given: Hearing) -> list[Ran]:
    """What the engine makes of every event, all of them at once or each alone."""
    return asyncio.run(_by_engine(given))


def disagreement(given: Hearing, right: Sequence[Ran]) -> str:
    """How the engine differs from graphql-core; empty if it does not."""
    pairs = list(zip(right, found(given), strict=True))
    told = (f"event {n}: {difference(a, b)}" for n, (a, b) in enumerate(pairs) if difference(a, b))
    first = next(told, "")
    return f"{first}\n{given!r}" if first else ""


async def _by_core(given: Hearing, document: DocumentNode) -> list[Ran]:
    return [r for v in given.asking.variables for r in await _mapped(given, document, v)]


async def _mapped(
    given: Hearing, document: DocumentNode, variables: Mapping[str, Any]
) -> list[Ran]:
    async def source(*_: Any, **__: Any) -> AsyncIterator[Any]:
        for value in given.setting.heard(given.field):
            yield value

    executor = Executor.build(
        given.setting.schema,
        document,
        raw_variable_values=dict(variables),
        subscribe_field_resolver=source,
    )
    if not isinstance(executor, Executor):
        return [came_of(None, Outcome(None, executor), {})]
    stream: Any = create_source_event_stream(executor)
    if isinstance(stream, ExecutionResult):
        return [came_of(None, Outcome(None, stream.errors or ()), {})]
    operations: list[Operation] = []

    def each(executor: Executor[Any]) -> Any:
        operations.append(Operation())
        executor.context_value = given.setting.opened(operations[-1], given.who).context
        return execute_subscription_event(executor)

    answers: list[Ran] = []
    async for result in map_source_to_response_event(executor, stream, each):
        outcome = Outcome(b"", result.errors or (), operations[-1].problems)
        answers.append(came_of(result.data, outcome, {}))
        operations[-1].scheduler.end()
    return answers


async def _by_engine(given: Hearing) -> list[Ran]:
    engine = Engine(given.setting.schema, writers=given.setting.writers)
    sent = [_answered(engine, given, variables) for variables in given.asking.variables]
    return [ran for answers in sent for ran in await answers]


async def _answered(engine: Engine, given: Hearing, variables: Mapping[str, Any]) -> list[Ran]:
    begun = engine.open(given.asking.text, given.document, None, variables)
    if isinstance(begun, Outcome):
        return [came_of(None, begun, {})]
    values = given.setting.heard(begun.field)
    answers: list[Ran] = []
    for batch in [values] if given.together else [[v] for v in values]:
        operation = Operation()
        opened = given.setting.opened(operation, given.who)
        async with asyncio.timeout(PATIENCE_S):
            outcomes = await engine.events(begun, batch, opened.context)
        operation.scheduler.end()
        answers += [came_of(decoded(o.data or b""), o, {}) for o in outcomes]
    return answers
