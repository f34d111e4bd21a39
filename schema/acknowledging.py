"""What suppliers say to orders, and what buyers decide on that."""

from datetime import date
from decimal import Decimal
from typing import Final

import strawberry

from canonical import ordering
from canonical.ordering import AcknowledgedWish, AcknowledgementDecision
from canonical.writing import Promise
from execution.links import REQUIRED, Argument, column, link
from resolvers import acknowledging
from schema.publishing import published_enum
from schema.purchase_orders import PurchaseOrder
from schema.refusals import UserError

AcknowledgementChoice = published_enum(ordering.AcknowledgementChoice)


@strawberry.input(description="What is promised for one line.")
class AcknowledgeLineInput:
    """A promise."""

    line_number: int = strawberry.field(description="Number of the order line.")
    confirmed_quantity: Decimal = strawberry.field(
        description="Promised quantity, in the line's unit."
    )
    confirmed_on: date = strawberry.field(description="Promised day.")


@strawberry.input(description="A supplier's answer to an order.")
class AcknowledgePurchaseOrderInput:
    """An answer to an order."""

    number: str = strawberry.field(description="The order's number.")
    lines: list[AcknowledgeLineInput] = strawberry.field(description="What is promised.")
    system: str | None = strawberry.field(
        default=None, description="The order's system, where several have the number."
    )
    note: str | None = strawberry.field(default=None, description="A note to the buyer.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="Makes a repeated request count once."
    )

    def canonical(self) -> AcknowledgedWish:
        """The answer as the port has it."""
        return AcknowledgedWish(
            number=self.number,
            promises=tuple(
                Promise(
                    line_number=line.line_number,
                    quantity=line.confirmed_quantity,
                    on=line.confirmed_on,
                )
                for line in self.lines
            ),
            system=self.system,
            note=self.note,
            key=self.idempotency_key,
        )


@strawberry.input(description="A buyer's decision on a supplier's answer that is off.")
class DecideAcknowledgementInput:
    """A decision."""

    number: str = strawberry.field(description="The order's number.")
    decision: AcknowledgementChoice = strawberry.field(description="What is to be done.")  # type: ignore[valid-type]  # made at run time
    system: str | None = strawberry.field(
        default=None, description="The order's system, where several have the number."
    )
    rest_on: date | None = strawberry.field(
        default=None, description="Day on which the rest is wanted, of a split."
    )
    note: str | None = strawberry.field(
        default=None, description="A text for the supplier, or the reason."
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="Makes a repeated request count once."
    )

    def canonical(self) -> AcknowledgementDecision:
        """The decision as the port has it."""
        return AcknowledgementDecision(
            number=self.number,
            choice=self.decision,
            system=self.system,
            rest_on=self.rest_on,
            note=self.note,
            key=self.idempotency_key,
        )


@strawberry.type(description="What came of an acknowledgement, or of a decision on it.")
class AcknowledgePurchaseOrderPayload:
    """What came of it."""

    purchase_order: PurchaseOrder | None = column("The order as it is now.", inside="")
    user_errors: list[UserError] = column("Why it was refused.")
    pending: bool = column("Whether a buyer has to decide on it, or a system is still to be told.")


ACKNOWLEDGE_PURCHASE_ORDER: Final = link(
    acknowledging.acknowledge,
    AcknowledgePurchaseOrderPayload,
    "Confirm an order as its supplier.",
    arguments={"input": Argument(AcknowledgePurchaseOrderInput, "What is promised.", REQUIRED)},
)
DECIDE_ACKNOWLEDGEMENT: Final = link(
    acknowledging.decide,
    AcknowledgePurchaseOrderPayload,
    "Decide on a supplier's answer that is off: accept it, renegotiate it, split the order, or "
    "cancel it.",
    arguments={"input": Argument(DecideAcknowledgementInput, "The decision.", REQUIRED)},
)
