"""Who may see what.

Planners, buyers and operators see everything, unless their token binds them to suppliers. Who is
bound to suppliers sees what is its own: itself, its orders
with their receipts, the items that it supplies or that stand on its orders, and its own terms;
locations by name, since goods are sent there. Stock, forecasts, recommendations and internal
figures of an item are not its business.

Rules are pushed into the criteria, so that what may not be seen is never read, and hold again for
every record read by key.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import structs

from canonical.absent import is_absent
from canonical.criteria import Criteria, narrow
from canonical.entities import EntityName
from canonical.errors import RefusedError
from canonical.events import Event
from canonical.records import Record
from runtime.security.principal import Principal

OWNER: Final = {
    EntityName.SUPPLIER: "code",
    EntityName.SUPPLY_SOURCE: "supplier",
    EntityName.PURCHASE_ORDER: "supplier",
    EntityName.RECEIPT: "supplier",
}
"""The column that says whose a record is."""

_HIDDEN: Final = frozenset({EntityName.INVENTORY, EntityName.FORECAST, EntityName.RECOMMENDATION})
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


def refusal(entity: EntityName, principal: Principal) -> RefusedError | None:
    """Why a caller may see nothing of an entity; None if there is something to see."""
    if entity in _HIDDEN and not sees_everything(principal):
        return RefusedError(f"suppliers may not see {entity.value.replace('_', ' ')} data")
    return None


def scoped(entity: EntityName, criteria: Criteria, principal: Principal) -> Criteria | None:
    """The criteria narrowed to what a caller may see; None if that is nothing."""
    if sees_everything(principal):
        return criteria
    owner = OWNER.get(entity)
    return criteria if owner is None else narrow(criteria, owner, own_codes(principal))


def scope_columns(entity: EntityName, principal: Principal) -> frozenset[str]:
    """Columns that are needed to tell whether a caller may see a record."""
    owner = OWNER.get(entity)
    return frozenset() if owner is None or sees_everything(principal) else frozenset({owner})


def visible(entity: EntityName, records: Sequence[Any], principal: Principal) -> Sequence[Any]:
    """Of records read by key, what a caller may see of those that it may see."""
    if sees_everything(principal):
        return records
    if entity in _HIDDEN:
        return []
    owner = OWNER.get(entity)
    codes = own_codes(principal)
    kept = [r for r in records if owner is None or getattr(r, owner) in codes]
    return [_without_internal(r) for r in kept] if entity is EntityName.ITEM else kept


def sees_event(event: Event, principal: Principal) -> bool:
    """Whether a caller may be told of an event: a supplier, of what happened to its own orders."""
    if sees_everything(principal):
        return True
    return event.stream in _HEARD and event.data.supplier in own_codes(principal)


def _without_internal(record: Record) -> Record:
    hidden = {c: None for c in _INTERNAL if not is_absent(getattr(record, c))}
    return structs.replace(record, **hidden) if hidden else record
