"""The process of one order: its supplier's time, its answers, a buyer's decisions, to the end.

sent -> wait -> reminded -> wait -> late, reported -> wait
an answer at any time: what is within tolerance is told to all systems, the rest waits for a
  buyer; what is said of a line later counts instead of what was said before
the end: all open lines are promised, or nothing is to come any more
"""

from typing import Any, Final

import msgspec

from canonical.entities import EntityName
from canonical.events import subject
from workflows.confirmation.answering import answered, hand_on, hear_system, judge_again
from workflows.confirmation.case import Case, Parts
from workflows.confirmation.deciding import decided
from workflows.confirmation.words import (
    CONFIRMATION,
    VERDICTS,
    WORDS,
    Confirmed,
    ConfirmedState,
    OrderSent,
    Verdict,
    VerdictState,
    Word,
)
from workflows.notifications.ports import NoticeKind
from workflows.ordering.handing import place_subject
from workflows.process import CancelledByOperatorError, Process, ProcessKind

_TRIES: Final = 3


def confirmation(parts: Parts) -> ProcessKind:
    """The process `confirmation`, as it can be begun."""

    async def run(process: Process, asked: Any) -> Confirmed:
        sent = asked if isinstance(asked, OrderSent) else _sent(asked)
        return await _confirm(Case(process, sent, parts))

    return ProcessKind(CONFIRMATION, 1, OrderSent, Confirmed, run)


def _sent(asked: Any) -> OrderSent:
    """What ordering hands on, as what is begun with."""
    return msgspec.convert(asked, OrderSent, from_attributes=True)


async def _confirm(case: Case) -> Confirmed:
    process = case.process
    await process.about(subject(EntityName.PURCHASE_ORDER, case.sent.number), *_places(case))
    order = await case.read()
    await case.seek()
    supplier = subject(EntityName.SUPPLIER, case.supplier)
    about = () if order is None else order.about(order.lines)
    await process.about(supplier, *_places(case), *about)
    case.begin(await process.now())
    try:
        await _begin(case)
        while (state := _ended(case)) is None:
            await process.waits_for(_waits_for(case))
            word = await process.wait(WORDS, case.until(), Word)
            if word is None:
                await _look(case)
            else:
                await _hear(case, word)
    except CancelledByOperatorError as exc:
        await case.all_over(f"{exc.actor} gave the confirmation up: {exc.reason}")
        raise
    await hand_on(case)
    if state is not ConfirmedState.UNANSWERED:
        await case.all_over(f"the confirmation has ended: {state.value.replace('_', ' ')}")
    promises = tuple(case.confirmed[n] for n in sorted(case.confirmed))
    return Confirmed(state=state, order=case.sent.reference, promises=promises)


def _places(case: Case) -> list[str]:
    """How it is found by what systems have of the order."""
    return [place_subject(order.system, order.key) for order in case.sent.everywhere]


async def _begin(case: Case) -> None:
    """What the system shows already is an answer, unless it was settled before."""
    if case.sent.promised is not None:
        case.confirmed = {p.line_number: p for p in case.sent.promised}
        case.seen = {} if case.order is None else dict(case.order.said)
    else:
        await hear_system(case)
    if case.sent.first is not None:
        await _hear(case, case.sent.first)


def _ended(case: Case) -> ConfirmedState | None:
    if case.is_called_off:
        return ConfirmedState.CALLED_OFF
    if not case.open_lines:
        return ConfirmedState.OVER
    if not case.unconfirmed and not case.pending:
        return ConfirmedState.CONFIRMED
    return ConfirmedState.UNANSWERED if case.now >= case.expires else None


def _waits_for(case: Case) -> str:
    said: list[str] = []
    if case.unconfirmed:
        lines = ", ".join(map(str, case.unconfirmed))
        late = "which is late" if case.due is None else f"until {case.due:%Y-%m-%d %H:%M} UTC"
        said.append(f"the supplier's answer to lines {lines}, {late}")
    if case.pending:
        lines = ", ".join(map(str, case.pending))
        said.append(f"a buyer's decision on lines {lines}")
    return "; ".join(said)


async def _look(case: Case) -> None:
    """Nobody said a word: see what the systems show, and remind the supplier when that is due."""
    now = await case.process.now()
    await case.read()
    case.looked(now)
    await hear_system(case)
    await judge_again(case)
    if case.due is None or now < case.due or not case.unconfirmed:
        return
    if case.reminded < case.patience.reminders:
        case.reminded += 1
        lines = ", ".join(map(str, case.unconfirmed))
        text = f"Please confirm order {case.sent.number}: lines {lines} are not confirmed yet."
        once = f"reminder-{now.isoformat()}"
        await case.notice(NoticeKind.CONFIRMATION_REMINDER, "please confirm", text, once)
        case.due = case.after(now, case.patience.reminder_hours)
    else:
        case.due = None
        await case.report_late()


async def _hear(case: Case, word: Word) -> None:
    if word.answer is not None:
        verdict = await answered(case, word.answer)
    elif word.decision is not None:
        verdict = await decided(case, word.decision)
    else:
        await case.read()
        await hear_system(case)
        await judge_again(case)
        verdict = Verdict(state=VerdictState.KNOWN)
    case.now = await case.process.now()
    if word.reply_to is not None:
        await case.process.signal(word.reply_to, VERDICTS, verdict)
