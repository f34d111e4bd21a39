"""Rows told to a system: what each protocol can do, and what it raises when it is not sure.

The mapping turns canonical orders into these (`connectors.kit.mapping.writes`) and the rows that
come back into `canonical.writing.OrderInSystem`; each protocol that can write implements
`RowWriter`. Paths are as in `connectors.kit.rows`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from canonical.ports import Ask
from connectors.kit.rows import Dataset, Row


class RowWriter(Protocol):
    """A protocol that tells one system.

    Every method sends one request that changes something, at most once. It raises

        InDoubtError       it may have been done: the answer was lost, or cannot be read
        UnavailableError   it was surely not done
        RejectedError      the system refuses, with its words
        ConflictError      the row is no longer as in `version`
        NotFoundError      there is no such row
    """

    async def create(self, dataset: Dataset, row: Row, ask: Ask) -> Row:
        """Make a row, with the rows nested in it.

        Returns:
            What the system says of it: at least its key, where the dataset has one.
        """

    async def change(
        self,
        dataset: Dataset,
        key: Mapping[str, Any],
        row: Row,
        ask: Ask,
        *,
        version: str | None = None,
    ) -> None:
        """Change the fields of a row that are given."""

    async def call(
        self,
        dataset: Dataset,
        key: Mapping[str, Any],
        action: str,
        ask: Ask,
        *,
        row: Row | None = None,
        version: str | None = None,
    ) -> None:
        """Do what the system offers for a row: a button, a function, an action."""

    def version_of(self, dataset: Dataset, row: Row) -> str | None:
        """What tells this state of a row that was read from later ones; None if nothing does."""


class RowPublisher(Protocol):
    """A protocol that puts many rows into one system at once."""

    async def upsert(self, dataset: Dataset, rows: Sequence[Row], ask: Ask) -> None:
        """Put rows in the place of those with the same key. It may be repeated, and is.

        Raises:
            UnavailableError: it may have been done in part; it may be told again.
            RejectedError: the system refuses a row, with its words.
        """
