"""Reading records without a caller: how processes ask for what they decide on.

Everything is a batch, in canonical keys, joined over all systems in charge, as the loaders do it.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from canonical.criteria import Criteria
from canonical.entities import EntityName
from canonical.ports import Batch
from canonical.records import Record


class Records(Protocol):
    """Reads records for processes.

    What no system can be asked for now is in `Batch.failures`, by key; a process decides nothing on
    what it could not read.
    """

    async def by_keys(  # noqa: PLR0913  # what a question has, and each by its name
        self,
        entity: EntityName,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        *,
        correlation_id: str,
        criteria: Criteria = (),
        fresh: bool = False,
    ) -> Batch:
        """Records whose column is one of the keys, in no particular order.

        Args:
            entity: What they are.
            column: One of the entity's lookups, or `canonical.entities.KEY`.
            keys: Any number of them.
            columns: What is to be known of each.
            correlation_id: Ties it to what it is for.
            criteria: What they satisfy besides.
            fresh: Whether the systems are asked, whatever is kept.
        """

    def all(
        self,
        entity: EntityName,
        columns: frozenset[str],
        *,
        correlation_id: str,
        criteria: Criteria = (),
    ) -> AsyncIterator[Sequence[Record]]:
        """Every record that satisfies criteria, page by page, in the order of the keys.

        Raises:
            UnavailableError: if a system that has some of them could not be asked.
        """
