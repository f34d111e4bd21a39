"""Rows of processes and steps, from what processes know and to what people see."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from canonical.processes import ProcessState, ProcessStep, ProcessView, StepState


class KeptError(Struct, frozen=True):
    """An error, so that it can be raised again with its type and its words.

    Attributes:
        type: Name of its class.
        message: What it says to people.
        code: What it says to programs.
        fields: What else it carries, as plain values.
    """

    type: str
    message: str
    code: str
    fields: Mapping[str, Any] = {}


class Kept(Struct, frozen=True, omit_defaults=True):
    """What came of a step or a process: a result, or an error.

    Attributes:
        started_at: When it was begun first.
        ended_at: When it was done.
        ok: The result, as JSON.
        error: The error, if there is no result.
        attempts: How often it was begun.
    """

    started_at: datetime
    ended_at: datetime
    ok: Raw = Raw(b"null")
    error: KeptError | None = None
    attempts: int = 1


class ProcessRow(Struct, frozen=True, kw_only=True):
    """A process, as it stands."""

    id: str
    kind: str
    version: int
    state: ProcessState
    correlation_id: str
    started_by: str | None
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None = None
    waits_for: str | None = None
    outcome: Kept | None = None


class StepRow(Struct, frozen=True, kw_only=True):
    """A step of a process, as it stands."""

    process_id: str
    number: int
    name: str
    state: StepState
    attempts: int
    started_at: datetime
    ended_at: datetime | None = None
    detail: str | None = None


def process_values(row: ProcessRow) -> dict[str, Any]:
    """The columns of a process."""
    values = msgspec.structs.asdict(row)
    outcome = row.outcome
    return values | {
        "state": row.state.value,
        "outcome": None if outcome is None else msgspec.json.encode(outcome).decode(),
    }


def step_values(row: StepRow) -> dict[str, Any]:
    """The columns of a step."""
    return msgspec.structs.asdict(row) | {"state": row.state.value}


def kept_outcome(text: str) -> Kept:
    """What a process's `outcome` column says."""
    return msgspec.json.decode(text, type=Kept)


def process_view(
    row: Any, subjects: tuple[str, ...], steps: tuple[ProcessStep, ...]
) -> ProcessView:
    """A process for people."""
    return ProcessView(
        process_id=row["id"],
        kind=row["kind"],
        version=row["version"],
        state=ProcessState(row["state"]),
        subjects=subjects,
        correlation_id=row["correlation_id"],
        started_by=row["started_by"],
        started_at=row["started_at"],
        updated_at=row["updated_at"],
        ended_at=row["ended_at"],
        waits_for=row["waits_for"],
        outcome=_told(row["outcome"]),
        steps=steps,
    )


def step_view(row: Any) -> ProcessStep:
    """A step for people."""
    return ProcessStep(
        number=row["number"],
        name=row["name"],
        state=StepState(row["state"]),
        attempts=row["attempts"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        detail=row["detail"],
    )


def _told(text: str | None) -> str | None:
    """What came of a process, for people: what an error says, or the result's fields."""
    if text is None:
        return None
    kept = kept_outcome(text)
    if kept.error is not None:
        return kept.error.message
    found = msgspec.json.decode(kept.ok)
    if not isinstance(found, dict):
        return None if found is None else str(found)
    return ", ".join(f"{name}: {_plain(value)}" for name, value in found.items() if value)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
