"""What a manifest says about limits: of documents, of cost, of rates; for all, and by role."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, Field, create_model, model_validator
from pydantic.fields import FieldInfo

from app.demand.bounds import Bounds
from app.demand.figures import STRANGERS, Demand, Figures
from app.manifest.part import Part
from resolvers.context import Limits
from runtime.limits.rates import Rate
from runtime.limits.turns import TurnRules
from runtime.security.principal import Role

_LIMITS: Final = Limits()
_BOUNDS: Final = Bounds()
_FIGURES: Final = Figures()
_KILOBYTE: Final = 1024
_MOST: Final = 1_000_000_000


class SpendingConfig(Part):
    """What one caller may spend. An object of an answer costs 1; see docs/limits.md."""

    max_cost: Annotated[
        int, Field(ge=1, le=_MOST, description="Highest estimated cost of one operation.")
    ] = _FIGURES.max_cost
    rate_per_s: Annotated[
        float | None,
        Field(
            gt=0,
            le=_MOST,
            description="Cost that one caller may cause each second in the long run; null sets no "
            "limit.",
        ),
    ] = _FIGURES.rate.per_s if _FIGURES.rate else None
    burst: Annotated[
        int,
        Field(ge=1, le=_MOST, description="Cost that it may cause at once after a rest."),
    ] = _FIGURES.rate.burst if _FIGURES.rate else 1
    operations_at_once: Annotated[
        int,
        Field(ge=1, le=10_000, description="Operations of one caller under way in one process."),
    ] = _FIGURES.turns.running
    operations_waiting: Annotated[
        int, Field(ge=0, le=10_000, description="Operations that wait for one of these to end.")
    ] = _FIGURES.turns.waiting
    operations_wait_s: Annotated[
        float, Field(gt=0, le=60, description="How long they wait before they are refused.")
    ] = _FIGURES.turns.wait_s

    @model_validator(mode="after")
    def _burst_suffices(self) -> Self:
        if self.rate_per_s is not None and self.burst < self.max_cost:
            raise ValueError(
                "burst is lower than max_cost, so that an operation of that cost could never be "
                "run: raise burst or lower max_cost"
            )
        return self

    def figures(self, bounds: Bounds) -> Figures:
        """The same with bounds of documents."""
        rate = None if self.rate_per_s is None else Rate(self.rate_per_s, self.burst)
        turns = TurnRules(self.operations_at_once, self.operations_waiting, self.operations_wait_s)
        return Figures(bounds, self.max_cost, rate, turns)


class DemandConfig(SpendingConfig):
    """What the operations of one caller may hold and spend."""

    max_query_depth: Annotated[
        int, Field(ge=1, le=100, description="Deepest nesting of a query.")
    ] = _BOUNDS.depth
    max_document_kilobytes: Annotated[
        int, Field(ge=1, le=1_024, description="Longest document, in thousands of characters.")
    ] = _BOUNDS.characters // _KILOBYTE
    max_tokens: Annotated[
        int,
        Field(
            ge=100,
            le=20_000,
            description="Words and signs of a document. Parsing and validating take some 20 "
            "microseconds for each, in which nothing else is done.",
        ),
    ] = _BOUNDS.tokens
    max_introspection_depth: Annotated[
        int, Field(ge=1, le=100, description="Deepest nesting of a question about the schema.")
    ] = _BOUNDS.schema_depth
    max_introspection_fields: Annotated[
        int, Field(ge=0, le=10_000, description="Fields of questions about the schema.")
    ] = _BOUNDS.schema_fields
    max_root_fields: Annotated[
        int, Field(ge=1, le=10_000, description="Fields at the root of an operation.")
    ] = _BOUNDS.root_fields
    max_aliases: Annotated[
        int, Field(ge=0, le=10_000, description="Fields that are given another name.")
    ] = _BOUNDS.aliases
    max_fields: Annotated[
        int,
        Field(ge=1, le=100_000, description="Fields in all, with all fragments in their places."),
    ] = _BOUNDS.fields
    max_directives: Annotated[
        int, Field(ge=0, le=10_000, description="Directives of a document.")
    ] = _BOUNDS.directives
    max_directives_per_location: Annotated[
        int, Field(ge=0, le=1_000, description="Directives at one place of a document.")
    ] = _BOUNDS.directives_at_once
    max_operations: Annotated[
        int, Field(ge=1, le=1_000, description="Operations of a document.")
    ] = _BOUNDS.operations
    max_fragments: Annotated[
        int, Field(ge=0, le=10_000, description="Fragments of a document.")
    ] = _BOUNDS.fragments
    max_variables: Annotated[
        int, Field(ge=0, le=10_000, description="Variables of an operation.")
    ] = _BOUNDS.variables
    max_variables_kilobytes: Annotated[
        int, Field(ge=1, le=10_240, description="Length of their values as JSON.")
    ] = _BOUNDS.variable_bytes // _KILOBYTE
    max_value_depth: Annotated[
        int,
        Field(ge=1, le=100, description="Lists and objects within each other, as values."),
    ] = _BOUNDS.literal_nesting
    max_values: Annotated[
        int, Field(ge=1, le=1_000_000, description="Values in all lists and objects.")
    ] = _BOUNDS.values
    max_operation_name: Annotated[
        int, Field(ge=1, le=10_000, description="Characters of an operation's name.")
    ] = _BOUNDS.name_characters

    def bounds(self) -> Bounds:
        """What documents may hold."""
        return Bounds(
            characters=self.max_document_kilobytes * _KILOBYTE,
            tokens=self.max_tokens,
            depth=self.max_query_depth,
            schema_depth=self.max_introspection_depth,
            root_fields=self.max_root_fields,
            aliases=self.max_aliases,
            fields=self.max_fields,
            schema_fields=self.max_introspection_fields,
            directives=self.max_directives,
            directives_at_once=self.max_directives_per_location,
            operations=self.max_operations,
            fragments=self.max_fragments,
            variables=self.max_variables,
            variable_bytes=self.max_variables_kilobytes * _KILOBYTE,
            literal_nesting=self.max_value_depth,
            values=self.max_values,
            name_characters=self.max_operation_name,
        )


def _optional(field: FieldInfo) -> Any:
    """A field that need not be given."""
    kind: Any = field.annotation
    limits = [*field.metadata, Field(description=field.description)]
    return (Annotated[(kind | None, *limits)], None)


RoleLimits: Any = create_model(
    "RoleLimits",
    __base__=Part,
    __doc__="What is different for one role; what is left out is as for all.",
    **{name: _optional(field) for name, field in DemandConfig.model_fields.items()},
)
"""The same limits, none of which need be given."""


class AnonymousConfig(SpendingConfig):
    """What callers may spend who do not say who they are: each address for itself."""

    max_cost: Annotated[
        int, Field(ge=1, le=_MOST, description="Highest estimated cost of one operation.")
    ] = STRANGERS.max_cost
    rate_per_s: Annotated[
        float | None,
        Field(gt=0, le=_MOST, description="Cost each second in the long run; null: no limit."),
    ] = STRANGERS.rate.per_s if STRANGERS.rate else None
    burst: Annotated[int, Field(ge=1, le=_MOST, description="Cost at once after a rest.")] = (
        STRANGERS.rate.burst if STRANGERS.rate else 1
    )
    operations_at_once: Annotated[
        int, Field(ge=1, le=10_000, description="Operations under way in one process.")
    ] = STRANGERS.turns.running
    operations_waiting: Annotated[
        int, Field(ge=0, le=10_000, description="Operations that wait for one of these to end.")
    ] = STRANGERS.turns.waiting


class LimitsConfig(DemandConfig):
    """What one question may ask for, and one caller in all. Every limit is finite."""

    default_page_size: Annotated[
        int, Field(ge=1, le=10_000, description="Records of a list where `first` is not given.")
    ] = _LIMITS.default_page_size
    max_page_size: Annotated[int, Field(ge=1, le=10_000, description="Most records of a list.")] = (
        _LIMITS.max_page_size
    )
    max_nodes: Annotated[int, Field(ge=1, le=10_000, description="Most ids of `nodes`.")] = (
        _LIMITS.max_nodes
    )
    max_weeks: Annotated[
        int, Field(ge=1, le=520, description="Longest projection of stock, in weeks.")
    ] = _LIMITS.max_weeks
    max_representations: Annotated[
        int,
        Field(
            ge=1,
            le=10_000,
            description="Most representations of `_entities`: records that a gateway asks for at "
            "once, where their keys come from another subgraph.",
        ),
    ] = _LIMITS.max_representations
    operation_timeout_s: Annotated[
        float, Field(gt=0, le=600, description="Longest time for one operation.")
    ] = 15.0
    max_query_kilobytes: Annotated[
        int, Field(ge=1, le=10_240, description="Largest request with its variables.")
    ] = 256
    roles: Annotated[
        dict[Role, RoleLimits],
        Field(
            description="What is different by role. A caller that has several roles gets the most "
            "that any of them gets."
        ),
    ] = {}
    anonymous: Annotated[
        AnonymousConfig,
        Field(description="What callers may spend who do not say who they are, by address."),
    ] = AnonymousConfig()

    @model_validator(mode="after")
    def _default_within(self) -> Self:
        if self.default_page_size > self.max_page_size:
            raise ValueError("default_page_size exceeds max_page_size: lower it or raise the other")
        return self

    @model_validator(mode="after")
    def _roles_fit(self) -> Self:
        for role, said in self.roles.items():
            given = self._of(said)
            if given["rate_per_s"] is not None and given["burst"] < given["max_cost"]:
                raise ValueError(
                    f"roles.{role.value}: burst is lower than max_cost, so that an operation of "
                    "that cost could never be run: raise burst or lower max_cost"
                )
        return self

    def for_resolvers(self) -> Limits:
        """Those that resolvers keep."""
        return Limits(
            self.default_page_size,
            self.max_page_size,
            self.max_nodes,
            self.max_weeks,
            self.max_representations,
        )

    def demand(self) -> Demand:
        """Those that are kept before anything is run."""
        return Demand(
            self.figures(self.bounds()),
            {role: self._figures(said) for role, said in self.roles.items()},
            self.anonymous.figures(self.bounds()),
        )

    def _figures(self, said: BaseModel) -> Figures:
        given = DemandConfig.model_validate(self._of(said))
        return given.figures(given.bounds())

    def _of(self, said: BaseModel) -> Mapping[str, Any]:
        """The limits of a role: what is said of it, else what holds for all."""
        own = {name: getattr(self, name) for name in DemandConfig.model_fields}
        return own | said.model_dump(exclude_unset=True)
