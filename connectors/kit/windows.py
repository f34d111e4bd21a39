"""Maintenance windows: times in which a system is declared to be down, and is not asked."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
_CLOCK_OR_END = r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"


class Day(StrEnum):
    """Days of the week."""

    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"
    SUN = "SUN"


_DAYS: Final = tuple(Day)


class MaintenanceWindow(BaseModel):
    """A time of the week in which a system is not asked, on the wall clock of a zone."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    days: Annotated[
        tuple[Day, ...],
        Field(min_length=1, description="Days on which the window begins; every day if left out."),
    ] = _DAYS
    start: Annotated[
        str, Field(alias="from", pattern=_CLOCK, description='When it begins, e.g. "22:00".')
    ]
    end: Annotated[
        str,
        Field(
            alias="to",
            pattern=_CLOCK_OR_END,
            description='When it ends, e.g. "02:00"; the next day if that is not after `from`.',
        ),
    ]
    zone: Annotated[str, Field(description="IANA time zone of both, e.g. Europe/Berlin.")] = "UTC"

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
            msg = f"{zone!r} is not a time zone: use an IANA name such as Europe/Berlin or UTC"
            raise ValueError(msg) from exc
        return zone

    @model_validator(mode="after")
    def _has_length(self) -> "MaintenanceWindow":
        if self.start == self.end:
            msg = "`from` and `to` are the same: for a whole day write from 00:00 to 24:00"
            raise ValueError(msg)
        return self

    def ends_at(self, now: datetime) -> datetime | None:
        """When the window that `now` lies in ends (UTC), or None outside. The end is outside."""
        today = now.astimezone(ZoneInfo(self.zone)).date()
        for first in (today - timedelta(days=1), today):
            if _DAYS[first.weekday()] in self.days:
                begins, ends = self._on(first)
                if begins <= now < ends:
                    return ends
        return None

    def _on(self, first: date) -> tuple[datetime, datetime]:
        """Begin and end in UTC. An hour that the clock shows twice belongs wholly to the window."""
        zone = ZoneInfo(self.zone)
        begins = datetime.combine(first, time.fromisoformat(self.start), zone)
        last = first if self.end > self.start else first + timedelta(days=1)
        if self.end == "24:00":
            ends = datetime.combine(first + timedelta(days=1), time(fold=1), zone)
        else:
            ends = datetime.combine(last, time.fromisoformat(self.end).replace(fold=1), zone)
        return begins.astimezone(UTC), ends.astimezone(UTC)


def maintenance_ends_at(windows: Iterable[MaintenanceWindow], now: datetime) -> datetime | None:
    """When the maintenance that `now` lies in is over (UTC), through windows that touch each other.

    Returns:
        None where `now` lies in no window.
    """
    declared = tuple(windows)
    until: datetime | None = None
    # Each round moves on to the end of a further window; a week of windows ends the chain.
    for _ in range(2 * len(declared) * len(_DAYS)):
        ends = [e for w in declared if (e := w.ends_at(until or now)) is not None]
        if not ends:
            break
        until = max(ends)
    return until
