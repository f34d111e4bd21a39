"""Exceptions in memory, to look at."""

from collections.abc import Collection, Mapping

from canonical.errors import NotFoundError
from canonical.exceptions import ExceptionFilter, ExceptionPage, SupplyException


class FakeExceptions:
    """Exceptions that nobody decides on.

    Args:
        kept: All of them, the latest opened first.
    """

    def __init__(self, *kept: SupplyException) -> None:
        self._kept = {each.exception_id: each for each in kept}

    async def page(
        self, wanted: ExceptionFilter, *, first: int, after: str | None
    ) -> ExceptionPage:
        """All that are in the states and categories wanted; other conditions are not looked at."""
        found = [
            each
            for each in self._kept.values()
            if (wanted.states is None or each.state in wanted.states)
            and (wanted.categories is None or each.category in wanted.categories)
        ]
        names = [each.exception_id for each in found]
        begin = names.index(after) + 1 if after in names else 0
        return ExceptionPage(
            tuple(found[begin : begin + first]), len(found) > begin + first, len(found)
        )

    async def by_ids(self, exception_ids: Collection[str]) -> Mapping[str, SupplyException]:
        """Exceptions by id."""
        return {name: self._kept[name] for name in exception_ids if name in self._kept}

    async def assign(self, exception_id: str, owner: str, *, actor: str) -> SupplyException:
        """Nobody decides here."""
        raise NotFoundError("there is no such exception")

    async def comment(self, exception_id: str, text: str, *, actor: str) -> SupplyException:
        """Nobody decides here."""
        raise NotFoundError("there is no such exception")

    async def retry(self, exception_id: str, *, actor: str) -> SupplyException:
        """Nobody decides here."""
        raise NotFoundError("there is no such exception")

    async def resolve(self, exception_id: str, text: str, *, actor: str) -> SupplyException:
        """Nobody decides here."""
        raise NotFoundError("there is no such exception")

    async def cancel(self, exception_id: str, text: str, *, actor: str) -> SupplyException:
        """Nobody decides here."""
        raise NotFoundError("there is no such exception")
