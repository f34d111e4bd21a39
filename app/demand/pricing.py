"""The price of an operation: what it will cost, by the values of its variables.

Worked out once for an operation, as a sum of products: `first` of a variable times what hangs below
it. Fields that are merged in the answer cost once; of an abstract type the dearest counts; what
`@skip` and `@include` leave out costs nothing. See `schema.costs` for what a field costs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SchemaMetaFieldDef,
    SelectionSetNode,
    TypeMetaFieldDef,
    VariableNode,
    get_named_type,
    value_from_ast_untyped,
)
from msgspec import Struct

from app.demand.bounds import too_large
from app.demand.inputs import Inputs
from app.demand.sizes import Expression, Sizes, product, total
from schema.costs import CHANGE, FieldCost, cost_of

Values = Mapping[str, Any]
Conditions = tuple[tuple[str, bool], ...]
"""Variables, and what they must be for a field to be in the answer."""

_MOST_STEPS: Final = 100_000
_META: Final = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}
_CONDITIONS: Final = {"skip": False, "include": True}


class Price(Struct, frozen=True):
    """What an operation costs.

    Attributes:
        changes: What it costs for being a change, whatever comes of it.
    """

    _defaults: Values
    _cost: Expression
    changes: int = 0

    def of(self, variables: Values) -> int:
        """The cost with some variables, as the client sent them."""
        cost = self._cost
        if isinstance(cost, int):
            return cost
        return cost({**self._defaults, **variables} if self._defaults else variables)


class _Stand(Struct, frozen=True, eq=False):
    """A field where it stands, and when it is in the answer."""

    node: FieldNode
    conditions: Conditions


_Groups = Mapping[str, Sequence[_Stand]]
_Selections = Iterable[tuple[SelectionSetNode, Conditions]]


class Prices:
    """Works out prices of operations of one schema.

    Args:
        schema: The schema.
        page_size: Records of a page where nothing is said.
    """

    def __init__(self, schema: GraphQLSchema, page_size: int) -> None:
        self.schema = schema
        self.sizes = Sizes(schema, page_size)
        self.inputs = Inputs(schema)
        self._costs: dict[tuple[str, str], FieldCost] = {}

    def of(self, tree: DocumentNode, operation: OperationDefinitionNode) -> Price:
        """The price of an operation of a valid document.

        Raises:
            GraphQLError: if there are too many ways in which its fields may be answered.
        """
        defaults = {
            d.variable.name.value: value_from_ast_untyped(d.default_value)
            for d in operation.variable_definitions or ()
            if d.default_value is not None
        }
        root = self.schema.get_root_type(operation.operation)
        assert root is not None  # noqa: S101  # the document is valid
        pricing = _Pricing(self, tree)
        changes = 0
        if operation.operation is OperationType.MUTATION:
            changes = CHANGE * pricing.count(root, operation.selection_set)
        cost = pricing.objects(root, [(operation.selection_set, ())], {})
        return Price(defaults, total([changes, cost]), changes)

    def cost(self, owner: str, name: str) -> FieldCost:
        """What a field costs."""
        key = (owner, name)
        found = self._costs.get(key)
        if found is None:
            found = self._costs[key] = cost_of(owner, name, self.field(owner, name))
        return found

    def field(self, owner: str, name: str) -> GraphQLField:
        """A field of the schema, or one that every schema has at its root."""
        kind: Any = self.schema.type_map[owner]
        found: GraphQLField = kind.fields.get(name) or _META[name]
        return found

    def possible(self, field: GraphQLField) -> Sequence[GraphQLObjectType]:
        """Types of the objects that a field may answer with; none if it answers with values."""
        named = get_named_type(field.type)
        if isinstance(named, GraphQLObjectType):
            return (named,)
        if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
            return tuple(self.schema.get_possible_types(named))
        return ()

    def actual(self, met: Iterable[tuple[str, str, int]]) -> int:
        """What was worked on: objects by the field that led to them, each once."""
        return sum(self.cost(owner, name).weight * count for owner, name, count in met)


class _Pricing:
    """Works out one price."""

    def __init__(self, prices: Prices, tree: DocumentNode) -> None:
        self._prices = prices
        self._fragments = {
            d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._known: dict[Any, Expression] = {}
        self._steps = 0

    def count(self, owner: GraphQLObjectType, selection: SelectionSetNode) -> int:
        """How many fields a selection has."""
        return len(self._gathered(owner, [(selection, ())]))

    def objects(
        self,
        owner: GraphQLObjectType,
        selections: Sequence[tuple[SelectionSetNode, Conditions]],
        sized: Mapping[str, Expression],
    ) -> Expression:
        """What the fields of one object of a type cost.

        Args:
            owner: The type.
            selections: What is asked of it.
            sized: How long the lists of some of its fields are.
        """
        key = (owner.name, tuple((id(s), c) for s, c in selections), tuple(sized.items()))
        if key not in self._known:
            groups = self._gathered(owner, selections)
            self._known[key] = total([self._field(owner, g, sized) for g in groups.values()])
        return self._known[key]

    def _field(
        self, owner: GraphQLObjectType, group: Sequence[_Stand], sized: Mapping[str, Expression]
    ) -> Expression:
        node = group[0].node
        name = node.name.value
        if name == "__typename":
            return 0
        prices = self._prices
        field, cost = prices.field(owner.name, name), prices.cost(owner.name, name)
        size = prices.sizes.of(owner.name, field, node, cost.size)
        inner = {} if cost.size is None else dict.fromkeys(cost.size.sized_fields, size)
        below = [
            (s.node.selection_set, s.conditions) for s in group if s.node.selection_set is not None
        ]
        each = [self.objects(kind, below, inner) for kind in prices.possible(field)]
        own = product(sized.get(name, 1 if inner else size), total([cost.weight, _dearest(each)]))
        whole = total([own, prices.inputs.cost(field, node, cost.arguments)])
        return _on([s.conditions for s in group], whole)

    def _gathered(self, owner: GraphQLObjectType, selections: _Selections) -> _Groups:
        """Fields of an object of a type, by their names in the answer."""
        found: dict[str, list[_Stand]] = {}
        spread: set[tuple[str, Conditions]] = set()
        open_ = list(selections)[::-1]
        while open_:
            selection, outer = open_.pop()
            for node in selection.selections:
                self._step()
                conditions = _narrowed(outer, node.directives or ())
                if conditions is None:
                    continue
                if isinstance(node, FieldNode):
                    key = (node.alias or node.name).value
                    found.setdefault(key, []).append(_Stand(node, conditions))
                    continue
                fragment: Any = node
                if isinstance(node, FragmentSpreadNode):
                    fragment = self._fragments[node.name.value]
                    if (node.name.value, conditions) in spread:
                        continue
                    spread.add((node.name.value, conditions))
                if self._applies(owner, fragment):
                    open_.append((fragment.selection_set, conditions))
        return found

    def _applies(
        self, owner: GraphQLObjectType, fragment: InlineFragmentNode | FragmentDefinitionNode
    ) -> bool:
        if fragment.type_condition is None:
            return True
        schema = self._prices.schema
        named = schema.get_type(fragment.type_condition.name.value)
        if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
            return schema.is_sub_type(named, owner)
        return named is owner

    def _step(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise too_large("the document has too many fragments for different types")


def _dearest(each: Sequence[Expression]) -> Expression:
    if all(isinstance(e, int) for e in each):
        return max((e for e in each if isinstance(e, int)), default=0)
    if len(each) == 1:
        return each[0]
    functions = [e for e in each if not isinstance(e, int)]
    least = max((e for e in each if isinstance(e, int)), default=0)
    return lambda values: max(least, *(f(values) for f in functions))


def _narrowed(outer: Conditions, directives: Iterable[DirectiveNode]) -> Conditions | None:
    """Conditions of what stands within others; None if it is never in the answer."""
    conditions = outer
    for directive in directives:
        wanted = _CONDITIONS.get(directive.name.value)
        if wanted is None:
            continue
        for argument in directive.arguments or ():
            if isinstance(argument.value, VariableNode):
                condition = (argument.value.name.value, wanted)
                if condition not in conditions:
                    conditions = (*conditions, condition)
            elif (
                isinstance(argument.value, BooleanValueNode) and argument.value.value is not wanted
            ):
                return None
    return conditions


def _on(ways: Sequence[Conditions], cost: Expression) -> Expression:
    """A cost that there is if the conditions of one of the ways hold."""
    if any(not conditions for conditions in ways) or cost == 0:
        return cost
    worth: Callable[[Values], int] = (lambda _: cost) if isinstance(cost, int) else cost

    def conditional(values: Values) -> int:
        fit = any(all(bool(values.get(n)) is w for n, w in conditions) for conditions in ways)
        return worth(values) if fit else 0

    return conditional
