"""Whether a caller may ask what a document asks: worked out once for the document and its rights.

    allowed                     nothing is said
    masked: a nullable field    null, and its column is not asked for; one error for each selection
    refused: anything else      nothing is executed

An operation is refused in the words of validation, as if there were no such thing, where the caller
may not know the schema.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    get_named_type,
)
from msgspec import Struct, field
from msgspec.structs import replace

from app.access.coordinates import Asked, Block, Collector, Use, inputs_in, is_meta
from execution.operation import NO_MASK, Mask
from runtime.security.access import ROOTS, Access, Rights, rights_of
from runtime.security.principal import Principal
from schema.federation import SERVICE

_FORBIDDEN: Final = "FORBIDDEN"
_MOST_VERDICTS: Final = 64
_MOST_ERRORS: Final = 20
_SCHEMA_FIELDS: Final = frozenset({"__schema", "__type", SERVICE})


class Verdict(Struct, frozen=True):
    """What a caller gets of what it asks.

    Attributes:
        refusals: Why nothing of it is executed; empty if it is.
        mask: Fields that are null, unread.
        notes: Which they are, selection by selection, to stand among the answer's errors.
        variables: Variables whose values must be looked at, for they may ask by what is hidden.
    """

    refusals: Sequence[GraphQLError] = ()
    mask: Mask = NO_MASK
    notes: Sequence[GraphQLError] = ()
    variables: Mapping[str, GraphQLInputType] = {}

    @property
    def openly(self) -> bool:
        """Whether a refusal says that there is something that the caller may not see."""
        return any((e.extensions or {}).get("code") == _FORBIDDEN for e in self.refusals)


ALLOWED: Final = Verdict()


class Remembered(Struct):
    """What is remembered with a document.

    Attributes:
        asked: What each of its operations asks for.
        verdicts: By operation and rights.
    """

    asked: dict[int, Asked] = field(default_factory=dict)
    verdicts: dict[tuple[int, Rights | None], Verdict] = field(default_factory=dict)


class Judge:
    """Judges operations.

    Args:
        schema: The schema.
        access: Who may see what.
    """

    def __init__(self, schema: GraphQLSchema, access: Access) -> None:
        self._schema = schema
        self.access = access

    def verdict(
        self,
        remembered: Remembered,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        principal: Principal | None,
        variables: Mapping[str, Any],
    ) -> Verdict:
        """What a caller gets of an operation.

        Args:
            remembered: What is known of the document.
            document: A valid document.
            operation: Which of its operations.
            principal: Who asks; a stranger may ask for nothing but perhaps the schema.
            variables: Values of the variables, as the client sent them.
        """
        rights = None if principal is None else rights_of(principal)
        place = id(operation)  # it lives as long as what is remembered of its document
        found = remembered.verdicts.get((place, rights))
        if found is None:
            if place not in remembered.asked:
                remembered.asked[place] = self._collected(document, operation)
            shows = self.access.may_introspect(principal)
            found = _Hearing(self.access, rights, shows=shows).verdict(remembered.asked[place])
            if len(remembered.verdicts) >= _MOST_VERDICTS:
                remembered.verdicts.clear()
            remembered.verdicts[place, rights] = found
        if not found.variables or rights is None:
            return found
        return self._with_variables(found, rights, principal, variables)

    def _collected(self, document: DocumentNode, operation: OperationDefinitionNode) -> Asked:
        fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        return Collector(self._schema, fragments).asked(operation)

    def _with_variables(
        self,
        verdict: Verdict,
        rights: Rights,
        principal: Principal | None,
        variables: Mapping[str, Any],
    ) -> Verdict:
        hearing = _Hearing(self.access, rights, shows=self.access.may_introspect(principal))
        for name, kind in verdict.variables.items():
            for coordinate in inputs_in(kind, variables.get(name)):
                hearing.input(coordinate, None)
        if not hearing.refusals:
            return verdict
        return replace(verdict, refusals=[*verdict.refusals, *hearing.refusals])


class _Hearing:
    """One document against one caller's rights."""

    def __init__(self, access: Access, rights: Rights | None, *, shows: bool) -> None:
        self._access = access
        self._rights = rights
        self._shows = shows
        self._seen: set[int] = set()
        self._mask: set[tuple[str, str]] = set()
        self._notes: list[GraphQLError] = []
        self.refusals: list[GraphQLError] = []

    def verdict(self, asked: Asked) -> Verdict:
        """Judge an operation."""
        self._block(asked.root)
        for one in asked.inputs:
            self.input(one.coordinate, one.node)
        hidden = {
            name: kind
            for name, kind in asked.variables.items()
            if self._may_ask_too_much(get_named_type(kind), set())
        }
        if not (self.refusals or self._mask or hidden):
            return ALLOWED
        mask = frozenset(self._mask)
        return Verdict(self.refusals[:_MOST_ERRORS], mask, self._notes[:_MOST_ERRORS], hidden)

    def _block(self, block: Block) -> None:
        if id(block) in self._seen:
            return
        self._seen.add(id(block))
        owners = [o for o in block.owners if o in ROOTS or self._allows(o)]
        if not owners:  # no object that the caller may see can ever stand here
            return
        for use in block.uses:
            self._use(use, owners)
        for inner in block.inner:
            self._block(inner)

    def _use(self, use: Use, owners: Sequence[str]) -> None:
        if is_meta(use.name) or use.name in _SCHEMA_FIELDS:
            if use.name in _SCHEMA_FIELDS and not self._shows:
                self._refuse("Query", use.name, use.node)
            return
        hidden = [o for o in owners if not self._allows(f"{o}.{use.name}")]
        if hidden and (not use.nullable or use.parent in ROOTS):
            self._refuse(use.parent, use.name, use.node)
            return
        if hidden:
            self._mask.update((o, use.name) for o in hidden)
            self._hide(use)
        if len(hidden) == len(owners):
            return
        for one in use.inputs:
            self.input(one.coordinate, one.node)
        if use.below is not None:
            self._block(use.below)

    def input(self, coordinate: str, node: Node | None) -> None:
        """Judge an input that is used."""
        if self._may_ask(coordinate):
            return
        if not self._shows:
            self._refuse_as_unknown(_no_input(coordinate), node)
        else:
            self._refuse_openly(coordinate, f"you may not ask by {coordinate}", node)

    def _refuse(self, parent: str, name: str, node: Node) -> None:
        if not self._shows:
            self._refuse_as_unknown(_no_field(parent, name), node)
        else:
            coordinate = f"{parent}.{name}"
            verb = "do" if parent == "Mutation" else "see"
            self._refuse_openly(coordinate, f"you may not {verb} {coordinate}", node)

    def _refuse_openly(self, coordinate: str, message: str, node: Node | None) -> None:
        self.refusals.append(_error(message, _FORBIDDEN, node, coordinate))

    def _refuse_as_unknown(self, message: str, node: Node | None) -> None:
        self.refusals.append(_error(message, "GRAPHQL_VALIDATION_FAILED", node))

    def _hide(self, use: Use) -> None:
        if not self._shows:
            self._refuse_as_unknown(_no_field(use.parent, use.name), use.node)
            return
        coordinate = f"{use.parent}.{use.name}"
        message = f"you may not see {coordinate}: it is null here"
        self._notes.append(_error(message, "FORBIDDEN_FIELD", use.node, coordinate))

    def _may_ask_too_much(self, kind: GraphQLNamedType, seen: set[str]) -> bool:
        """Whether a value of a type can ask by something that is hidden from the caller."""
        name = kind.name
        if name in seen:
            return False
        seen.add(name)
        values = getattr(kind, "values", None) or {}
        if any(not self._may_ask(f"{name}.{value}") for value in values):
            return True
        fields = getattr(kind, "fields", None) or {}
        return any(
            not self._may_ask(f"{name}.{n}") or self._may_ask_too_much(get_named_type(f.type), seen)
            for n, f in fields.items()
        )

    def _may_ask(self, coordinate: str) -> bool:
        """Inputs without a rule are judged by the field that takes them."""
        owner = coordinate.partition(".")[0]
        table = self._access.table
        if coordinate.endswith(":)"):
            return coordinate not in table.fields or self._allows(coordinate)
        return owner not in table.inputs or self._allows(coordinate)

    def _allows(self, coordinate: str) -> bool:
        return self._rights is not None and self._access.allows(coordinate, self._rights)


def _no_field(parent: str, name: str) -> str:
    return f"Cannot query field '{name}' on type '{parent}'."


def _no_input(coordinate: str) -> str:
    owner, _, name = coordinate.partition(".")
    if coordinate.endswith(":)"):
        field_name, _, argument = coordinate.rstrip(":)").partition("(")
        return f"Unknown argument '{argument}' on field '{field_name}'."
    if name.isupper():
        return f"Value '{name}' does not exist in '{owner}' enum."
    return f"Field '{name}' is not defined by type '{owner}'."


def _error(message: str, code: str, node: Node | None, coordinate: str = "") -> GraphQLError:
    extensions = {"code": code, **({"coordinate": coordinate} if coordinate else {})}
    return GraphQLError(message, node, extensions=extensions)
