"""What is told of an exception: the event in the log, and the notice to those whom it concerns."""

from typing import Final

from canonical.event_streams import SERVICE, OwnStream
from canonical.events import EXCEPTION_CHANGED, Event
from canonical.exception_events import ExceptionChanged
from canonical.exceptions import ExceptionEntry, SupplyException, named
from workflows.notifications.ports import Notice, NoticeKind

STREAM: Final = OwnStream.EXCEPTION


def event_of(exception: SupplyException) -> Event:
    """The event that tells the last thing that has happened to an exception."""
    entry = exception.history[-1]
    subjects = exception.subjects
    data = ExceptionChanged(
        exception=exception.exception_id,
        action=entry.action,
        category=exception.category,
        severity=exception.severity,
        state=exception.state,
        owner=exception.owner,
        suppliers=named(subjects, "supplier"),
        items=named(subjects, "item"),
        regions=named(subjects, "region"),
        companies=named(subjects, "company"),
    )
    return Event(
        type=EXCEPTION_CHANGED.type,
        system=SERVICE,
        source_event_id=f"{exception.exception_id}/{len(exception.history)}",
        key=exception.exception_id,
        subjects=(f"{STREAM.value}:{exception.exception_id}", *subjects),
        occurred_at=entry.at,
        data=data,
        correlation_id=exception.correlation_id,
    )


def notice_of(kind: NoticeKind, exception: SupplyException) -> Notice:
    """What people are told of the last thing that has happened to an exception."""
    category = exception.category.value.replace("_", " ").lower()
    about = f"{STREAM.value}:{exception.exception_id}"
    return Notice(
        kind=kind,
        key=f"{about}/{len(exception.history)}",
        subject=f"{_WORDS[kind]}: {category}, {exception.severity.value.lower()}",
        text=_text(exception, exception.history[-1]),
        about=about,
        to=() if exception.owner is None else (f"owner:{exception.owner}",),
        correlation_id=exception.correlation_id,
        severity=exception.severity,
        facts={
            "exception": exception.exception_id,
            "category": exception.category.value,
            "severity": exception.severity.value,
            "state": exception.state.value,
            "subjects": " ".join(exception.subjects),
        },
    )


_WORDS: Final = {
    NoticeKind.EXCEPTION_OPENED: "Exception",
    NoticeKind.EXCEPTION_ASSIGNED: "Exception for you",
    NoticeKind.EXCEPTION_ESCALATED: "Exception became worse",
    NoticeKind.EXCEPTION_OVERDUE: "Exception overdue",
}


def _text(exception: SupplyException, entry: ExceptionEntry) -> str:
    money, days, due = exception.value_at_risk, exception.days_of_cover_lost, exception.due_at
    lines = [exception.message, ""]
    if entry.text is not None and entry.text != exception.message:
        lines.append(f"Now: {entry.text}")
    if exception.subjects:
        lines.append(f"About: {', '.join(exception.subjects)}")
    if money is not None:
        lines.append(f"At risk: {money.amount} {money.currency}")
    if days is not None:
        lines.append(f"Days of cover lost: {days}")
    if due is not None:
        lines.append(f"To be over by: {due.isoformat(timespec='minutes')}")
    lines.append(f"Owner: {exception.owner or 'nobody yet'}")
    lines.append(f"Exception: {exception.exception_id}")
    lines.append(f"Correlation: {exception.correlation_id}")
    return "\n".join(lines)
