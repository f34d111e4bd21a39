"""What follows of the access table: whether a caller may see a coordinate of the schema.

A coordinate is an object (`PurchaseOrder`), a field (`PurchaseOrder.total`), or what an input looks
at (`PurchaseOrderFilter.supplier`). What no rule covers is denied.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from msgspec import Struct

from runtime.security.access_table import ANYONE, AccessTable, Rule
from runtime.security.principal import Principal, Role

ROOTS: Final = ("Query", "Mutation", "Subscription")


class Rights(NamedTuple):
    """What of a caller decides which fields it may see: callers with the same see the same ones."""

    roles: frozenset[Role]
    scopes: frozenset[str]


class Grant(Struct, frozen=True):
    """One condition of a coordinate.

    Attributes:
        roles: Any of these is enough.
        scopes: And so is any of these.
        anyone: Whether it is enough to be known.
    """

    roles: frozenset[Role] = frozenset()
    scopes: frozenset[str] = frozenset()
    anyone: bool = False

    def holds(self, rights: Rights) -> bool:
        """Tell whether a caller meets it."""
        if self.anyone:
            return True
        return not self.roles.isdisjoint(rights.roles) or not self.scopes.isdisjoint(rights.scopes)


Requirement = frozenset[Grant]
"""Conditions that must all be met; none where whoever comes here may see it."""


def rights_of(principal: Principal) -> Rights:
    """What of a caller decides which fields it may see."""
    return Rights(principal.roles, principal.scopes)


class Access:
    """One table's decisions.

    Args:
        table: The table.
        returns: For each field of the schema (`PurchaseOrder.supplier`) the object that it leads
            to: a field that leads to what may not be seen may not be seen either.
    """

    def __init__(self, table: AccessTable, returns: Mapping[str, str]) -> None:
        self.table = table
        self._returns = returns
        self._part_of = {p: name for name, o in table.objects.items() for p in o.parts}
        self._plumbing = frozenset(table.plumbing)
        self._own: dict[str, Rule] = dict(table.fields)
        for root, rules in zip(
            ROOTS, (table.query, table.mutation, table.subscription), strict=True
        ):
            self._own.update({f"{root}.{name}": rule for name, rule in rules.items()})
        self._known: dict[str, Requirement | None] = {}
        self._weeks = {
            r: w for word, w in table.forecast_weeks.items() for r in self._roles((word,))
        }
        self._may_introspect = self._roles(table.introspection.roles)

    def requirement(self, coordinate: str) -> Requirement | None:
        """What must be met to see a coordinate; None where no rule covers it: nobody may."""
        if coordinate not in self._known:
            self._known[coordinate] = self._required(coordinate, frozenset())
        return self._known[coordinate]

    def allows(self, coordinate: str, rights: Rights) -> bool:
        """Tell whether a caller may see a coordinate."""
        required = self.requirement(coordinate)
        return required is not None and all(grant.holds(rights) for grant in required)

    def own(self, coordinate: str) -> Requirement:
        """What a field's own rule demands beyond what its object does; nothing if it has none."""
        rule = self._own.get(coordinate)
        return frozenset() if rule is None else self._grants(rule, frozenset({coordinate}))

    def may_introspect(self, principal: Principal | None) -> bool:
        """Tell whether a caller may know the schema."""
        if principal is None:
            return self.table.introspection.strangers
        return not self._may_introspect.isdisjoint(principal.roles)

    def forecast_weeks(self, principal: Principal) -> int | None:
        """How many weeks ahead a caller sees forecasts; None for all."""
        weeks = [self._weeks.get(role, "all") for role in principal.roles]
        known = [w for w in weeks if isinstance(w, int)]
        return max(known) if weeks and len(known) == len(weeks) else None

    def _required(self, coordinate: str, above: frozenset[str]) -> Requirement | None:
        if coordinate in above:
            return frozenset()
        within = above | {coordinate}
        owner, _, field = coordinate.partition(".")
        if not field:
            return self._of_object(owner, within)
        if owner in self.table.inputs:
            return self._of_input(owner, field, within)
        base = frozenset[Grant]() if owner in ROOTS else self._of_object(owner, within)
        own = self._own.get(coordinate)
        if base is None or (own is None and owner in ROOTS):
            return None
        grants = base if own is None else base | self._grants(own, within)
        returned = self._returns.get(coordinate)
        if returned is not None and returned not in ROOTS:
            there = self._of_object(returned, within)
            return None if there is None else grants | there
        return grants

    def _of_object(self, name: str, within: frozenset[str]) -> Requirement | None:
        if name in self._plumbing:
            return frozenset()
        rule = self.table.objects.get(self._part_of.get(name, name))
        return None if rule is None else self._grants(rule, within)

    def _of_input(self, name: str, field: str, within: frozenset[str]) -> Requirement | None:
        looked_at = input_target(self.table, name, field)
        return frozenset() if looked_at is None else self._required(looked_at, within)

    def _grants(self, rule: Rule, within: frozenset[str]) -> Requirement:
        followed = [self._required(c, within) for c in rule.follows]
        found = {g for grants in followed for g in (_NEVER if grants is None else grants)}
        if rule.roles or rule.scopes or not rule.follows:
            anyone = ANYONE in rule.roles
            found.add(Grant(self._roles(rule.roles), frozenset(rule.scopes), anyone))
        return frozenset(found)

    def _roles(self, words: Iterable[str]) -> frozenset[Role]:
        found: set[Role] = set()
        for word in words:
            if word in self.table.groups:
                found |= self._roles(self.table.groups[word])
            elif word != ANYONE:
                found.add(Role(word))
        return frozenset(found)


_NEVER: Final = frozenset({Grant()})


def input_target(table: AccessTable, name: str, field: str) -> str | None:
    """The coordinate that a field or value of an input looks at; None if it looks at none."""
    rule = table.inputs.get(name)
    if rule is None:
        return None
    if field in rule.fields:
        return rule.fields[field]
    return None if rule.of is None else f"{rule.of}.{_camel(field)}"


def _camel(name: str) -> str:
    """A field's name as it is; a value's (`UPDATED_AT`) as the field is called (`updatedAt`)."""
    if not name.isupper():
        return name
    first, *rest = name.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)
