"""Where what a process is about is: for extensions that are for some regions or companies alone."""

from collections.abc import Iterable

from msgspec import Struct

from canonical.absent import is_absent
from canonical.entities import EntityName
from canonical.errors import NotFoundError
from canonical.locations import Location
from canonical.reading import Records
from runtime.replenishment.recommendations import Recommendations
from workflows.approval.process import ApprovalAsked
from workflows.extensions import Whereabouts
from workflows.ordering.handing import OrderAsked
from workflows.ordering.rules import Routes

_COLUMNS = frozenset({"code", "region"})


class Places:
    """Tells where something is (`workflows.extensions.Locating`).

    Args:
        records: Reads locations.
        routes: Tells companies of orders; None where none are made.
        recommendations: Recommendations of our own; None where there are none.
    """

    def __init__(
        self, records: Records, routes: Routes | None, recommendations: Recommendations | None
    ) -> None:
        self._records = records
        self._routes = routes
        self._recommendations = recommendations

    async def __call__(self, asked: Struct, correlation_id: str) -> Whereabouts:
        """Where what a process is asked for is; nowhere if that cannot be told of its kind.

        Raises:
            UnavailableError: if it cannot be told now.
        """
        if isinstance(asked, OrderAsked):
            codes = {line.ship_to for line in asked.wanted.lines}
            regions = await self._regions(codes, correlation_id)
            return Whereabouts(regions, self._companies(regions))
        if isinstance(asked, ApprovalAsked) and self._recommendations is not None:
            try:
                found = await self._recommendations.get(asked.recommendation)
            except NotFoundError:
                return Whereabouts()
            regions = frozenset() if found.region is None else frozenset({found.region})
            return Whereabouts(regions, self._companies(regions))
        return Whereabouts()

    async def _regions(self, codes: Iterable[str], correlation_id: str) -> frozenset[str]:
        batch = await self._records.by_keys(
            EntityName.LOCATION, "code", sorted(codes), _COLUMNS, correlation_id=correlation_id
        )
        for problem in batch.failures.values():
            raise problem
        found = (r.region for r in batch.records if isinstance(r, Location))
        return frozenset(region for region in found if region and not is_absent(region))

    def _companies(self, regions: Iterable[str]) -> frozenset[str]:
        if self._routes is None:
            return frozenset()
        routes = (self._routes.of(region) for region in regions)
        return frozenset(name for r in routes if r is not None for name in r.companies.values())
