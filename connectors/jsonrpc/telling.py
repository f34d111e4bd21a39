"""What the dialects have in common where records are changed."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct, field

from canonical.ports import Ask
from connectors.jsonrpc.dialect import Context
from connectors.kit.rows import Row


class Target(Struct, frozen=True, kw_only=True):
    """A record, or the model in which one is made.

    Attributes:
        model: Name of the model.
        id: Id of the record; None of one that is made.
        version: What its state must still be; None if that does not matter.
        context: Over the context that every call has.
    """

    model: str
    id: int | None = None
    version: str | None = None
    context: Context = field(default_factory=dict)


class Teller(Protocol):
    """How one kind of system is told, each time at most once.

    Values are Python's; lists of rows are related records: those with an `id` are there already.
    All methods raise as `connectors.kit.writing.RowWriter` does.
    """

    version: str | None
    """Name of the field that tells one state of a record from later ones."""

    async def create(self, target: Target, row: Row, ask: Ask) -> int:
        """Make a record; its id."""

    async def change(self, target: Target, row: Row, ask: Ask) -> None:
        """Change fields of a record."""

    async def act(
        self, target: Target, method: str, arguments: Mapping[str, Any], ask: Ask
    ) -> None:
        """Do what a button does."""


def parted(rows: Sequence[Any]) -> tuple[list[Row], list[tuple[int, Row]]]:
    """Related rows as those that are made, and those that are there, by id with their fields.

    A bare id is a record that is there.
    """
    new: list[Row] = []
    known: list[tuple[int, Row]] = []
    for each in rows:
        row = dict(each) if isinstance(each, Mapping) else {"id": each}
        record = row.pop("id", None)
        if record is None:
            new.append(row)
        else:
            known.append((int(record), row))
    return new, known
