"""Who may see which records.

Planners, buyers and operators see all, unless their token binds them. Who is bound to suppliers
sees what is its own: itself, its orders with their receipts, the items that it supplies or that
stand on its orders, and its own terms; locations by name, since goods are sent there. Stock,
forecasts, recommendations and internal figures of an item are not its business. Who is bound to
companies sees their orders; who is bound to regions, the locations there and what is at these (see
`resolvers.places`). A role may see forecasts only so many weeks ahead. Exceptions are no record of
a system: suppliers see none, and who is bound to regions or companies sees those that name some,
and none but theirs.

Rules are pushed into the criteria, of lists and of reads by key alike, so that what may not be seen
is never read; and they hold again for every record that comes back. A record that does not know
what a rule is about is not seen.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from msgspec import structs

from canonical.absent import is_absent
from canonical.criteria import Condition, Criteria, Op, Range, narrow, satisfying
from canonical.entities import EntityName
from canonical.errors import RefusedError
from canonical.event_streams import OwnStream, StreamName
from canonical.events import Event
from canonical.records import Record
from resolvers.context import RequestContext
from runtime.security.principal import Principal

OWNER: Final = {
    EntityName.SUPPLIER: "code",
    EntityName.SUPPLY_SOURCE: "supplier",
    EntityName.PURCHASE_ORDER: "supplier",
    EntityName.RECEIPT: "supplier",
}
"""The column that says whose a record is."""

TYPES: Final[Mapping[StreamName, str]] = {
    EntityName.ITEM: "Item",
    EntityName.SUPPLIER: "Supplier",
    EntityName.LOCATION: "Location",
    EntityName.INVENTORY: "InventoryPosition.available",
    EntityName.PURCHASE_ORDER: "PurchaseOrder",
    EntityName.RECEIPT: "Receipt",
    EntityName.FORECAST: "Forecast.quantity",
    EntityName.RECOMMENDATION: "ReplenishmentRecommendation",
    OwnStream.EXCEPTION: "SupplyException",
}
"""What a caller must see of the schema to be told of an event: that is what its data says."""

_HIDDEN: Final[frozenset[StreamName]] = frozenset(
    {
        EntityName.INVENTORY,
        EntityName.FORECAST,
        EntityName.RECOMMENDATION,
        OwnStream.EXCEPTION,
    }
)
_HEARD: Final = frozenset({EntityName.PURCHASE_ORDER, EntityName.RECEIPT})
_INTERNAL: Final = (
    "standard_cost",
    "safety_stock",
    "reorder_point",
    "minimum_order_quantity",
    "lead_time_days",
    "preferred_supplier",
)


def sees_everything(principal: Principal) -> bool:
    """Tell whether a caller's view is not limited to a supplier's."""
    return principal.suppliers is None


def own_codes(principal: Principal) -> tuple[str, ...]:
    """Codes of the suppliers that a caller speaks for."""
    return principal.suppliers or ()


def refusal(entity: StreamName, principal: Principal) -> RefusedError | None:
    """Why a caller may see nothing of an entity; None if there is something to see."""
    if entity in _HIDDEN and not sees_everything(principal):
        return RefusedError(f"suppliers may not see {entity.value.replace('_', ' ')} data")
    return None


def scoped(entity: StreamName, criteria: Criteria, principal: Principal) -> Criteria | None:
    """The criteria narrowed to what a supplier may see; None if that is nothing."""
    if sees_everything(principal):
        return criteria
    owner = OWNER.get(entity) if isinstance(entity, EntityName) else None
    return criteria if owner is None else narrow(criteria, owner, own_codes(principal))


def rules(context: RequestContext, entity: EntityName) -> Criteria:
    """What records must satisfy for a caller to see them, but for where they are; often nothing."""
    principal = context.caller
    found: list[Condition] = []
    owner = OWNER.get(entity)
    if owner is not None and not sees_everything(principal):
        found.append(Condition(owner, Op.IN, own_codes(principal)))
    territory = context.reads.context.territory
    if territory.companies is not None and entity is EntityName.PURCHASE_ORDER:
        found.append(Condition("company", Op.IN, tuple(sorted(territory.companies))))
    if territory.regions is not None and entity is EntityName.LOCATION:
        found.append(Condition("region", Op.IN, tuple(sorted(territory.regions))))
    weeks = context.forecast_weeks if entity is EntityName.FORECAST else None
    if weeks is not None:
        horizon = Range(lt=context.today + timedelta(weeks=weeks))
        found.append(Condition("period_start", Op.RANGE, horizon))
    return tuple(found)


def both(criteria: Criteria, further: Criteria) -> Criteria | None:
    """Criteria narrowed by rules; None if nothing can satisfy them."""
    found: Criteria | None = criteria
    for condition in further:
        if found is None:
            break
        if condition.op is Op.IN:
            found = narrow(found, condition.column, condition.value)
        else:
            found = (*found, condition)
    return found


def visible(
    entity: EntityName, records: Sequence[Any], principal: Principal, within: Criteria
) -> Sequence[Any]:
    """Of records that were read, what a caller may see of those that it may see.

    Args:
        entity: What they are.
        records: The records; they must know the rules' columns.
        principal: Who asks.
        within: The rules.
    """
    kept = satisfying(records, within) if within else records
    if sees_everything(principal):
        return kept
    if entity in _HIDDEN:
        return []
    return [_without_internal(r) for r in kept] if entity is EntityName.ITEM else kept


def admitted(named: Collection[str], allowed: frozenset[str] | None) -> bool:
    """Whether what names some places may be seen by who may look at some; None for all.

    What names none might be about any.
    """
    return allowed is None or (bool(named) and allowed.issuperset(named))


def may_hear(event: Event, context: RequestContext) -> bool:
    """Whether a caller may be told of events of a kind: a supplier, of its own orders.

    Where the record is, is another matter: see `resolvers.places`.
    """
    if not context.sees(TYPES.get(event.stream, "")):
        return False
    principal = context.caller
    if sees_everything(principal):
        return True
    return event.stream in _HEARD and event.data.supplier in own_codes(principal)


def _without_internal(record: Record) -> Record:
    hidden = {c: None for c in _INTERNAL if not is_absent(getattr(record, c))}
    return structs.replace(record, **hidden) if hidden else record
