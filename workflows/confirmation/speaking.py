"""The process of one word: it finds the confirmation of its order, or begins one, and is heard.

A confirmation may end while a word is on its way; then the word is said to the next one. So no word
is lost, and its outcome is what came of it.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from canonical.errors import SupplygraphError
from canonical.ordering import OrderReference
from canonical.processes import ENDED, Processes, ProcessFilter, ProcessView
from canonical.writing import Promise
from workflows.confirmation.facts import OrderFacts, OrderReader
from workflows.confirmation.words import (
    CONFIRMATION,
    VERDICTS,
    WORD,
    WORDS,
    Confirmed,
    OrderSent,
    Spoken,
    Verdict,
    VerdictState,
    Word,
)
from workflows.ordering.handing import ORDERING, confirmation_id, place_subject, placed
from workflows.process import Process, ProcessKind

_FIRST_PAUSE: Final = timedelta(seconds=5)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_ROUNDS: Final = 50


class Found(Struct, frozen=True):
    """The confirmation that is to hear a word.

    Attributes:
        process_id: Its id; None if there is none, and none is to be begun.
        begins: What it is to be begun with; None if it is under way.
        former: The confirmation of the same order before it, which has ended.
    """

    process_id: str | None = None
    begins: OrderSent | None = None
    former: str | None = None


class Speaking:
    """Finds who is to hear a word.

    Args:
        processes: Confirmations.
        reader: Reads orders.
        systems: Systems that may have the same order.
    """

    def __init__(self, processes: Processes, reader: OrderReader, systems: Sequence[str]) -> None:
        self._processes = processes
        self._reader = reader
        self._systems = systems

    def kind(self) -> ProcessKind:
        """The process `confirmation_word`, as it can be begun."""
        return ProcessKind(WORD, 1, Spoken, Verdict, self._run)

    async def _run(self, process: Process, spoken: Spoken) -> Verdict:
        while True:
            found = await process.step(
                "find the confirmation", lambda: self._find(process, spoken), Found
            )
            if found.process_id is None:
                return Verdict(state=VerdictState.NOTHING)
            word = Word(answer=spoken.answer, decision=spoken.decision, reply_to=process.id)
            if found.begins is not None:
                sent = replace(await _settled(process, found, found.begins), first=word)
                await process.start(CONFIRMATION, found.process_id, sent)
            # Somebody else may have begun it; an answer that is heard twice says nothing new.
            await process.signal(found.process_id, WORDS, word)
            verdict = await self._heard(process, found.process_id)
            if verdict is not None:
                return verdict

    async def _heard(self, process: Process, listener: str) -> Verdict | None:
        """What came of the word; None if the confirmation has ended without hearing it."""
        pause, is_over = _FIRST_PAUSE, False
        while True:
            now = await process.now()
            until = now if is_over else now + pause
            verdict = await process.wait(VERDICTS, until, Verdict)
            if verdict is not None or is_over:
                return verdict
            is_over = await process.step("is it still heard", lambda: self._ended(listener), bool)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _ended(self, process_id: str) -> bool:
        view = (await self._processes.by_ids([process_id])).get(process_id)
        return view is not None and view.state in ENDED

    async def _find(self, process: Process, spoken: Spoken) -> Found:
        """The confirmation of an order that is under way, or the next one."""
        order = spoken.order
        wanted = ProcessFilter(
            kinds=(CONFIRMATION,), subjects=(place_subject(order.system, order.key),)
        )
        page = await self._processes.page(wanted, first=_ROUNDS, after=None)
        running = [p.process_id for p in page.processes if p.state not in ENDED]
        if running:
            return Found(running[0])
        first = confirmation_id(order.system, order.key)
        names = [first, *(f"{first}-{n}" for n in range(2, _ROUNDS + 1))]
        begun = await self._processes.by_ids(names)
        free = next((n for n in names if n not in begun or begun[n].state not in ENDED), None)
        if free is None or free in begun:
            return Found(free)
        if spoken.answer is None or not (spoken.leads or page.processes):
            return Found()
        seen = await self._reader.order(order, process.correlation_id, whole=False)
        if seen is None:
            return Found()
        former = page.processes[0] if page.processes else None
        known = former or await self._maker(order)
        is_made = known is None or known.state in ENDED
        sent = OrderSent(
            system=order.system,
            key=order.key,
            number=order.number or order.key,
            supplier=seen.supplier,
            follow=self._others(known, order) if known is not None and is_made else (),
            seeks=known is None,
            maker=None if known is None or is_made else known.process_id,
            promised=_before(seen, spoken),
        )
        return Found(free, sent, None if former is None else former.process_id)

    async def _maker(self, order: OrderReference) -> ProcessView | None:
        """The process that makes an order, or has made it; None if none of ours did."""
        place = place_subject(order.system, order.key)
        wanted = ProcessFilter(kinds=(ORDERING,), subjects=(place,))
        page = await self._processes.page(wanted, first=1, after=None)
        return page.processes[0] if page.processes else None

    def _others(self, known: ProcessView, order: OrderReference) -> tuple[OrderReference, ...]:
        """What other systems have of an order, as a process that has ended knew it."""
        places = ((s, placed(known.subjects, s)) for s in self._systems)
        return tuple(OrderReference(s, key) for s, key in places if key and s != order.system)


async def _settled(process: Process, found: Found, sent: OrderSent) -> OrderSent:
    """What a confirmation begins with: what the one before it has settled is settled."""
    if found.former is None:
        return sent
    with suppress(SupplygraphError):
        former = await process.result(found.former, Confirmed)
        return OrderSent(
            system=former.order.system,
            key=former.order.key,
            number=former.order.number or former.order.key,
            supplier=sent.supplier,
            follow=tuple(o for o in sent.everywhere if o.system != former.order.system),
            promised=former.promises,
        )
    return sent


def _before(seen: OrderFacts, spoken: Spoken) -> tuple[Promise, ...]:
    """What was promised before a word: what the system shows, but for what the word says itself."""
    told = set()
    if spoken.answer is not None and spoken.answer.system == seen.order.system:
        told = {line.line_number for line in spoken.answer.lines}
    return tuple(p for n, p in sorted(seen.promises.items()) if n not in told)
