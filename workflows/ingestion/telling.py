"""What the functions that find events of one entity are given, and what they give."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from canonical.absent import is_absent
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.event_streams import EventData
from canonical.events import EventType, subject
from canonical.records import Record

GONE: Final = "gone"
"""Stands among the changed columns of a record that its system no longer has."""


class Change(Struct, frozen=True):
    """One report, laid over what was known.

    Attributes:
        key: The record's key in its system.
        before: What was known; None if nothing was, or if the record was gone.
        after: What is known now.
        is_news: Whether what was not known before is told of; else it is merely taken note of.
        partial: Whether the report said just what had changed.
    """

    key: str
    before: Any
    after: Any
    is_news: bool
    partial: bool = False

    def was(self, column: str) -> Any:
        """What a column was before; absent if that is not known."""
        return None if self.before is None else getattr(self.before, column)

    def is_known(self, column: str) -> bool:
        """Whether a column was known before."""
        return self.before is not None and not is_absent(getattr(self.before, column))

    def has(self, column: str) -> bool:
        """Whether a column is known now."""
        return not is_absent(getattr(self.after, column))

    def differs(self, *columns: str) -> bool:
        """Whether one of some columns is another than it was; or is told of for the first time."""
        for column in columns:
            if not self.has(column):
                continue
            if not self.is_known(column):
                if self.is_news:
                    return True
            elif getattr(self.before, column) != getattr(self.after, column):
                return True
        return False

    def changed(self, columns: Iterable[str]) -> list[str]:
        """Columns of which both is known what they were and that they are another now."""
        return [
            c
            for c in columns
            if self.is_known(c)
            and self.has(c)
            and getattr(self.before, c) != getattr(self.after, c)
        ]


class Late(Struct, frozen=True):
    """What was said too late to count.

    Attributes:
        key: The record's key in its system.
        said: What was said, without what counted nonetheless.
        known: What is known.
        previous: What the column that matters most was just before that moment, where that is
            known.
        partial: Whether the report said just what had changed.
    """

    key: str
    said: Any
    known: Any
    previous: str | None
    partial: bool

    def differs(self, column: str) -> bool:
        """Whether a column was said, and is another now."""
        value = getattr(self.said, column)
        return not is_absent(value) and value != getattr(self.known, column)


class Told(Struct, frozen=True):
    """An event in the making.

    Attributes:
        type: What happened.
        data: What is said of it.
        subjects: What it is about; its own record first.
        part: Tells it apart from others of its type that come of the same report.
    """

    type: EventType
    data: EventData
    subjects: tuple[str, ...]
    part: str = ""


def value(record: Record, column: str) -> Any:
    """A column's value, or None if it is not known."""
    found = getattr(record, column)
    return None if is_absent(found) else found


def demanded(record: Record, column: str) -> Any:
    """A column's value, without which nothing can be told of a record.

    Raises:
        InvalidInputError: if it is not known.
    """
    found = value(record, column)
    if found is None:
        kind = type(record).__name__
        raise InvalidInputError(
            f"{column}: nothing can be told of a {kind} without it; have the report say it"
        )
    return found


def subjects(*named: tuple[EntityName, str | None]) -> tuple[str, ...]:
    """What an event is about, without what is not known; each once, in order."""
    return tuple(dict.fromkeys(subject(entity, name) for entity, name in named if name))


def head_text(found: object) -> str | None:
    """The value of the column that matters most, as it is kept for comparison."""
    if found is None or is_absent(found):
        return None
    return str(found)


def in_order(seen: Iterable[tuple[datetime, str | None]]) -> list[tuple[datetime, str | None]]:
    """Reports in the order in which they were so."""
    return sorted(seen, key=lambda s: s[0])
