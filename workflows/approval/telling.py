"""What people read who are told of a recommendation."""

from collections.abc import Mapping
from typing import Final

from canonical.entities import EntityName
from canonical.events import subject
from canonical.replenishment import Recommended
from canonical.values import Money
from workflows.notifications.ports import Notice, NoticeKind

_BEGINNINGS: Final[Mapping[NoticeKind, str]] = {
    NoticeKind.APPROVAL_REQUESTED: "To decide",
    NoticeKind.APPROVAL_REMINDER: "Still to decide",
    NoticeKind.APPROVAL_ESCALATED: "Nobody has decided",
    NoticeKind.APPROVAL_EXPIRED: "Expired, for nobody has decided",
}


def notice(kind: NoticeKind, found: Recommended, to: str, number: int) -> Notice:
    """What people are told of a recommendation; the number tells notices of a kind apart."""
    record = found.record
    about = subject(EntityName.RECOMMENDATION, found.key)
    facts = {
        "recommendation": found.key,
        "item": record.item,
        "location": record.location,
        "supplier": record.supplier,
        "region": found.region,
        "category": found.category,
    }
    return Notice(
        kind=kind,
        key=f"{about}/{kind.value}/{number}",
        subject=f"{_BEGINNINGS[kind]}: {_what(found)}",
        text="\n".join(_text(kind, found)),
        about=about,
        to=(to,),
        correlation_id=record.correlation_id,
        facts={name: fact for name, fact in facts.items() if fact is not None},
    )


def shown(money: Money) -> str:
    """Money as people read it: 12,500.00 EUR."""
    return f"{money.amount:,f} {money.currency}"


def _what(found: Recommended) -> str:
    record = found.record
    cost = record.estimated_cost
    value = "" if cost is None else f", {shown(cost)}"
    bought = f"{record.quantity:f} {record.unit} of {record.item}"
    return f"{bought} for {record.location}{value}"


def _text(kind: NoticeKind, found: Recommended) -> list[str]:
    record = found.record
    lines = [
        f"{_what(found)}, from supplier {record.supplier}, needed by {record.need_by}.",
        f"Why: {record.reason}.",
        f"Waiting since {found.waiting_since:%Y-%m-%d %H:%M} UTC.",
    ]
    if found.urgent:
        lines.append("Even an order of today comes too late: the sooner, the better.")
    if kind is NoticeKind.APPROVAL_EXPIRED:
        lines.append("It is proposed again when it is found to be needed still.")
    elif record.expires_at is not None:
        lines.append(
            f"Approve or reject recommendation {found.key}; it expires at "
            f"{record.expires_at:%Y-%m-%d %H:%M} UTC."
        )
    return lines
