"""What systems tell of orders, as words for their confirmation: for whoever listens to the log."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from canonical.entities import EntityName
from canonical.events import (
    ACKNOWLEDGED,
    STATUS_CHANGED,
    Event,
    PurchaseOrderAcknowledged,
    subject,
)
from canonical.ordering import OrderReference
from canonical.purchase_orders import PurchaseOrderStatus
from workflows.confirmation.words import WORD, Answer, SaidLine, Spoken
from workflows.ordering.handing import named_id
from workflows.process import Engine, Starting

_OVER: Final = frozenset(
    {
        PurchaseOrderStatus.RECEIVED,
        PurchaseOrderStatus.CLOSED,
        PurchaseOrderStatus.CANCELLED,
        PurchaseOrderStatus.REJECTED,
    }
)


def reaction(
    engine: Engine, leading: Sequence[str]
) -> Callable[[Sequence[Event]], Awaitable[None]]:
    """What is done about events of orders (`workflows.triggers.Reaction`): words are said."""

    async def react(events: Sequence[Event]) -> None:
        words = words_of(events, leading)
        if words:
            await engine.start(words)

    return react


def words_of(events: Iterable[Event], leading: Sequence[str]) -> list[Starting]:
    """The words that some events are: promises that a system tells of, and orders that are over.

    An event that comes again is the same word. One of an order that nobody has confirmed begins a
    confirmation, if its system leads orders; of another system it says nothing then.

    Args:
        events: Events of the log, of any kind.
        leading: Systems that lead orders.
    """
    return [
        _word(event, leading)
        for event in events
        if event.applied and (event.type == ACKNOWLEDGED.type or _is_over(event))
    ]


def _is_over(event: Event) -> bool:
    return event.type == STATUS_CHANGED.type and event.data.status in _OVER


def _word(event: Event, leading: Sequence[str]) -> Starting:
    data, answer = event.data, None
    if isinstance(data, PurchaseOrderAcknowledged):
        lines = tuple(
            SaidLine(line_number=x.line_number, quantity=x.confirmed_quantity, on=x.confirmed_on)
            for x in data.lines
            if x.confirmed_quantity is not None or x.confirmed_on is not None
        )
        answer = Answer(lines=lines, system=event.system)
    order = OrderReference(event.system, event.key, data.number)
    supplier = data.supplier or ""
    return Starting(
        kind=WORD,
        process_id=named_id(WORD, event.system, event.source_event_id),
        asked=Spoken(
            order=order,
            supplier=supplier,
            answer=answer,
            leads=event.system in leading,
        ),
        correlation_id=event.correlation_id,
        subjects=(
            subject(EntityName.SUPPLIER, supplier),
            subject(EntityName.PURCHASE_ORDER, data.number),
        ),
    )
