"""What callers send to Coupa, read and checked: errors by field, as it writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from sandbox.coupa.rows import INSTANCE_ZONE, KEY_FIELD, Row
from sandbox.world import World
from sandbox.world.records import Item, Line, Order, Schedule, Supplier

_LONGEST_NUMBER = 20
_LONGEST_KEY = 50


class RefusedError(Exception):
    """What is told is refused: status and messages by field."""

    def __init__(self, status: int, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(str(errors))
        self.status = status
        self.errors = {field: list(messages) for field, messages in errors.items()}


class Errors:
    """Messages by field, gathered: all of them are told at once."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def add(self, field: str, message: str) -> None:
        """One more message, once."""
        messages = self._found.setdefault(field, [])
        if message not in messages:
            messages.append(message)

    def refuse(self, status: int = 422) -> None:
        """Refuse, if there are any.

        Raises:
            RefusedError: there are.
        """
        if self._found:
            raise RefusedError(status, self._found)


def read_body(body: bytes) -> Row:
    """A JSON object.

    Raises:
        RefusedError: it is none.
    """
    try:
        return msgspec.json.decode(body, type=dict[str, Any]) if body else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RefusedError(400, {"base": ["The body is not a JSON object"]}) from None


class OrderForms:
    """Reads orders and their lines, in the distributor's own words."""

    def __init__(self, world: World) -> None:
        self._suppliers = {s.coupa_number: s for s in world.suppliers}
        self._items = {item.coupa_number: item for item in world.items}
        self._plants = {plant.coupa_code: plant.code for plant in world.plants}
        self._currencies = {s.currency for s in world.suppliers}
        self._region = {plant.code: plant.region for plant in world.plants}

    def order(self, told: Row, number: str, at: datetime, taken: set[str]) -> Order:
        """An order that is to be made.

        Raises:
            RefusedError: with everything that is wrong.
        """
        errors = Errors()
        if told.get("type") != "ExternalOrderHeader":
            errors.add("type", "must be ExternalOrderHeader: other orders come of requisitions")
        supplier = self._supplier(told, errors)
        currency = _at(told, "currency", "code")
        if currency not in self._currencies:
            errors.add("currency", "must exist")
        number = str(told.get("po-number") or number)
        if number in taken:
            errors.add("po-number", "has already been taken")
        if len(number) > _LONGEST_NUMBER:
            errors.add("po-number", f"is too long (maximum is {_LONGEST_NUMBER} characters)")
        key_of(told, errors)
        rows = told.get("order-lines") or []
        if not rows:
            errors.add("order-lines", "must have at least one line")
        lines = [self.line(row, number, n, told, errors) for n, row in enumerate(rows, start=1)]
        if len({_place(row, n) for n, row in enumerate(rows, start=1)}) < len(rows):
            errors.add("order-lines.line-num", "must be unique")
        errors.refuse()
        made = tuple(line for line in lines if line is not None)
        if supplier is None:
            raise AssertionError  # that was refused
        return Order(
            number=number,
            system="procurement",
            region=self._region[made[0].plant],
            supplier=supplier.number,
            state="draft",
            ordered_on=at.astimezone(INSTANCE_ZONE).date(),
            created_at=at,
            changed_at=at,
            acknowledged_at=None,
            currency=str(currency),
            buyer="INTEGRATION",
            terms=supplier.terms,
            incoterms=supplier.incoterms,
            lines=made,
        )

    def line(self, told: Row, order: str, place: int, header: Row, errors: Errors) -> Line | None:
        """A line of an order; None, with errors, if it cannot be one."""
        item = self._item(told, errors)
        unit = _unit(told, item, errors)
        quantity = _number(told, "quantity", errors)
        price = _number(told, "price", errors)
        due_on = wanted_day(told, errors)
        plant = self._plant(told, header, errors)
        if item is None or unit is None or due_on is None or plant is None:
            return None
        if quantity is None or price is None:
            return None
        return _line(item, order, quantity, (unit, price), (due_on, plant), _place(told, place))

    def _item(self, told: Row, errors: Errors) -> Item | None:
        item = self._items.get(str(_at(told, "item", "item-number")))
        if item is None:
            errors.add("order-lines.item", "must exist")
        elif item.status != "active":
            errors.add("order-lines.item", f"{item.coupa_number} is not active")
        return item

    def _plant(self, told: Row, header: Row, errors: Errors) -> str | None:
        name, inner = "ship-to-address", "location-code"
        plant = self._plants.get(str(_at(told, name, inner) or _at(header, name, inner)))
        if plant is None:
            errors.add("order-lines.ship-to-address", "must exist")
        return plant

    def _supplier(self, told: Row, errors: Errors) -> Supplier | None:
        supplier = self._suppliers.get(str(_at(told, "supplier", "number")))
        if supplier is None:
            errors.add("supplier", "must exist")
        elif supplier.status != "approved":
            errors.add("supplier", f"{supplier.coupa_number} is on hold or inactive")
        return supplier


def key_of(told: Row, errors: Errors) -> str | None:
    """The caller's own key."""
    fields = told.get("custom-fields") or {}
    unknown = sorted(set(fields) - {KEY_FIELD})
    if unknown:
        errors.add("custom-fields", f"{', '.join(unknown)} is not defined")
    key = fields.get(KEY_FIELD)
    if key is not None and (not isinstance(key, str) or len(key) > _LONGEST_KEY):
        errors.add(KEY_FIELD, f"is too long (maximum is {_LONGEST_KEY} characters)")
        return None
    return key


def number_of(value: Any) -> Decimal | None:
    """A number, as text or as such."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def day_of(value: Any) -> date | None:
    """A day, with or without the time that Coupa shows with it."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _at(told: Row, name: str, inner: str) -> Any:
    value = told.get(name)
    return value.get(inner) if isinstance(value, dict) else None


def _place(told: Row, place: int) -> int:
    text = str(told.get("line-num", place))
    return int(text) if text.isdigit() else place


def _unit(told: Row, item: Item | None, errors: Errors) -> str | None:
    unit = str(_at(told, "uom", "code"))
    if item is None:
        return None
    if unit not in {item.base_unit, *([item.alternative.code] if item.alternative else [])}:
        errors.add("order-lines.uom", f"{unit} is no unit of {item.coupa_number}")
        return None
    return unit


def _number(told: Row, name: str, errors: Errors) -> Decimal | None:
    number = number_of(told.get(name))
    least = "greater than 0" if name == "quantity" else "greater than or equal to 0"
    if number is None or number < 0 or (name == "quantity" and not number):
        errors.add(f"order-lines.{name}", f"must be {least}")
        return None
    return number


def wanted_day(told: Row, errors: Errors) -> date | None:
    """The day on which a line is wanted."""
    day = day_of(told.get("need-by-date"))
    if day is None:
        errors.add("order-lines.need-by-date", "is not a valid date")
    return day


def _line(
    item: Item,
    order: str,
    quantity: Decimal,
    priced: tuple[str, Decimal],
    wanted: tuple[date, str],
    number: int,
) -> Line:
    unit, price = priced
    due_on, plant = wanted
    alternative = item.alternative if item.alternative and unit == item.alternative.code else None
    parts = [s.part_number for s in item.sources]
    return Line(
        order=order,
        number=number,
        item=item.number,
        plant=plant,
        quantity=quantity,
        unit=unit,
        numerator=alternative.numerator if alternative else 1,
        denominator=alternative.denominator if alternative else 1,
        price=price,
        price_quantity=1,
        price_unit=unit,
        price_factor=(1, 1),
        part_number=parts[0] if parts else "",
        schedule=(Schedule(due_on, quantity, None, None),),
        received=Decimal(0),
        deleted=False,
        completed=False,
        invoiced=False,
    )
