"""What ordering is handed, what it hands on, and how everything about an order is called.

OrderAsked     begins the process `ordering`; its outcome is an OrderMade
OrderHanded    begins the process `confirmation`, once the order is on its way to the supplier
OrderChanged   begins the process `order_following`, when the leading system says so
OrderGivenUp   begins the process `order_cancelling`, when a person says so
"""

import base64
import hashlib
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import override

from canonical.entities import EntityName
from canonical.events import subject
from canonical.ordering import Finding, OrderReference, WantedOrder
from canonical.purchase_orders import PurchaseOrderStatus

ORDERING: Final = "ordering"
CONFIRMATION: Final = "confirmation"
FOLLOWING: Final = "order_following"
CANCELLING: Final = "order_cancelling"

_KEY_BYTES: Final = 15
_KEY_LENGTH: Final = 12
_ID_LENGTH: Final = 24
_PRINT_LENGTH: Final = 32
_PLACE: Final = "order"
_CONTENT: Final = "content"


class OrderAsked(Struct, frozen=True, kw_only=True):
    """An order that is to be made.

    Attributes:
        wanted: What is wanted.
        actor: Who wants it.
    """

    wanted: WantedOrder
    actor: str


class OrderState(StrEnum):
    """What came of a wish for an order."""

    MADE = "made"
    """Every system has it."""
    SETTLED = "settled"
    """What a system could not be told, an operator has settled otherwise; the others have it."""
    REFUSED = "refused"
    """No system has it, or has it other than as called off."""
    CALLED_OFF = "called_off"
    """It was called off meanwhile, or given up by an operator: no system goes on with it."""


class OrderMade(Struct, frozen=True, kw_only=True):
    """What came of a wish for an order.

    Attributes:
        state: What.
        findings: Why it was refused.
        warnings: What somebody should know of it.
        orders: What the systems have, the leading one first; also what they have called off.
        left: Systems that should not have it any more and could not be told; each has an exception.
    """

    state: OrderState
    findings: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    orders: tuple[OrderReference, ...] = ()
    left: tuple[str, ...] = ()

    @override
    def __str__(self) -> str:
        where = ", ".join(f"{each.number or each.key} in {each.system}" for each in self.orders)
        why = "; ".join(each.message for each in self.findings)
        said = self.state.value.replace("_", " ")
        if where or why:
            said = f"{said}: {where or why}"
        return f"{said}; left in {', '.join(self.left)}" if self.left else said


class OrderHanded(Struct, frozen=True, kw_only=True):
    """An order that is on its way to the supplier, who has to confirm it.

    Attributes:
        system: The system that leads it.
        key: Its key there.
        number: Its number there.
        supplier: Code of the supplier.
        follow: What the other systems have of it, to be told of what is confirmed.
    """

    system: str
    key: str
    number: str
    supplier: str
    follow: tuple[OrderReference, ...] = ()


class OrderChanged(Struct, frozen=True, kw_only=True):
    """An order that came to another status in the system that leads it."""

    system: str
    key: str
    number: str
    status: PurchaseOrderStatus


class OrderFollowed(Struct, frozen=True, kw_only=True):
    """What came of calling an order off.

    Attributes:
        orders: What is called off.
        left: Systems that have it still; each has an exception.
        findings: Why it was called off nowhere.
    """

    orders: tuple[OrderReference, ...] = ()
    left: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @override
    def __str__(self) -> str:
        if self.findings:
            return "; ".join(each.message for each in self.findings)
        where = ", ".join(f"{each.number or each.key} in {each.system}" for each in self.orders)
        said = f"called off: {where}" if where else "nothing to call off"
        return f"{said}; left in {', '.join(self.left)}" if self.left else said


class OrderGivenUp(Struct, frozen=True, kw_only=True):
    """An order that a person calls off."""

    order: OrderReference
    reason: str
    actor: str


def order_key(process_id: str) -> str:
    """What systems know the order of a process by: 12 letters and digits, for short fields.

    Two of a million orders are the same with a chance of one in two million.
    """
    digest = hashlib.sha256(process_id.encode()).digest()
    return base64.b32encode(digest[:_KEY_BYTES]).decode()[:_KEY_LENGTH]


def named_id(kind: str, *names: str) -> str:
    """The id of a process that is named by something: the same names, the same id."""
    packed = msgspec.json.encode(names)
    return f"{kind}-{hashlib.sha256(packed).hexdigest()[:_ID_LENGTH]}"


def confirmation_id(system: str, key: str) -> str:
    """The id of the process that has an order confirmed: one for each order."""
    return named_id(CONFIRMATION, system, key)


def place_subject(system: str, key: str) -> str:
    """How a process that made an order in a system is found: `order:erp:45`."""
    return f"{_PLACE}:{system}:{key}"


def placed(subjects: Iterable[str], system: str) -> str | None:
    """The key in a system of the order that a process with some subjects has made; None if none."""
    beginning = place_subject(system, "")
    return next((s.removeprefix(beginning) for s in subjects if s.startswith(beginning)), None)


def systems_of(subjects: Iterable[str]) -> frozenset[str]:
    """The systems in which a process with some subjects has made an order."""
    return frozenset(s.split(":", 2)[1] for s in subjects if s.startswith(f"{_PLACE}:"))


def subjects_of(wanted: WantedOrder) -> tuple[str, ...]:
    """What a wish for an order is about."""
    found = [subject(EntityName.SUPPLIER, wanted.supplier)]
    found += [subject(EntityName.ITEM, line.item) for line in wanted.lines]
    found += [subject(EntityName.LOCATION, line.ship_to) for line in wanted.lines]
    return tuple(dict.fromkeys(found))


def content_subject(content: Struct) -> str:
    """What tells two wishes apart that came under one key: `content:` and a digest.

    Quantities that are equal are the same, however they are written.
    """
    if isinstance(content, WantedOrder):
        lines = tuple(
            replace(
                line,
                quantity=_plain(line.quantity),
                unit_price=None if line.unit_price is None else _plain(line.unit_price),
            )
            for line in content.lines
        )
        content = replace(content, lines=lines)
    digest = hashlib.sha256(msgspec.json.encode(content)).hexdigest()
    return f"{_CONTENT}:{digest[:_PRINT_LENGTH]}"


def contents_of(subjects: Iterable[str]) -> frozenset[str]:
    """What a process with some subjects was begun for, as `content_subject` has it."""
    return frozenset(s for s in subjects if s.startswith(f"{_CONTENT}:"))


def _plain(amount: Decimal) -> Decimal:
    text = format(amount, "f")
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)
