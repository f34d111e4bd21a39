"""What a buyer decides on answers that are off, done.

accept        what is promised counts, and all systems are told
renegotiate   it does not count: the supplier is written to, and its time begins again
split         what is missing is ordered anew, the lines are cut to what is promised, which counts
cancel        the lines are called off; the whole order, if no other line is open
"""

from collections.abc import Sequence
from typing import Final

from canonical.errors import ConflictError, SupplygraphError
from canonical.ordering import (
    AcknowledgementChoice,
    AcknowledgementFinding,
    Finding,
    FindingCode,
    WantedLine,
    WantedOrder,
)
from canonical.writing import Ability, LineChange
from workflows.confirmation.case import Case
from workflows.confirmation.judging import Deviation
from workflows.confirmation.words import Decision, Verdict, VerdictState
from workflows.notifications.ports import NoticeKind
from workflows.ordering.handing import (
    CANCELLING,
    ORDERING,
    OrderAsked,
    OrderFollowed,
    OrderGivenUp,
    OrderMade,
    OrderState,
    named_id,
)

_TRIES: Final = 3
_APPLIED: Final = Verdict(state=VerdictState.APPLIED)


async def decided(case: Case, decision: Decision) -> Verdict:
    """Do what a buyer decides."""
    for _ in range(_TRIES):
        await case.read(to_write=True)
        if not case.open_lines:
            return Verdict(state=VerdictState.OVER)
        if not case.pending:
            return _refused("NOTHING_TO_DECIDE", "no answer of its supplier waits for a decision")
        try:
            verdict = await _done(case, decision)
        except ConflictError:
            continue
        if verdict is _APPLIED:
            await case.report_deviations()
        return verdict
    await case.report_conflict()
    return _refused("CONFLICT", "the order is being changed just now: decide again in a while")


async def _done(case: Case, decision: Decision) -> Verdict:
    match decision.choice:
        case AcknowledgementChoice.ACCEPT:
            await _accept(case, decision)
        case AcknowledgementChoice.RENEGOTIATE:
            await _renegotiate(case, decision)
        case AcknowledgementChoice.SPLIT:
            return await _split(case, decision)
        case AcknowledgementChoice.CANCEL:
            return await _cancel(case, decision)
    return _APPLIED


async def _accept(case: Case, decision: Decision) -> None:
    promises = [d.promise for d in case.pending.values()]
    await case.tell(promises, decision.note)
    case.confirmed.update({p.line_number: p for p in promises})
    case.pending.clear()


async def _renegotiate(case: Case, decision: Decision) -> None:
    said = "; ".join(d.message() for d in case.pending.values())
    now = await case.process.now()
    text = f"Order {case.sent.number} cannot be accepted as it was confirmed: {said}."
    if decision.note:
        text += f" {decision.note}"
    once = f"renegotiation-{now.isoformat()}"
    await case.notice(NoticeKind.CONFIRMATION_REQUESTED, "please confirm anew", text, once)
    case.pending.clear()
    case.wait_anew(now)


async def _split(case: Case, decision: Decision) -> Verdict:
    """Cut lines to what is promised; what is missing becomes an order of its own.

    Once that is ordered, it goes on with what it was made of, however the order changes meanwhile.
    """
    if not case.split:
        off = list(case.pending.values())
        refused = _cannot_split(case, off, decision) or await _order_rest(case, off, decision)
        if refused is not None:
            return refused
        case.split = off
    off = case.split
    short = [d for d in off if d.short > 0]
    await case.change(
        [LineChange(line_number=d.line.number, quantity=d.promise.quantity) for d in short]
    )
    case.dropped.update(d.line.number for d in short if not d.promise.quantity)
    kept = [d.promise for d in off if d.line.number not in case.dropped]
    await case.tell(kept, decision.note)
    case.split = []
    case.confirmed.update({p.line_number: p for p in kept})
    case.pending.clear()
    return _APPLIED


async def _order_rest(case: Case, off: Sequence[Deviation], decision: Decision) -> Verdict | None:
    """Order what is missing; why that was refused, if it was: then nothing is cut."""
    now = await case.process.now()
    wanted = WantedOrder(
        supplier=case.supplier,
        lines=tuple(_rest(d, decision) for d in off if d.short > 0),
        currency=None if case.order is None else case.order.currency,
        note=decision.note or f"rest of order {case.sent.number}",
    )
    process_id = named_id(ORDERING, case.process.id, now.isoformat())
    await case.process.start(ORDERING, process_id, OrderAsked(wanted=wanted, actor=decision.actor))
    await case.process.waits_for("the order of the rest")
    try:
        made = await case.process.result(process_id, OrderMade)
    except SupplygraphError as exc:
        return _refused(exc.code, f"the rest could not be ordered: {exc.message}")
    if made.state in {OrderState.MADE, OrderState.SETTLED}:
        return None
    return _not_done("the rest is not ordered", made.findings)


def _cannot_split(case: Case, off: Sequence[Deviation], decision: Decision) -> Verdict | None:
    """Why an answer cannot be split; None if it can."""
    if decision.rest_on is None:
        return _refused("REST_ON_MISSING", "say with `restOn` when the rest is wanted", "restOn")
    refused = _cannot_change(case)
    if refused is not None:
        return refused
    if not any(0 < d.promise.quantity < d.line.quantity for d in off):
        message = "no line is promised in part: there is no rest to order elsewhere"
        return _refused("NOTHING_TO_SPLIT", message, "decision")
    for d in off:
        units = {d.line.unit, d.line.item_unit} - {None}
        if d.line.ship_to is None or len(units) > 1:
            message = f"line {d.line.number} is not in its item's unit: order the rest by hand"
            return _refused("UNSUPPORTED", message)
    return None


def _cannot_change(case: Case) -> Verdict | None:
    """Why single lines cannot be changed; None if they can be."""
    if case.sent.maker is not None:
        message = "the order is still being made in other systems: accept, renegotiate, or wait"
        return _refused("STILL_BEING_MADE", message)
    lacking = case.parts.systems.lacking(case.sent.everywhere, Ability.CHANGE)
    if lacking is not None:
        message = f"{lacking} cannot be told to change single lines: accept or renegotiate"
        return _refused("UNSUPPORTED", message)
    return None


def _rest(deviation: Deviation, decision: Decision) -> WantedLine:
    line = deviation.line
    assert line.ship_to is not None and decision.rest_on is not None  # noqa: S101, PT018  # see above
    return WantedLine(
        item=line.item,
        quantity=deviation.short,
        due_on=decision.rest_on,
        ship_to=line.ship_to,
        unit_price=None if line.price is None else line.price.amount,
    )


async def _cancel(case: Case, decision: Decision) -> Verdict:
    off = list(case.pending)
    if set(off) == set(case.open_lines):
        return await _call_off(case, decision)
    refused = _cannot_change(case)
    if refused is not None:
        return refused
    zero = [LineChange(line_number=n, quantity=case.open_lines[n].quantity * 0) for n in off]
    await case.change(zero)
    case.dropped.update(off)
    case.pending.clear()
    return _APPLIED


async def _call_off(case: Case, decision: Decision) -> Verdict:
    """Call the order off wherever it is; if the leading system refuses that, it stays."""
    now = await case.process.now()
    reason = decision.note or "the supplier's answer was not accepted"
    await case.process.waits_for("the order being called off")
    for order in case.sent.everywhere:
        given_up = OrderGivenUp(order=order, reason=reason, actor=decision.actor)
        process_id = named_id(CANCELLING, case.process.id, order.system, now.isoformat())
        await case.process.start(CANCELLING, process_id, given_up)
        try:
            done = await case.process.result(process_id, OrderFollowed)
        except SupplygraphError as exc:
            found: Sequence[Finding] = (Finding(code=FindingCode.REJECTED, message=exc.message),)
        else:
            found = done.findings
        if not found:
            case.is_called_off = True
        elif not case.is_called_off:
            return _not_done("the order is not called off", found)
        else:
            await case.report_left(order, "; ".join(each.message for each in found))
    case.pending.clear()
    return _APPLIED


def _not_done(what: str, findings: Sequence[Finding]) -> Verdict:
    """What a process of ordering says against what was decided."""
    if not findings:
        return _refused("CALLED_OFF", f"{what}: it was given up meanwhile")
    return Verdict(
        state=VerdictState.REFUSED,
        findings=tuple(
            AcknowledgementFinding(code=each.code.value, message=f"{what}: {each.message}")
            for each in findings
        ),
    )


def _refused(code: str, message: str, *field: str) -> Verdict:
    finding = AcknowledgementFinding(code=code, message=message, field=field)
    return Verdict(state=VerdictState.REFUSED, findings=(finding,))
