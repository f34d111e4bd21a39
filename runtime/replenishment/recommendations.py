"""Recommendations of our own: what evaluations propose and what becomes of it.

All of it changes together with the events that tell of it, in transactions of the log.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from canonical.entities import EntityName
from canonical.errors import SupplygraphError
from canonical.ordering import OrderReference
from canonical.recommendations import RecommendationStatus
from canonical.replenishment import Evaluated, ExplainedLine, Proposal, Recommended, Verdict
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from runtime.replenishment import moves
from runtime.replenishment.moves import Judge, Move
from runtime.replenishment.rows import COLUMNS, lines_of, recommended_of
from runtime.replenishment.taking import Pair, Taking, take
from runtime.store.process_tables import RECOMMENDATIONS
from runtime.store.questions import among, many

Expiry = Callable[[Proposal, datetime], datetime]
"""When a proposal that is made at a moment expires."""

_T: Final = RECOMMENDATIONS.c
_STREAMS: Final = (EntityName.RECOMMENDATION,)
_PORTION: Final = 1_000
_PROPOSED: Final = RecommendationStatus.PROPOSED
_APPROVED: Final = RecommendationStatus.APPROVED


class Frozen(Struct, frozen=True):
    """What a recommendation was calculated from, and says.

    Attributes:
        recommended: It.
        inputs: What it was calculated from.
    """

    recommended: Recommended
    inputs: bytes


class Recommendations:
    """Recommendations of our own, in the store of a log.

    Args:
        ledger: The log; its clock is the time.
        expires_at: When proposals expire.
        quiet: How long what was rejected is not proposed again.
    """

    def __init__(self, ledger: Ledger, *, expires_at: Expiry, quiet: timedelta) -> None:
        self._ledger = ledger
        self._expires_at = expires_at
        self._quiet = quiet

    async def take(self, evaluated: Sequence[Evaluated], *, at: datetime) -> None:
        """Make recommendations of evaluations, as `canonical.replenishment.Proposals` promises.

        Of several evaluations of one item and location the last counts. Many go in portions, each
        in a transaction of its own, so that whoever decides meanwhile does not wait for a night's.

        Raises:
            UnavailableError: if the store could not be reached in time; it may be repeated.
        """
        latest = {(e.item, e.location): e for e in evaluated if e.problem is None}
        taking = Taking(
            at=at,
            expires_at=lambda proposal: self._expires_at(proposal, at),
            quiet=self._quiet,
            random=self._ledger.random,
        )
        for portion in _portions(latest.items()):
            await self._take(dict(portion), taking)

    async def _take(self, evaluated: Mapping[Pair, Evaluated], taking: Taking) -> None:
        dialect = self._ledger.store.dialect

        async def work(writing: Writing) -> None:
            await take(writing, evaluated, taking, dialect)

        await self._ledger.write(work, streams=_STREAMS)

    async def decide(self, key: str, verdict: Verdict, judge: Judge) -> Recommended:
        """Decide on a recommendation, as `RecommendationDesk.decide` promises.

        Raises:
            NotFoundError, ConflictError: as there; RefusedError: as the judge does.
        """

        async def work(writing: Writing) -> Recommended:
            return await moves.decide(writing, key, verdict, judge, self._ledger.now())

        return await self._written(work)

    async def escalate(self, key: str, to: str, *, number: int) -> Recommended:
        """Note who is asked because nobody has decided, for so many times; as it is afterwards."""
        name = f"escalated-{number}"
        wanted = Move(was=_PROPOSED, status=_PROPOSED, escalated_to=to, name=name)
        return await self._move(key, wanted)

    async def close(
        self, key: str, status: RecommendationStatus, *, by: str | None, note: str
    ) -> Recommended:
        """Have a recommendation that nobody has decided on come to a status; as it is afterwards.

        One that was decided, or taken back, stays as it is.
        """
        return await self._move(key, Move(was=_PROPOSED, status=status, by=by, note=note))

    async def ordered(self, key: str, order: OrderReference) -> Recommended:
        """Note the order that came of an approved one; as it is afterwards."""
        named = f"{order.system}/{order.key}"
        wanted = Move(was=_APPROVED, status=RecommendationStatus.ORDERED, order=named)
        return await self._move(key, wanted)

    async def failed(self, key: str, why: str) -> Recommended:
        """Note that no order came of an approved one, and why; as it is afterwards."""
        return await self._move(
            key, Move(was=_APPROVED, status=RecommendationStatus.FAILED, note=why)
        )

    async def get(self, key: str) -> Recommended:
        """A recommendation.

        Raises:
            NotFoundError: if there is none.
        """
        return (await self.frozen(key)).recommended

    async def frozen(self, key: str) -> Frozen:
        """A recommendation with what it was calculated from.

        Raises:
            NotFoundError: if there is none.
        """
        query = sa.select(*COLUMNS, _T.inputs).where(_T.id == key)
        rows: Sequence[Any] = await self._rows(query)
        if not rows:
            raise moves.unknown(key)
        return Frozen(recommended_of(rows[0], self._ledger.now()), rows[0].inputs.encode())

    async def explain(self, keys: Collection[str]) -> Mapping[str, Sequence[ExplainedLine]]:
        """The calculations of recommendations, by key; those that are not there are left out."""
        dialect = self._ledger.store.dialect
        query = sa.select(_T.id, _T.facts).where(among(_T.id, "ids", dialect))
        rows = await self._rows(query.params(ids=many(set(keys), dialect)))
        return {row.id: lines_of(row.facts) for row in rows}

    async def _move(self, key: str, wanted: Move) -> Recommended:
        async def work(writing: Writing) -> Recommended:
            return await moves.move(writing, key, wanted, self._ledger.now())

        return await self._written(work)

    async def _written(self, work: Callable[[Writing], Awaitable[Recommended]]) -> Recommended:
        """Work whose refusal is no fault: what is done together with it goes on."""

        async def told(writing: Writing) -> Recommended | SupplygraphError:
            try:
                return await work(writing)
            except SupplygraphError as error:
                return error

        found = await self._ledger.write(told, streams=_STREAMS)
        if isinstance(found, SupplygraphError):
            raise found
        return found

    async def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        async def read(connection: Any) -> Sequence[Any]:
            return (await connection.execute(query)).all()  # type: ignore[no-any-return]

        return await self._ledger.store.read(read)


def _portions(
    evaluated: Iterable[tuple[Pair, Evaluated]],
) -> Iterator[Sequence[tuple[Pair, Evaluated]]]:
    left = iter(evaluated)
    while part := list(islice(left, _PORTION)):
        yield part
