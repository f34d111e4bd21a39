"""Items with the unit conversions that the manifest declares beside their own."""

from msgspec.structs import replace

from canonical.absent import is_absent
from canonical.items import Item
from resolvers.context import DeclaredUnits


def with_declared_units(item: Item, units: DeclaredUnits) -> Item:
    """An item that knows all conversions: general ones, its system's, and its own in the manifest.

    One that does not know its unit stays as it is.
    """
    if is_absent(item.unit):
        return item
    own = () if is_absent(item.unit_conversions) else item.unit_conversions or ()
    general = units.get(("", item.unit), ())
    return replace(item, unit_conversions=(*general, *own, *units.get((item.sku, item.unit), ())))
