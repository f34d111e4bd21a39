"""The access table as people write it: who may see and do what, deny by default.

Rules are held against coordinates of the schema (`PurchaseOrder`, `PurchaseOrder.total`). A rule
names roles and scopes, either of which is enough, and what it follows, all of which must be granted
too. Nobody sees a field of an object that they may not see, whatever the field's own rule says.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

ANYONE: Final = "anyone"
NOBODY: Final = "nobody"

Texts = tuple[Annotated[str, Field(min_length=1)], ...]
Weeks = Annotated[int, Field(ge=0, le=520)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Rule(_Part):
    """Who may: has one of the roles, or one of the scopes, and may all that it follows."""

    roles: Annotated[
        Texts, Field(description="Roles, or names of groups; `anyone` is whoever has a token.")
    ] = ()
    scopes: Annotated[
        Texts, Field(description="Scopes that are as good as a role; machines have nothing else.")
    ] = ()
    follows: Annotated[
        Texts, Field(description="Objects and fields that must be visible too: what it is made of.")
    ] = ()


def _rule(value: Any) -> Any:
    if value == NOBODY:
        return {}
    return {"roles": [value] if isinstance(value, str) else value} if _is_short(value) else value


def _is_short(value: Any) -> bool:
    return isinstance(value, str | list)


RuleField = Annotated[
    Rule,
    BeforeValidator(_rule, json_schema_input_type=str | list[str] | Rule),
]
"""A rule. `anyone`, `nobody`, or a list of roles is short for the whole form."""


class ObjectRule(Rule):
    """Who may see an object, and the objects that are ruled like it."""

    parts: Annotated[
        Texts, Field(description="Types that are ruled like this one: its lines, pages, events.")
    ] = ()


ObjectRuleField = Annotated[
    ObjectRule, BeforeValidator(_rule, json_schema_input_type=str | list[str] | ObjectRule)
]


class InputRule(_Part):
    """What an input narrows or orders by: whoever may not see that may not ask by it either."""

    of: Annotated[
        str | None, Field(description="Object whose fields of the same names are meant.")
    ] = None
    fields: Annotated[
        dict[str, str], Field(description="Field or value of the input, and what it looks at.")
    ] = {}


class Introspection(_Part):
    """Who may ask for the schema itself."""

    roles: Annotated[
        Texts, Field(description="Roles, or names of groups, that may ask for the schema.")
    ] = ()
    strangers: Annotated[
        bool, Field(description="Whether it is told to those who have no token.")
    ] = False


class AccessTable(_Part):
    """Who may see and do what. In a manifest it lies over the shipped one, rule by rule."""

    groups: Annotated[
        dict[str, Texts], Field(description="Names for several roles, to be used in rules.")
    ] = {}
    plumbing: Annotated[
        Texts,
        Field(
            description="Types that say nothing by themselves: seen by whoever sees the field "
            "that leads to them."
        ),
    ] = ()
    objects: Annotated[
        dict[str, ObjectRuleField], Field(description="Who may see an object at all.")
    ] = {}
    fields: Annotated[
        dict[str, RuleField],
        Field(description="Fields (`Item.standardCost`) that not all who see the object may see."),
    ] = {}
    query: Annotated[dict[str, RuleField], Field(description="Who may ask which root field.")] = {}
    mutation: Annotated[dict[str, RuleField], Field(description="Who may change what.")] = {}
    subscription: Annotated[dict[str, RuleField], Field(description="Who may hear what.")] = {}
    inputs: Annotated[
        dict[str, InputRule],
        Field(description="Filters and orders, and which fields they look at."),
    ] = {}
    forecast_weeks: Annotated[
        dict[str, Weeks | Literal["all"]],
        Field(
            description="How many weeks ahead a role sees forecasts; all where nothing is said. "
            "Who has several roles sees as far as the one that sees farthest."
        ),
    ] = {}
    introspection: Annotated[
        Introspection, Field(description="Who may ask for the schema itself.")
    ] = Introspection()

    def over(self, below: "AccessTable") -> "AccessTable":
        """This table laid over another one: what it says replaces, rule by rule."""
        found: dict[str, Any] = {}
        for name in AccessTable.model_fields:
            mine, its = getattr(self, name), getattr(below, name)
            if isinstance(mine, dict):
                found[name] = {**its, **mine}
            elif isinstance(mine, tuple):
                found[name] = (*its, *mine)
            else:
                said = {k: getattr(mine, k) for k in mine.model_fields_set}
                found[name] = its.model_copy(update=said)
        return AccessTable.model_construct(**found)
