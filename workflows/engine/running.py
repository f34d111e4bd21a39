"""Running a process from its beginning to its end, whatever its code does."""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from canonical.exceptions import ExceptionCategory
from canonical.processes import ProcessState
from runtime.processes.messages import Outcome
from runtime.processes.rows import Kept
from runtime.telemetry.correlation import correlated
from workflows.engine.durable import DurableProcess
from workflows.engine.house import Begun, House
from workflows.engine.keeping import DECISIONS, kept_error, kept_result
from workflows.engine.patience import Patience
from workflows.engine.standing import StepStanding
from workflows.process import (
    CancelledByOperatorError,
    Ended,
    NeedsOperatorError,
    ProcessKind,
    SettledByOperatorError,
)

_CODE: Final = 0
"""The number of what goes wrong between steps."""


class UnknownVersionError(NeedsOperatorError):
    """There is no code for a process in this server."""

    def __init__(self, message: str) -> None:
        super().__init__(ExceptionCategory.INTERNAL, message)


class Kinds:
    """The processes that a server knows, by kind and version.

    Raises:
        ValueError: if a version of a kind is there twice.
    """

    def __init__(self, kinds: Iterable[ProcessKind]) -> None:
        self._known: dict[tuple[str, int], ProcessKind] = {}
        self._newest: dict[str, ProcessKind] = {}
        for each in sorted(kinds, key=lambda kind: kind.version):
            if (each.kind, each.version) in self._known:
                msg = f"version {each.version} of {each.kind!r} is there twice"
                raise ValueError(msg)
            self._known[each.kind, each.version] = self._newest[each.kind] = each

    def newest(self, kind: str) -> ProcessKind | None:
        """The version that begins new ones."""
        return self._newest.get(kind)

    def decoded(self, outcome: Outcome) -> Ended | None:
        """How a process ended; None if it has not."""
        kept = outcome.kept
        if kept is None:
            return None
        if kept.error is not None:
            return Ended(None, kept.error.code, kept.error.message)
        kind = self._known.get((outcome.kind, outcome.version)) or self._newest.get(outcome.kind)
        return Ended(None if kind is None else msgspec.json.decode(kept.ok, type=kind.outcome))

    def of(self, begun: Begun) -> ProcessKind:
        """The code of a process that has begun.

        Raises:
            UnknownVersionError: there is none here.
        """
        found = self._known.get((begun.kind, begun.version))
        if found is None:
            msg = (
                f"this server has no version {begun.version} of the process {begun.kind!r}: start "
                "a release that has it, and it goes on where it was"
            )
            raise UnknownVersionError(msg)
        return found


class _Came(Struct):
    state: ProcessState
    kept: Kept


async def run_process(
    process_id: str, text: str, house: House, kinds: Kinds, *, recovered: bool
) -> None:
    """Run a process to its end; its end is written when this returns.

    Args:
        process_id: Its id.
        text: What it was begun with.
        house: What processes share.
        kinds: The code.
        recovered: Whether it may have come further than its beginning.
    """
    begun = msgspec.json.decode(text, type=Begun)
    process = DurableProcess(process_id, begun, house, recovered=recovered)
    standing = process.standing
    if recovered:
        house.views.process(standing.row)
        house.views.subjects(process_id, begun.subjects)
    with correlated(begun.correlation_id):
        came = await _to_the_end(process, begun, house, kinds)
    standing.ended(came.state, came.kept)
    await house.views.flushed()


async def _to_the_end(process: DurableProcess, begun: Begun, house: House, kinds: Kinds) -> _Came:
    step = StepStanding(process.standing, house, _CODE, begun.kind, begun.started_at)
    step.left()
    patience = Patience(step, house)
    while True:
        try:
            came = await _once(process, begun, house, kinds)
        except Exception as error:  # noqa: BLE001  it is told to an operator
            try:
                await patience.broken(error)
            except (CancelledByOperatorError, SettledByOperatorError) as said:
                return _given_up(said, begun, house)
            process.rewind()
        else:
            await patience.over()
            return came


async def _once(process: DurableProcess, begun: Begun, house: House, kinds: Kinds) -> _Came:
    kind = kinds.of(begun)
    asked = msgspec.json.decode(begun.asked, type=kind.asked)
    try:
        outcome = await kind.run(process, asked)
    except (CancelledByOperatorError, SettledByOperatorError) as said:
        return _given_up(said, begun, house)
    except DECISIONS as error:
        return _Came(ProcessState.FAILED, kept_error(error, begun.started_at, house.now()))
    state = ProcessState.CANCELLED if process.cancelled else ProcessState.SUCCEEDED
    return _Came(state, kept_result(outcome, begun.started_at, house.now()))


def _given_up(said: Exception, begun: Begun, house: House) -> _Came:
    cancelled = isinstance(said, CancelledByOperatorError)
    state = ProcessState.CANCELLED if cancelled else ProcessState.FAILED
    return _Came(state, kept_error(said, begun.started_at, house.now()))
