"""Orders that callers try, make and call off."""

from datetime import date
from decimal import Decimal
from typing import Final

import strawberry

from canonical import ordering as records
from canonical.ordering import WantedLine, WantedOrder
from execution.links import REQUIRED, Argument, column, link
from resolvers import ordering
from resolvers.ordering import CancelWish, OrderWish
from schema.lazy import PurchaseOrderType
from schema.publishing import published
from schema.refusals import UserError

_ORDER: Final = "The order, as its leading system has it now; null until that has it."
_WHY: Final = "Why it was refused; empty if it was made or is being made."
_WARNINGS: Final = "What somebody should know, though it was not refused."
_PROCESS: Final = "Id of the process that does it; null if none was begun."
_PENDING: Final = (
    "Whether the process goes on: a system is to be told still, or does not answer. Asking again "
    "with the same key tells what came of it."
)


@strawberry.input(description="A line of a new order.")
class PurchaseOrderLineInput:
    """A line."""

    item: str = strawberry.field(description="Sku of the item.")
    quantity: Decimal = strawberry.field(description="Quantity, in the item's unit.")
    due_on: date = strawberry.field(description="Day on which the goods are wanted.")
    ship_to: str = strawberry.field(description="Code of the location that receives.")
    unit_price: Decimal | None = strawberry.field(
        default=None, description="Price of one unit; the supplier's terms where not given."
    )


def _wanted(
    supplier: str, lines: list[PurchaseOrderLineInput], currency: str | None, note: str | None
) -> WantedOrder:
    return WantedOrder(
        supplier=supplier,
        lines=tuple(
            WantedLine(
                item=line.item,
                quantity=line.quantity,
                due_on=line.due_on,
                ship_to=line.ship_to,
                unit_price=line.unit_price,
            )
            for line in lines
        ),
        currency=currency,
        note=note,
    )


@strawberry.input(description="A new order.")
class CreatePurchaseOrderInput:
    """A new order."""

    supplier: str = strawberry.field(description="Code of the supplier.")
    lines: list[PurchaseOrderLineInput] = strawberry.field(description="What is ordered.")
    idempotency_key: str = strawberry.field(description="Makes a repeated request count once.")
    currency: str | None = strawberry.field(default=None, description="ISO 4217 code.")
    note: str | None = strawberry.field(default=None, description="A note to the supplier.")

    def canonical(self) -> OrderWish:
        """The wish as the resolver takes it."""
        wanted = _wanted(self.supplier, self.lines, self.currency, self.note)
        return OrderWish(wanted, self.idempotency_key)


@strawberry.input(description="A new order that is only tried.")
class ValidatePurchaseOrderInput:
    """A new order that is only tried."""

    supplier: str = strawberry.field(description="Code of the supplier.")
    lines: list[PurchaseOrderLineInput] = strawberry.field(description="What would be ordered.")
    currency: str | None = strawberry.field(default=None, description="ISO 4217 code.")
    note: str | None = strawberry.field(default=None, description="A note to the supplier.")

    def canonical(self) -> WantedOrder:
        """The order as the port has it."""
        return _wanted(self.supplier, self.lines, self.currency, self.note)


@strawberry.input(description="An order that is to be called off.")
class CancelPurchaseOrderInput:
    """An order that is to be called off."""

    id: strawberry.ID = strawberry.field(description="Id of the order, in any of its systems.")
    reason: str = strawberry.field(description="Why; told to the systems that have it.")
    idempotency_key: str = strawberry.field(description="Makes a repeated request count once.")

    def canonical(self) -> CancelWish:
        """The wish as the resolver takes it."""
        return CancelWish(str(self.id), self.reason, self.idempotency_key)


@strawberry.type(description="What came of a new order.")
class CreatePurchaseOrderPayload:
    """What came of it."""

    purchase_order = link(ordering.purchase_order_of, PurchaseOrderType | None, _ORDER)
    user_errors: list[UserError] = column(_WHY)
    warnings: list[UserError] = column(_WARNINGS)
    process: strawberry.ID | None = column(_PROCESS)
    pending: bool = column(_PENDING)


@published(records.PreviewLine)
class PurchaseOrderPreviewLine:
    """A line as it would be ordered."""


@published(records.OrderPreview)
class PurchaseOrderPreview:
    """An order as it would be made."""


@strawberry.type(description="What would come of a new order. Nothing was made.")
class ValidatePurchaseOrderPayload:
    """What would come of it."""

    order: PurchaseOrderPreview | None = column("How it would be made; null if it is refused.")
    user_errors: list[UserError] = column("Why it would be refused.")
    warnings: list[UserError] = column(_WARNINGS)


@strawberry.type(description="What came of calling an order off.")
class CancelPurchaseOrderPayload:
    """What came of it."""

    purchase_order = link(ordering.purchase_order_of, PurchaseOrderType | None, _ORDER)
    user_errors: list[UserError] = column("Why it was called off nowhere.")
    process: strawberry.ID | None = column(_PROCESS)
    pending: bool = column(_PENDING)


CREATE_PURCHASE_ORDER: Final = link(
    ordering.create_purchase_order,
    CreatePurchaseOrderPayload,
    "Order from a supplier: checked first, then made in all systems that are to have it.",
    arguments={"input": Argument(CreatePurchaseOrderInput, "The order.", REQUIRED)},
)
VALIDATE_PURCHASE_ORDER: Final = link(
    ordering.validate_purchase_order,
    ValidatePurchaseOrderPayload,
    "Check an order as `createPurchaseOrder` does; nothing is made.",
    arguments={"input": Argument(ValidatePurchaseOrderInput, "The order.", REQUIRED)},
)
CANCEL_PURCHASE_ORDER: Final = link(
    ordering.cancel_purchase_order,
    CancelPurchaseOrderPayload,
    "Call an order off in every system that has it; the leading one is told first, and if it "
    "refuses, none is.",
    arguments={"input": Argument(CancelPurchaseOrderInput, "The order.", REQUIRED)},
)
