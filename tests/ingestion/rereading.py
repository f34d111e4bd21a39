"""Letters of orders, as JSON of number and status, and how they are read again."""

from collections.abc import Sequence

import msgspec

from canonical.dead_letters import DeadLetter
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.observations import Observation
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from workflows.ingestion.intake import Delivery


class Order(msgspec.Struct):
    """What is sent of an order."""

    number: str
    status: PurchaseOrderStatus


class JSONOrders:
    """Reads orders that came as JSON."""

    async def read(self, letter: DeadLetter, body: bytes) -> Sequence[Delivery]:
        try:
            orders = msgspec.json.decode(body, type=list[Order])
        except msgspec.DecodeError as exc:
            raise InvalidInputError(str(exc)) from exc
        reports = tuple(
            Observation(
                system=letter.system,
                entity=EntityName.PURCHASE_ORDER,
                key=order.number,
                record=PurchaseOrder(number=order.number, supplier="S1", status=order.status),
                occurred_at=letter.received_at,
                source_event_id=f"{letter.headers['id']}:{order.number}",
            )
            for order in orders
        )
        name = letter.headers["id"]
        return [Delivery(system=letter.system, observations=reports, delivery_id=name)]


BAD = b'[{"number": "PO1", "status": "SNET"}]'
GOOD = b'[{"number": "PO1", "status": "SENT"}]'


def letter(body: bytes = BAD, *, way: str = "webhook", name: str = "d1") -> DeadLetter:
    """A letter of the ERP."""
    return DeadLetter(
        system="erp",
        way=way,
        reason="schema",
        message="no such status",
        body=body,
        headers={"id": name},
    )


async def bury(ledger: Ledger, *letters: DeadLetter) -> Sequence[str]:
    """Bury letters, and note their deliveries as taken."""

    async def work(writing: Writing) -> Sequence[str]:
        await writing.take("erp", {each.headers["id"]: "buried" for each in letters})
        return await writing.bury(letters)

    return await ledger.write(work)
