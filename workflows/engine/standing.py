"""How a process and its steps stand, as it is shown to people."""

import asyncio
from datetime import datetime
from typing import Final

from msgspec import structs

from canonical.processes import ProcessState, StepState
from runtime.processes.rows import Kept, ProcessRow, StepRow
from workflows.engine.house import Begun, House

_SHOWN_AFTER_S: Final = 0.5
"""A step that is done sooner is shown when it is done."""


class Standing:
    """One process, as it is shown.

    Args:
        process_id: Its id.
        begun: What it was begun with.
        house: What processes share.

    Attributes:
        subjects: What it is about.
        row: How it stands.
    """

    def __init__(self, process_id: str, begun: Begun, house: House) -> None:
        self._house = house
        self.subjects = begun.subjects
        self.row = ProcessRow(
            id=process_id,
            kind=begun.kind,
            version=begun.version,
            state=ProcessState.RUNNING,
            correlation_id=begun.correlation_id,
            started_by=begun.started_by,
            started_at=begun.started_at,
            updated_at=begun.started_at,
        )

    def is_about(self, subjects: tuple[str, ...]) -> None:
        """What it is about, besides."""
        new = tuple(dict.fromkeys(each for each in subjects if each not in self.subjects))
        self.subjects += new
        if new:
            self._house.views.subjects(self.row.id, new)

    def waits_for(self, what: str | None) -> None:
        """What it waits for."""
        if what != self.row.waits_for:
            self._change(structs.replace(self.row, waits_for=what))

    def is_now(self, state: ProcessState) -> None:
        """How it stands."""
        if state is not self.row.state:
            self._change(structs.replace(self.row, state=state))

    def ended(self, state: ProcessState, outcome: Kept) -> None:
        """It has ended."""
        row = structs.replace(self.row, ended_at=self._house.now(), waits_for=None)
        self._change(structs.replace(row, state=state, outcome=outcome))

    def step(self, number: int, name: str, started_at: datetime) -> "StepStanding":
        """A step that is about to be done."""
        return StepStanding(self, self._house, number, name, started_at)

    def _change(self, row: ProcessRow) -> None:
        self.row = structs.replace(row, updated_at=self._house.now())
        self._house.views.process(self.row)


class StepStanding:
    """One step, as it is shown.

    Args:
        process: Its process.
        house: What processes share.
        number: Its place among the steps.
        name: What is done in it.
        started_at: When it was begun.
    """

    def __init__(
        self, process: Standing, house: House, number: int, name: str, started_at: datetime
    ) -> None:
        self.process = process
        self.number = number
        self.name = name
        self.started_at = started_at
        self.attempts = 1
        self._house = house
        self._timer = asyncio.get_running_loop().call_later(
            _SHOWN_AFTER_S, self.shown, StepState.RUNNING
        )

    def shown(self, state: StepState, detail: str | None = None) -> None:
        """How it stands, from now on."""
        self._timer.cancel()
        self._house.views.step(self._row(state, detail=detail))

    def done(self, kept: Kept) -> None:
        """What came of it, now or before."""
        self._timer.cancel()
        failed = kept.error is not None
        row = self._row(
            StepState.FAILED if failed else StepState.DONE,
            detail=kept.error.message if kept.error is not None else None,
        )
        self._house.views.step(
            structs.replace(
                row,
                attempts=kept.attempts,
                started_at=kept.started_at,
                ended_at=kept.ended_at,
            )
        )

    def left(self) -> None:
        """Nobody here goes on with it."""
        self._timer.cancel()

    def _row(self, state: StepState, detail: str | None) -> StepRow:
        return StepRow(
            process_id=self.process.row.id,
            number=self.number,
            name=self.name,
            state=state,
            attempts=self.attempts,
            started_at=self.started_at,
            detail=detail,
        )
