"""What travels with requests, for tests that have nobody waiting."""

from canonical.ports import Ask


class NoMeter:
    """Counts nothing."""

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        """One request has ended."""


ASK = Ask(deadline=float("inf"), correlation_id="test", meter=NoMeter())
