"""Recommendations for callers: decided, explained, calculated again."""

from collections.abc import Collection, Mapping, Sequence

import msgspec
import structlog

from canonical.errors import InvalidInputError, SupplygraphError
from canonical.recommendations import RecommendationStatus, ReplenishmentRecommendation
from canonical.replenishment import (
    ExplainedLine,
    Proposal,
    Recalculated,
    Verdict,
)
from runtime.replenishment.recommendations import Recommendations
from workflows.approval.policies import ApprovalPolicy
from workflows.approval.ports import Calculating
from workflows.approval.reacting import tell
from workflows.process import Engine
from workflows.replenishment.calculation import Calculated

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Approvers:
    """Keeps the promises of `canonical.replenishment.RecommendationDesk`.

    Args:
        store: Recommendations.
        policy: Who may decide on what.
        engine: Tells processes that something was decided.
        calculating: The calculation.
    """

    def __init__(
        self,
        store: Recommendations,
        policy: ApprovalPolicy,
        engine: Engine,
        calculating: Calculating,
    ) -> None:
        self._store = store
        self._policy = policy
        self._engine = engine
        self._calculating = calculating

    async def decide(
        self, key: str, verdict: Verdict, *, correlation_id: str
    ) -> ReplenishmentRecommendation:
        """Decide on a recommendation, once.

        Once it is kept it is decided, whoever dies then: its process is told sooner or later.

        Raises:
            NotFoundError, ConflictError, RefusedError: as the port promises.
        """
        found = await self._store.decide(
            key, verdict, lambda recommended: self._policy.judge(recommended, verdict)
        )
        _log.info(
            "a recommendation was decided on",
            recommendation=key,
            decision=verdict.decision.value,
            by=verdict.approver.subject,
            status=found.record.status.value,
            correlation_id=found.record.correlation_id,
            request=correlation_id,
        )
        if found.record.status is not RecommendationStatus.PROPOSED:
            try:
                await tell(self._engine, [key])
            except SupplygraphError as error:
                _log.warning("a process will hear of its decision later", error=error.message)
        return found.record

    async def explain(self, keys: Collection[str]) -> Mapping[str, Sequence[ExplainedLine]]:
        """How recommendations were calculated, by key."""
        return await self._store.explain(keys)

    async def recalculate(self, key: str, *, today: bool, correlation_id: str) -> Recalculated:
        """Calculate a recommendation again, on its own figures or on today's.

        Raises:
            NotFoundError, InvalidInputError, UnavailableError: as the port promises.
        """
        frozen = await self._store.frozen(key)
        record, calculating = frozen.recommended.record, self._calculating
        if today:
            place = record.location or ""
            found = await calculating.today(record.item, place, correlation_id=correlation_id)
        else:
            found = _again(calculating, frozen.inputs)
        return Recalculated(
            recommended=frozen.recommended,
            proposal=found.proposal,
            lines=found.lines,
            same=_says_the_same(record, found.proposal),
        )


def _again(calculating: Calculating, inputs: bytes) -> Calculated:
    try:
        return calculating.again(inputs)
    except msgspec.ValidationError as exc:
        raise InvalidInputError(
            "its figures were kept in another form, by another version: ask on today's instead"
        ) from exc


def _says_the_same(record: ReplenishmentRecommendation, proposal: Proposal | None) -> bool:
    return proposal is not None and (
        (record.supplier, record.quantity, record.unit, record.need_by, record.estimated_cost)
        == (proposal.supplier, proposal.quantity, proposal.unit, proposal.need_by, proposal.cost)
    )
