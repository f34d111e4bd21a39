"""Refusals: written down beside the work, a bounded number at a time, and never left out silently.

Of refusals alike (the same code, to the same caller) the first few of a window are entries of their
own; how many more there were is one entry, and so is how many could not even be told apart.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog
from msgspec import Struct, field, structs

from canonical.audit import AuditEntry, AuditKind
from canonical.errors import SupplygraphError
from runtime.audit.log import AuditLog

_WINDOW_S: Final = 2.0
_ALIKE: Final = 10
_CALLERS: Final = 200
_SUMMED: Final = frozenset({"RATE_LIMITED", "TOO_MANY_OPERATIONS"})
"""Codes of which a caller makes many, one like the other: only their number is written down."""
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
Alike = tuple[str, str, str]
"""Code, issuer and name of the caller: refusals with the same ones are alike."""


class _Window(Struct):
    """What was refused since it was last written down."""

    entries: list[AuditEntry] = []
    samples: dict[Alike, AuditEntry] = {}
    counts: Counter[Alike] = field(default_factory=Counter)
    untold: Counter[str] = field(default_factory=Counter)


class Refusals:
    """The refusals of one process.

    Args:
        log: Where they are written.
        window_s: How often.
    """

    def __init__(self, log: AuditLog, *, window_s: float = _WINDOW_S) -> None:
        self._log = log
        self._window_s = window_s
        self._window = _Window()
        self._some = asyncio.Event()

    def note(self, alike: Alike, make: Callable[[], AuditEntry]) -> None:
        """Note a refusal; it is written down soon.

        Args:
            alike: Its code, and the issuer and name of who was refused.
            make: Makes its entry; not called for one that is only counted.
        """
        window, code = self._window, alike[0]
        self._some.set()
        known = alike in window.samples
        if not known and len(window.samples) >= _CALLERS:
            window.untold[code] += 1
            return
        window.counts[alike] += 1
        alone = code not in _SUMMED and window.counts[alike] <= _ALIKE
        if known and not alone:
            return
        entry = make()
        window.samples.setdefault(alike, entry)
        if alone:
            window.entries.append(entry)

    def later(self, entry: AuditEntry) -> None:
        """Note something that nobody can wait for; it is written down soon, as it is."""
        self._window.entries.append(entry)
        self._some.set()

    async def run(self) -> None:
        """Write down what is noted, for as long as this is not cancelled."""
        while True:
            await self._some.wait()
            await asyncio.sleep(self._window_s)
            await self.flush()

    async def flush(self) -> None:
        """Write down what was noted. Where that fails, what was refused is counted and goes on."""
        window, self._window = self._window, _Window()
        self._some.clear()
        entries = [*window.entries, *_sums(window)]
        if not entries:
            return
        try:
            await self._log.append(*entries)
        except SupplygraphError as exc:
            _log.warning("refusals could not be written down", error=exc.message)
            lost = Counter({code: n for code, n in window.untold.items() if n})
            for (code, _, _), count in window.counts.items():
                lost[code] += count
            self._window.untold.update(lost)
            self._some.set()


def _sums(window: _Window) -> list[AuditEntry]:
    """One entry for refusals alike beyond the first few; one for those that nobody told apart."""
    sums: list[AuditEntry] = []
    for alike, count in window.counts.items():
        sample = window.samples[alike]
        told = 0 if sample.decision in _SUMMED else _ALIKE
        if count > told:
            details = {"count": count - told}
            sums.append(structs.replace(sample, kind=AuditKind.REFUSALS, details=details))
    for code, count in window.untold.items():
        details = {"count": count, "dropped": True}
        sums.append(AuditEntry(kind=AuditKind.REFUSALS, decision=code, details=details))
    return sums
