"""The engine: one operation in, the bytes of its `data` and its errors out.

    text -> plan (kept) -> run downwards, each field once for all parents -> written upwards

A subscription is opened once: the caller learns what is to be heard. Each event is then answered
by the same plan, with the event as the root's value; several at once are run level by level for all
of them.

What cannot be planned is walked by graphql-core, with the same answer; it is counted, by reason.
"""

import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    MiddlewareManager,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    execute,
    get_variable_values,
    visit,
)
from graphql.error import located_error
from graphql.execution.values import VariableValues
from msgspec import Struct

from canonical.errors import SupplygraphError
from execution.aside import aside
from execution.fields import DEFINITION
from execution.leaves import ColumnWriter
from execution.links import foreseen
from execution.operation import NO_MASK, Mask, OperationContext, Path
from execution.plans import NotPlannedError, Plan, Planner
from execution.reporting import Reports
from execution.running import Run
from execution.timings import Timing, timings_of
from execution.writing import Writer

_KEPT: Final = 1_000
_MAX_ERRORS: Final = 50
_encode: Final = msgspec.json.Encoder().encode
_CONDITIONS: Final = frozenset({"skip", "include"})


class Outcome(Struct, frozen=True):
    """What came of an operation, or of one event of a subscription.

    Attributes:
        data: JSON of the response's `data`; None if the operation was not begun, because its
            variables are wrong.
        errors: What is wrong, with paths.
        problems: What is merely incomplete, with paths.
        timings: How long each field took, where the operation has a timer and was planned.
        objects: How many distinct objects there are in it, by type; None where that is not known,
            because it was walked, or made together with others.
        payloads: The objects of a mutation's root fields, where it was planned.
    """

    data: bytes | None
    errors: Sequence[GraphQLError]
    problems: Sequence[tuple[SupplygraphError, Path]] = ()
    timings: Timing | None = None
    objects: Mapping[str, int] | None = None
    payloads: Sequence[Any] = ()


class Opened(Struct, frozen=True):
    """A subscription that can be answered event by event.

    Attributes:
        field: Name of its field in the schema: what is heard.
        key: Name of the field in its answers.
        arguments: The field's arguments, as batch resolvers take them; not to be changed.
    """

    field: str
    key: str
    arguments: Mapping[str, Any]
    _asked: "_Asked"


class PlanOutcome(StrEnum):
    """What became of the plan of an operation."""

    MADE = "made"
    FOUND = "found"
    WALKED = "walked"


class _Asked(Struct, frozen=True):
    """An operation with its variables, and the plan for them."""

    document: DocumentNode
    operation_name: str | None
    variables: Mapping[str, Any]
    coerced: VariableValues
    plan: Plan | NotPlannedError
    mask: Mask


class _Prepared(Struct):
    """An operation of a document, with its plans by the values of skip and include, and mask."""

    operation: OperationDefinitionNode
    conditions: tuple[str, ...]
    plans: dict[tuple[tuple[bool, ...], Mask], Plan | NotPlannedError] = msgspec.field(
        default_factory=dict
    )


class Engine:
    """Runs operations of one schema. Documents must be valid.

    Args:
        schema: The schema, made by strawberry.
        writers: How columns of custom scalars are written, by the scalar's name; those that are not
            named are written value by value.
        planned: Whether operations are planned; graphql-core walks them all if not.
        on_plan: Told of each operation that is run whether its plan was made or found, or why
            graphql-core walks it.
        suggestions: Whether errors about variables suggest what may have been meant.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        writers: Mapping[str, ColumnWriter] | None = None,
        planned: bool = True,
        on_plan: Callable[[PlanOutcome, str | None], None] = lambda *_: None,
        suggestions: bool = True,
    ) -> None:
        self._schema = schema
        self._suggestions = suggestions
        self._writers = writers or {}
        self._planned = planned
        self._on_plan = on_plan
        self._read = schema.extensions[DEFINITION].config.default_resolver
        self._kept: OrderedDict[tuple[str, str | None], _Prepared] = OrderedDict()

    async def run(
        self,
        text: str,
        document: DocumentNode,
        operation_name: str | None,
        variables: Mapping[str, Any],
        context: OperationContext,
        *,
        mask: Mask = NO_MASK,
    ) -> Outcome:
        """Run one operation of a document.

        Args:
            text: The document's text, by which its plans are kept.
            document: The document, valid.
            operation_name: Which operation, where it has several.
            variables: Values of its variables as the client sent them.
            context: What resolvers get.
            mask: Fields that are null, unread; each must be one that may be null.
        """
        context.operation.mask = mask
        if not self._planned:
            return await self._walked(document, operation_name, variables, None, context)
        asked = self._asked(text, document, operation_name, variables, mask)
        if isinstance(asked, Outcome):
            return asked
        if isinstance(asked.plan, NotPlannedError):
            return await self._walked(document, operation_name, variables, None, context)
        [outcome] = await _ran(asked.plan, asked.coerced, context, [None])
        context.operation.problems += outcome.problems
        return outcome

    def open(
        self,
        text: str,
        document: DocumentNode,
        operation_name: str | None,
        variables: Mapping[str, Any],
        mask: Mask = NO_MASK,
    ) -> Opened | Outcome:
        """Find out what a subscription wants to hear; arguments as of `run`.

        Returns:
            The subscription; or why it cannot be begun, without data.
        """
        asked = self._asked(text, document, operation_name, variables, mask)
        if isinstance(asked, Outcome):
            return asked
        if isinstance(asked.plan, Plan):
            [field] = asked.plan.root.fields
        else:
            planner = self._planner(document, asked.coerced, mask)
            field = planner.heard(_chosen(document, operation_name))
        try:
            taken = {} if field.arguments is None else field.arguments.values(asked.coerced)
        except Exception as exc:  # noqa: BLE001  # an input's own mistake is a fault of its field
            return Outcome(None, [located_error(foreseen(exc), field.nodes, [field.key])])
        return Opened(field.nodes[0].name.value, field.key, taken, asked)

    async def events(
        self, opened: Opened, values: Sequence[Any], context: OperationContext
    ) -> list[Outcome]:
        """Answer several events of a subscription, each for itself.

        Links are followed once for all events, so these see records of the same moment; a link that
        is not `separate` answers as for several parents. What is not planned is walked one event
        after another.

        Args:
            opened: The subscription.
            values: The events: the root field's values; an error in place of one is its error.
            context: What resolvers get: a new one each time, so that nothing is remembered.

        Returns:
            One outcome for each event, in their order.
        """
        asked = opened._asked  # noqa: SLF001  # nobody else's business
        context.operation.mask = asked.mask
        if isinstance(asked.plan, Plan):
            return await _ran(asked.plan, asked.coerced, context, values)
        told = context.operation.problems
        outcomes: list[Outcome] = []
        for value in values:
            outcome = await self._walked(
                asked.document, asked.operation_name, asked.variables, value, context
            )
            outcomes.append(Outcome(outcome.data, outcome.errors, list(told)))
            told.clear()
        return outcomes

    def _asked(
        self,
        text: str,
        document: DocumentNode,
        operation_name: str | None,
        variables: Mapping[str, Any],
        mask: Mask,
    ) -> _Asked | Outcome:
        prepared = self._prepared(text, document, operation_name)
        values = get_variable_values(
            self._schema,
            prepared.operation.variable_definitions or (),
            dict(variables),
            max_errors=_MAX_ERRORS,
            hide_suggestions=not self._suggestions,
        )
        if not isinstance(values, VariableValues):
            return Outcome(None, values)
        plan = self._plan(prepared, document, values, mask)
        if isinstance(plan, NotPlannedError) and self._planned:
            self._on_plan(PlanOutcome.WALKED, str(plan))
        return _Asked(document, operation_name, variables, values, plan, mask)

    def _prepared(self, text: str, document: DocumentNode, operation_name: str | None) -> _Prepared:
        key = (text, operation_name)
        prepared = self._kept.get(key)
        if prepared is not None:
            self._kept.move_to_end(key)
            return prepared
        operation = _chosen(document, operation_name)
        prepared = _Prepared(operation, _condition_names(document, operation))
        self._kept[key] = prepared
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return prepared

    def _plan(
        self, prepared: _Prepared, document: DocumentNode, values: VariableValues, mask: Mask
    ) -> Plan | NotPlannedError:
        if not self._planned:
            return _UNPLANNED
        given = [values.coerced.get(name) for name in prepared.conditions]
        if None in given:
            return NotPlannedError("a condition of skip or include is null")
        key = (tuple(map(bool, given)), mask)
        plan = prepared.plans.get(key)
        if plan is not None:
            if isinstance(plan, Plan):
                self._on_plan(PlanOutcome.FOUND, None)
            return plan
        try:
            plan = self._planner(document, values, mask).plan(prepared.operation)
            self._on_plan(PlanOutcome.MADE, None)
        except NotPlannedError as exc:
            plan = exc
        if len(prepared.plans) == _KEPT:
            prepared.plans.clear()
        prepared.plans[key] = plan
        return plan

    def _planner(self, document: DocumentNode, values: VariableValues, mask: Mask) -> Planner:
        return Planner(
            self._schema,
            document,
            values.coerced,
            writers=self._writers,
            read=self._read,
            mask=mask,
        )

    async def _walked(
        self,
        document: DocumentNode,
        operation_name: str | None,
        variables: Mapping[str, Any],
        root: Any,
        context: OperationContext,
    ) -> Outcome:
        outcome = execute(
            self._schema,
            document,
            root,
            context_value=context,
            variable_values=dict(variables),
            operation_name=operation_name,
            middleware=_masking if context.operation.mask else None,
        )
        result = await outcome if inspect.isawaitable(outcome) else outcome
        assert isinstance(result, ExecutionResult)  # noqa: S101  # nothing is deferred
        errors, problems = result.errors or (), context.operation.problems
        if result.data is None and errors and all(e.path is None for e in errors):
            return Outcome(None, errors, problems)
        return Outcome(_encode(result.data), errors, problems)


async def _ran(
    plan: Plan, values: VariableValues, context: OperationContext, roots: Sequence[Any]
) -> list[Outcome]:
    context.operation.scheduler.expect_whole_levels()
    reports = Reports(len(roots))
    run = Run(plan, values, context, reports)
    rows = await run.rows(roots)
    timings = None if context.operation.timer is None else timings_of(rows)
    payloads = rows.inner_objects() if plan.serial else ()

    def written() -> list[Outcome]:
        writer = Writer(reports)
        data = writer.data(rows)
        objects = writer.objects if len(roots) == 1 else None
        told = zip(data, reports.errors(), reports.incomplete(), strict=True)
        return [Outcome(*one, timings, objects, payloads) for one in told]

    return await aside(written, run.values)


def _mask_field(resolve: Any, root: Any, info: Any, **arguments: Any) -> Any:
    """The walk's part of a mask: what is masked is null, and its resolver is not asked."""
    if (info.parent_type.name, info.field_name) in info.context.operation.mask:
        return None
    return resolve(root, info, **arguments)


_masking: Final = MiddlewareManager(_mask_field)
_UNPLANNED: Final = NotPlannedError("operations are not planned here")


def _chosen(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """The operation of a name, or the only one."""
    return next(
        d
        for d in document.definitions
        if isinstance(d, OperationDefinitionNode)
        and (name is None or (d.name is not None and d.name.value == name))
    )


def _condition_names(document: DocumentNode, operation: OperationDefinitionNode) -> tuple[str, ...]:
    """Variables of an operation that decide what is in the answer."""
    found = _Conditions()
    visit(document, found)
    own = {d.variable.name.value for d in operation.variable_definitions or ()}
    return tuple(sorted(found.names & own))


class _Conditions(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        if node.name.value in _CONDITIONS:
            given = (a.value for a in node.arguments or ())
            self.names.update(v.name.value for v in given if isinstance(v, VariableNode))
