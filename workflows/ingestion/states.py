"""What is known of a record, and how a report is laid over it.

Which of two reports is newer is decided column by column; each line of an order counts as a column
of its own. So a report of one column that comes late moves that column only, and only if nothing
newer was said of it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from canonical.absent import ABSENT, is_absent
from canonical.entities import ENTITIES, EntityName
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderLine
from canonical.records import Part, Record

SEEN: Final = 16
"""How many reports of the past are known again when they come once more by another way."""

R = TypeVar("R", bound=Struct)


class State(Struct, Generic[R], frozen=True, array_like=True):
    """What is known of one record.

    Attributes:
        at: When the newest of it was so.
        record: Its columns, without provenance.
        older: Columns that were last told of before `at`, with the time. A line of an order is
            `lines.` with its number.
        seen: The last reports: when each was so, and what it said of the column that matters most.
        gone: Whether its system no longer has it. What was known last stays, so that a late report
            does not bring it back.
    """

    at: datetime
    record: R
    older: Mapping[str, datetime] = field(default_factory=dict)
    seen: tuple[tuple[datetime, str | None], ...] = ()
    gone: bool = False

    def told_at(self, column: str) -> datetime:
        """When the value of a column was last told to be so."""
        return self.older.get(column, self.at)

    def has_seen(self, at: datetime) -> bool:
        """Whether a report of this moment was taken already."""
        return any(moment == at for moment, _ in self.seen)


class Laid(Struct, frozen=True):
    """A report laid over what was known.

    Attributes:
        record: What is known now.
        late: What was said too late to count, as a record; None if nothing was.
        older: As in `State`.
        at: When the newest is so.
    """

    record: Record
    late: Record | None
    older: Mapping[str, datetime]
    at: datetime


_encode: Final = msgspec.msgpack.Encoder().encode
_DECODERS: Final = {
    name: msgspec.msgpack.Decoder(State[entity.record])  # type: ignore[name-defined]
    for name, entity in ENTITIES.items()
}
_COLUMNS: Final = {
    entity.record: tuple(f for f in entity.record.__struct_fields__ if f != "provenance")
    for entity in ENTITIES.values()
}


def encode_state(state: State[Any]) -> bytes:
    """The form in which a state is kept."""
    return _encode(state)


def decode_state(entity: EntityName, data: bytes) -> State[Any]:
    """Read a state that was kept.

    Raises:
        msgspec.DecodeError: if it is of another form.
    """
    return _DECODERS[entity].decode(data)


def without_provenance(record: Record) -> Record:
    """The columns alone."""
    return record if is_absent(record.provenance) else replace(record, provenance=ABSENT)


def lay(known: State[Any] | None, said: Record, at: datetime, *, partial: bool) -> Laid:
    """Lay a report over what was known: column by column, the newer one stays.

    Args:
        known: What was known.
        said: What was reported.
        at: When it was so.
        partial: Whether lines that were not said are unchanged.
    """
    if known is None:
        return Laid(without_provenance(said), None, {}, at)
    over = _Over(known, at)
    for column in _COLUMNS[type(said)]:
        value = getattr(said, column)
        if is_absent(value):
            over.unsaid(column)
        elif column == "lines" and isinstance(said, PurchaseOrder):
            over.lines(value, partial=partial)
        else:
            over.said(column, value)
    return over.result()


class _Over:
    """A report in the making of being laid over."""

    def __init__(self, known: State[Any], at: datetime) -> None:
        self._known = known
        self._at = at
        self._older: dict[str, datetime] = {}
        self._fresh: dict[str, Any] = {}
        self._late: dict[str, Any] = {}
        self._newest = max(at, known.at)

    def unsaid(self, column: str) -> None:
        value = getattr(self._known.record, column)
        if is_absent(value):
            return
        if column == "lines" and isinstance(self._known.record, PurchaseOrder):
            for number in by_number(value):
                self._note(f"lines.{number}", self._known.told_at(f"lines.{number}"))
        else:
            self._note(column, self._known.told_at(column))

    def said(self, column: str, value: Any) -> None:
        known = is_absent(getattr(self._known.record, column))
        if known or self._counts(column):
            self._fresh[column] = value
            self._note(column, self._at)
        else:
            self._late[column] = value
            self._note(column, self._known.told_at(column))

    def lines(self, said: tuple[PurchaseOrderLine, ...], *, partial: bool) -> None:
        known = {} if is_absent(self._known.record.lines) else by_number(self._known.record.lines)
        new = by_number(said)
        kept: dict[int, PurchaseOrderLine] = {}
        late: list[PurchaseOrderLine] = []
        for number in sorted({*known, *new}):
            column = f"lines.{number}"
            old, line = known.get(number), new.get(number)
            if old is not None and (line is None or not self._counts(column)):
                if line is not None:
                    late.append(line)
                elif not partial and self._counts(column):
                    continue
                kept[number] = old
                self._note(column, self._known.told_at(column))
            elif line is not None:
                kept[number] = line if old is None else over_part(old, line)
                self._note(column, self._at)
        self._fresh["lines"] = tuple(kept.values())
        if late:
            self._late["lines"] = tuple(late)

    def result(self) -> Laid:
        record = replace(self._known.record, **self._fresh)
        late = type(record)(**self._late) if self._late else None
        return Laid(record, late, self._older, self._newest)

    def _counts(self, column: str) -> bool:
        return self._at >= self._known.told_at(column)

    def _note(self, column: str, at: datetime) -> None:
        if at < self._newest:
            self._older[column] = at


def by_number(lines: tuple[PurchaseOrderLine, ...]) -> dict[int, PurchaseOrderLine]:
    """Lines by their number; by their place where they have none."""
    return {
        place if is_absent(x.line_number) else x.line_number: x for place, x in enumerate(lines, 1)
    }


P = TypeVar("P", bound=Part)


def over_part(known: P, said: P) -> P:
    """A part with what was said of it; columns that were not said stay."""
    values = {n: v for n in said.__struct_fields__ if not is_absent(v := getattr(said, n))}
    return replace(known, **values)
