"""What of canonical columns stands where in the rows that a system is told: mappings backwards.

    supplier: supplier.number          -> supplier.number: {column: supplier}
    unit: {path: uom.code, unit: true} -> uom.code: {column: unit, unit: true}
    item: product.code (`product` is related by its id) -> product_id, found by its code

Only what can be told backwards for sure is: a path, the first of `coalesce`, money of paths, a
path in a related row. Everything else is to be said with `send`.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from connectors.kit.mapping.fields import (
    CoalesceField,
    ConstField,
    EachField,
    MoneyField,
    PathField,
    PositionField,
)
from connectors.kit.mapping.model import EntityMapping
from connectors.kit.mapping.needs import attach_path
from connectors.kit.mapping.writes import Find, LineRows, SendForm

ORDER: Final[Mapping[str, type[Any]]] = {
    "number": str,
    "supplier": str,
    "currency": str,
    "ordered_on": date,
    "company": str,
    "note": str,
    "ship_to": str,
    "due_on": date,
}
"""Columns of an order that is made. `ship_to` is where all lines go, `due_on` the earliest day."""
ORDER_LINE: Final[Mapping[str, type[Any]]] = {
    "line_number": int,
    "item": str,
    "quantity": Decimal,
    "unit": str,
    "unit_price": Decimal,
    "currency": str,
    "due_on": date,
    "ship_to": str,
}
"""Columns of its lines."""
NEEDED: Final = ("supplier", "currency", "ordered_on")
"""Columns that are sent of every order, unless the mapping names others."""
NEEDED_OF_LINES: Final = (
    "line_number",
    "item",
    "quantity",
    "unit",
    "unit_price",
    "due_on",
    "ship_to",
)
"""The same of lines."""
STEP: Final[Mapping[str, Mapping[str, type[Any]]]] = {
    "release": {},
    "cancel": {"reason": str},
    "acknowledge": {"note": str},
    "change": {},
    "receive": {"key": str, "today": date},
}
"""Columns of what each action tells of the order."""
STEP_LINE: Final[Mapping[str, Mapping[str, type[Any]]]] = {
    "release": {},
    "cancel": {},
    "acknowledge": {"line_number": int, "confirmed_quantity": Decimal, "confirmed_on": date},
    "change": {"line_number": int, "quantity": Decimal, "due_on": date},
    "receive": {"line_number": int, "quantity": Decimal},
}
"""Columns of what each action tells of lines."""
FORECAST: Final[Mapping[str, type[Any]]] = {
    "item": str,
    "location": str,
    "period_start": date,
    "period_end": date,
    "quantity": Decimal,
    "version": str,
}
"""Columns of a forecast that is published."""


class Sent(Struct, frozen=True):
    """One value that is sent.

    Attributes:
        path: Where it stands in the row.
        form: What it is.
        target: The Python type of its column; None where no column is meant.
    """

    path: str
    form: SendForm
    target: type[Any] | None = None


class NotBackwardsError(Exception):
    """A column's mapping cannot be told backwards. Says why."""


def line_form(mapping: EntityMapping) -> EachField | None:
    """How lines are read."""
    form = mapping.fields.get("lines")
    return form if isinstance(form, EachField) else None


def line_place(mapping: EntityMapping, rows: LineRows | None) -> str | None:
    """Where the list of lines stands in a row that is sent; `.`: each line is a row of its own."""
    if rows is not None and rows.at is not None:
        return rows.at
    form = line_form(mapping)
    return None if form is None else form.each.lstrip("/")


def as_read(
    mapping: EntityMapping, column: str, target: type[Any], *, line: bool = False
) -> tuple[Sent, ...]:
    """What a column is sent as, if it goes where it is read.

    Args:
        mapping: How the entity is read.
        column: The column; of a line its name within the line.
        target: The Python type of its values.
        line: Whether it is a line's.

    Raises:
        NotBackwardsError: if that cannot be told.
    """
    each = line_form(mapping) if line else None
    if line and each is None:
        raise NotBackwardsError("`lines` have no mapping with `each`")
    fields = mapping.fields if each is None else each.fields
    form = fields.get(column)
    if form is None and column == "currency" and each is not None:
        return ()
    if form is None:
        raise NotBackwardsError("it has no mapping")
    place = "" if each is None else each.each.strip("/.")
    return tuple(_backwards(mapping, form, column, target, place))


def sent_by(send: Mapping[str, SendForm], columns: Mapping[str, type[Any]]) -> tuple[Sent, ...]:
    """What explicit forms send."""
    return tuple(
        Sent(path, form, columns.get(form.column) if form.column else None)
        for path, form in send.items()
    )


def _backwards(
    mapping: EntityMapping, form: Any, column: str, target: type[Any], place: str
) -> Iterator[Sent]:
    match form:
        case ConstField() | PositionField():
            return
        case CoalesceField():
            yield from _backwards(mapping, form.coalesce[0], column, target, place)
        case MoneyField():
            yield from _backwards(mapping, form.money.amount, column, target, place)
            currency = form.money.currency
            if isinstance(currency, CoalesceField):
                currency = currency.coalesce[0]
            if isinstance(currency, PathField) and not currency.path.startswith("/") and place:
                yield from _backwards(mapping, currency, "currency", str, place)
        case PathField():
            yield _to_path(mapping, form, column, target, place)
        case _:
            kind = type(form).__name__.removesuffix("Field").lower()
            raise NotBackwardsError(f"it is read by the form {kind}")


def _to_path(
    mapping: EntityMapping, form: PathField, column: str, target: type[Any], place: str
) -> Sent:
    if form.path.startswith("/") and place:
        raise NotBackwardsError(f"{form.path} is a path of the order, not of its lines")
    path = form.path.lstrip("/")
    if path == ".":
        raise NotBackwardsError("it is the row itself")
    found = _related(mapping, f"{place}.{path}" if place else path)
    sent = _reversed(form, column)
    if found is None:
        return Sent(path, sent, target)
    local, find = found
    return Sent(local, sent.model_copy(update={"find": find}), target)


def _related(mapping: EntityMapping, path: str) -> tuple[str, Find] | None:
    """Where the key of a related row stands, and how it is found, if a path leads into one."""
    for name, related in mapping.related.items():
        attached = attach_path(name, related)
        if not path.startswith(f"{attached}.") or related.many:
            continue
        if len(related.local) != 1:
            raise NotBackwardsError(f"{name} is related by several paths")
        rest = path[len(attached) + 1 :]
        find = Find.model_validate(
            {
                "dataset": related.dataset,
                "options": related.options,
                "path": rest,
                "give": related.remote[0],
            }
        )
        return related.local[0].lstrip("/"), find.model_copy(update={"where": related.where})
    return None


def _reversed(form: PathField, column: str) -> SendForm:
    if isinstance(form.format, tuple) or (form.format and "%V" in form.format):
        raise NotBackwardsError("its dates are written in several forms, or as weeks")
    codes: dict[Any, Any] = {}
    for held, canonical in (form.map or {}).items():
        codes.setdefault(canonical, held)
    return SendForm.model_validate(
        {
            "column": column,
            "type": form.type,
            "format": form.format,
            "map": codes or None,
            "unit": form.unit,
            "digits": form.digits,
            "plus_days": -form.plus_days,
            "plus_months": -form.plus_months,
        }
    )
