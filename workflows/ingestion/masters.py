"""What can be told of suppliers and items."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import fields

from canonical.absent import is_absent
from canonical.entities import EntityName
from canonical.events import ITEM_CHANGED, SUPPLIER_CHANGED, ItemChanged, SupplierChanged
from canonical.items import Item
from canonical.suppliers import Supplier
from workflows.ingestion.telling import GONE, Change, Late, Told, demanded, subjects, value

_SUPPLIER = tuple(f.name for f in fields(Supplier) if f.name != "provenance")
_ITEM = tuple(f.name for f in fields(Item) if f.name != "provenance")

Tell = Callable[[Any, tuple[str, ...]], Told]


def supplier_changes(change: Change) -> Iterator[Told]:
    """Columns of a supplier changed; all that are known of one that is new."""
    return _changes(change, _SUPPLIER, _supplier)


def supplier_late(late: Late) -> Iterator[Told]:
    """Columns of a supplier were others once."""
    return _late(late, _SUPPLIER, _supplier)


def supplier_gone(_key: str, known: Supplier) -> Iterator[Told]:
    """A supplier is no longer in its system."""
    yield _supplier(known, (GONE,))


def item_changes(change: Change) -> Iterator[Told]:
    """Columns of an item changed; all that are known of one that is new."""
    return _changes(change, _ITEM, _item)


def item_late(late: Late) -> Iterator[Told]:
    """Columns of an item were others once."""
    return _late(late, _ITEM, _item)


def item_gone(_key: str, known: Item) -> Iterator[Told]:
    """An item is no longer in its system."""
    yield _item(known, (GONE,))


def _changes(change: Change, columns: tuple[str, ...], tell: Tell) -> Iterator[Told]:
    changed = change.changed(columns)
    if change.before is None and change.is_news:
        changed = [c for c in columns if change.has(c)]
    if changed:
        yield tell(change.after, tuple(sorted(changed)))


def _late(late: Late, columns: tuple[str, ...], tell: Tell) -> Iterator[Told]:
    """Only what was reported as a change: what a whole record once was tells not of one."""
    changed = [c for c in columns if late.differs(c)] if late.partial else []
    if changed:
        yield tell(late.known, tuple(sorted(changed)))


def _supplier(supplier: Supplier, changed: tuple[str, ...]) -> Told:
    data = SupplierChanged(
        code=demanded(supplier, "code"), changed=changed, status=value(supplier, "status")
    )
    return Told(SUPPLIER_CHANGED, data, subjects((EntityName.SUPPLIER, data.code)))


def _item(item: Item, changed: tuple[str, ...]) -> Told:
    supplier = item.preferred_supplier
    data = ItemChanged(sku=demanded(item, "sku"), changed=changed, status=value(item, "status"))
    about = subjects(
        (EntityName.ITEM, data.sku),
        (EntityName.SUPPLIER, None if is_absent(supplier) else supplier),
    )
    return Told(ITEM_CHANGED, data, about)
