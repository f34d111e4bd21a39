"""How a system contributed to a list."""

from enum import StrEnum


class State(StrEnum):
    """How a system contributed to a list."""

    LIVE = "LIVE"
    CACHED = "CACHED"
    STALE = "STALE"
    MISSING = "MISSING"
