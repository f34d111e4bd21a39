"""Answers taken: what is within tolerance is told to all systems, the rest waits for a buyer."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from canonical.errors import ConflictError, RejectedError, SupplygraphError
from canonical.ordering import AcknowledgementFinding
from canonical.writing import Promise
from workflows.confirmation.case import UNANSWERED, Case
from workflows.confirmation.facts import OrderFacts
from workflows.confirmation.judging import Judged, judged
from workflows.confirmation.words import Answer, SaidLine, Verdict, VerdictState
from workflows.ordering.handing import OrderMade

_TRIES: Final = 3
_OVER: Final = Verdict(state=VerdictState.OVER)


async def answered(case: Case, answer: Answer) -> Verdict:
    """Take what a supplier says.

    An order that was changed meanwhile is read and judged again.
    """
    for _ in range(_TRIES):
        order = await case.read(to_write=True)
        if order is None or not case.open_lines:
            return _OVER
        news = case.news(answer)
        if not news:
            waiting = any(x.line_number in case.pending for x in answer.lines)
            return Verdict(state=VerdictState.PENDING if waiting else VerdictState.KNOWN)
        try:
            return await _taken(case, order, news, answer)
        except ConflictError:
            continue
        except RejectedError as exc:  # an extension's
            return _refused(exc.code, exc.message)
    await case.report_conflict()
    return _refused("CONFLICT", "the order is being changed just now: answer again in a while")


async def hear_system(case: Case) -> None:
    """What the leading system shows now and did not show before, is an answer too."""
    shown = {} if case.order is None else dict(case.order.said)
    lines = tuple(said for n, said in shown.items() if case.seen.get(n) != said)
    case.seen = shown
    if lines:
        await answered(case, Answer(lines=lines, system=case.sent.system))


async def judge_again(case: Case) -> None:
    """What is no longer off, because the order was changed, needs no decision."""
    fine = [d.promise for d in case.pending.values() if not d.is_off]
    for promise in fine:
        del case.pending[promise.line_number]
    if fine:
        lines = (SaidLine(line_number=p.line_number, quantity=p.quantity, on=p.on) for p in fine)
        await answered(case, Answer(lines=tuple(lines)))


async def hand_on(case: Case) -> None:
    """Have systems know what is promised in which the order was still being made.

    A process that makes it no more, because it failed or was given up, has said so itself.
    """
    process, sent = case.process, case.sent
    if sent.maker is None or not case.confirmed:
        return None
    await process.waits_for(f"the end of process {sent.maker}, which makes the order")
    try:
        made = await process.result(sent.maker, OrderMade)
    except SupplygraphError:
        return None
    case.sent = replace(sent, follow=tuple(o for o in made.orders if o.system != sent.system))
    for _ in range(_TRIES):
        await case.read(to_write=True)
        with suppress(ConflictError):
            return await case.tell(case.confirmed.values(), None)
    await case.report_conflict()
    return None


async def _taken(case: Case, order: OrderFacts, news: Sequence[Promise], answer: Answer) -> Verdict:
    """Judge what is new, and have it known where it has to be.

    Raises:
        ConflictError: the order was changed meanwhile.
        RejectedError: an extension refuses the answer.
    """

    async def judge() -> Judged:
        return judged(order, news, case.parts.policies)

    found = await case.process.step("judge the answer", judge, Judged)
    await case.tell(found.within, answer.note, shown_by=answer.system)
    for promise in found.within:
        case.pending.pop(promise.line_number, None)
        case.confirmed[promise.line_number] = promise
    for deviation in found.outside:
        case.confirmed.pop(deviation.line.number, None)
        case.pending[deviation.line.number] = deviation
    await case.report_deviations()
    if not case.unconfirmed:
        await case.over(UNANSWERED, "the supplier has answered")
    return Verdict(state=VerdictState.PENDING if found.outside else VerdictState.APPLIED)


def _refused(code: str, message: str) -> Verdict:
    finding = AcknowledgementFinding(code=code, message=message)
    return Verdict(state=VerdictState.REFUSED, findings=(finding,))
