"""Exceptions, and what has happened to them, as rows of their tables."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.exceptions import (
    ExceptionAction,
    ExceptionCategory,
    ExceptionEntry,
    ExceptionSeverity,
    ExceptionState,
    SupplyException,
)
from canonical.values import Money
from runtime.store.process_tables import EXCEPTION_ENTRIES, EXCEPTION_SUBJECTS, EXCEPTIONS
from runtime.store.questions import among, many

_E: Final = EXCEPTIONS.c
_S: Final = EXCEPTION_SUBJECTS.c
_H: Final = EXCEPTION_ENTRIES.c
_DETAILS: Final = msgspec.json.Decoder(dict[str, str])


async def read(
    connection: AsyncConnection, exception_ids: Collection[str]
) -> Mapping[str, SupplyException]:
    """Exceptions by id, with their history; those that are not there are left out."""
    dialect = connection.dialect.name
    given = {"ids": many(set(exception_ids), dialect)}
    rows = await connection.execute(
        sa.select(EXCEPTIONS).where(among(_E.id, "ids", dialect)), given
    )
    subjects: dict[str, list[str]] = {}
    about = sa.select(_S.exception_id, _S.subject).where(among(_S.exception_id, "ids", dialect))
    for row in await connection.execute(about.order_by(_S.subject), given):
        subjects.setdefault(row.exception_id, []).append(row.subject)
    entries: dict[str, list[ExceptionEntry]] = {}
    history = sa.select(EXCEPTION_ENTRIES).where(among(_H.exception_id, "ids", dialect))
    for row in await connection.execute(history.order_by(_H.exception_id, _H.number), given):
        entries.setdefault(row.exception_id, []).append(_entry(row))
    return {
        row.id: _exception(row, subjects.get(row.id, ()), entries.get(row.id, ())) for row in rows
    }


def values_of(exception: SupplyException) -> dict[str, Any]:
    """An exception's columns, but for its cause."""
    money = exception.value_at_risk
    days = exception.days_of_cover_lost
    return {
        "id": exception.exception_id,
        "category": exception.category.value,
        "severity": exception.severity.value,
        "state": exception.state.value,
        "message": plain(exception.message),
        "owner": exception.owner,
        "value_at_risk": None if money is None else str(money.amount),
        "currency": None if money is None else money.currency,
        "days_of_cover_lost": None if days is None else str(days),
        "process_id": exception.process_id,
        "correlation_id": exception.correlation_id,
        "occurrences": exception.occurrences,
        "details": msgspec.json.encode(exception.details).decode(),
        "earlier": exception.earlier,
        "opened_at": exception.opened_at,
        "updated_at": exception.updated_at,
        "due_at": exception.due_at,
        "overdue": exception.overdue,
        "closed_at": exception.closed_at,
    }


def plain(text: str) -> str:
    """A text without what PostgreSQL holds in none: systems' words may have it in them."""
    return text.replace("\0", "")


def _exception(
    row: Any, subjects: Sequence[str], history: Sequence[ExceptionEntry]
) -> SupplyException:
    money = None
    if row.value_at_risk is not None:
        money = Money(Decimal(row.value_at_risk), row.currency)
    days = row.days_of_cover_lost
    return SupplyException(
        exception_id=row.id,
        category=ExceptionCategory(row.category),
        severity=ExceptionSeverity(row.severity),
        state=ExceptionState(row.state),
        message=row.message,
        owner=row.owner,
        subjects=tuple(subjects),
        value_at_risk=money,
        days_of_cover_lost=None if days is None else Decimal(days),
        process_id=row.process_id,
        correlation_id=row.correlation_id,
        occurrences=row.occurrences,
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        due_at=row.due_at,
        overdue=bool(row.overdue),
        closed_at=row.closed_at,
        earlier=row.earlier,
        details=_DETAILS.decode(row.details),
        history=tuple(history),
    )


def _entry(row: Any) -> ExceptionEntry:
    return ExceptionEntry(
        at=row.at, action=ExceptionAction(row.action), actor=row.actor, text=row.text
    )
