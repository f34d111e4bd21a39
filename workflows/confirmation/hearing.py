"""What systems tell of orders, as words for their confirmation: for whoever listens to the log."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from canonical.entities import EntityName
from canonical.events import (
    ACKNOWLEDGED,
    LINE_RESCHEDULED,
    STATUS_CHANGED,
    Event,
    PurchaseOrderAcknowledged,
    subject,
)
from canonical.ordering import OrderReference
from canonical.processes import Processes, ProcessFilter
from canonical.purchase_orders import PurchaseOrderStatus
from workflows.confirmation.words import (
    CONFIRMATION,
    WORD,
    Answer,
    OrderSent,
    SaidLine,
    Spoken,
)
from workflows.ordering.handing import ORDERING, confirmation_id, named_id, place_subject
from workflows.process import Engine, Starting

_OVER: Final = frozenset(
    {
        PurchaseOrderStatus.RECEIVED,
        PurchaseOrderStatus.CLOSED,
        PurchaseOrderStatus.CANCELLED,
        PurchaseOrderStatus.REJECTED,
    }
)

_OURS: Final = re.compile(rf"{CONFIRMATION}-[0-9a-f]{{24}}(-\d+)?/")
"""How reports on what a confirmation has written are named: it knows that itself."""
_HEARD: Final = frozenset({ACKNOWLEDGED.type, LINE_RESCHEDULED.type})


class Listening:
    """Hears what the log tells of orders.

    Args:
        engine: Begins processes.
        processes: Looks whether an order is one of ours, whose ordering has it confirmed itself.
        leading: Systems that lead orders.
        others: Whether orders that are not of ours are confirmed too.
    """

    def __init__(
        self, engine: Engine, processes: Processes, leading: Sequence[str], *, others: bool = True
    ) -> None:
        self._engine = engine
        self._processes = processes
        self._leading = leading if others else ()

    async def hear(self, events: Sequence[Event]) -> None:
        """Say words, and have sent orders confirmed (`workflows.triggers.Reaction`)."""
        starting = words_of(events, self._leading)
        for event in events:
            if _is_sent(event) and event.system in self._leading:
                starting += await self._sent(event)
        if starting:
            await self._engine.start(starting)

    async def _sent(self, event: Event) -> list[Starting]:
        """The confirmation of an order that was sent; none if its ordering will begin it."""
        place = place_subject(event.system, event.key)
        wanted = ProcessFilter(kinds=(ORDERING,), subjects=(place,))
        if (await self._processes.page(wanted, first=1, after=None)).total:
            return []
        data = event.data
        sent = OrderSent(
            system=event.system,
            key=event.key,
            number=data.number,
            supplier=data.supplier or "",
            seeks=True,
        )
        return [
            Starting(
                kind=CONFIRMATION,
                process_id=confirmation_id(event.system, event.key),
                asked=sent,
                correlation_id=event.correlation_id,
                subjects=(*event.subjects, place),
            )
        ]


def words_of(events: Iterable[Event], leading: Sequence[str]) -> list[Starting]:
    """The words that some events are.

    Promises that a system tells of are an answer; an order that is over, or wanted on another day,
    is looked at. An event that comes again is the same word. Of an order that nobody has confirmed,
    promises begin a confirmation, if its system leads orders; of another system they say nothing.

    Args:
        events: Events of the log, of any kind.
        leading: Systems that lead orders.
    """
    return [
        _word(event, leading)
        for event in events
        if event.applied
        and (event.type in _HEARD or _is_over(event))
        and not _OURS.match(event.source_event_id)
    ]


def _is_sent(event: Event) -> bool:
    sent = PurchaseOrderStatus.SENT
    return event.applied and event.type == STATUS_CHANGED.type and event.data.status is sent


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
