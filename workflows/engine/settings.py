"""How processes are run."""

from msgspec import Struct


class EngineSettings(Struct, frozen=True, kw_only=True):
    """How processes are run.

    Attributes:
        takeover_s: Within so many seconds the processes of a server that died go on elsewhere, or
            here after it is started again.
        first_pause_s: How long a step waits when a system is unavailable; twice as long each time.
        longest_pause_s: Longest such pause before somebody is told.
        stuck_after_s: How long a system may be unavailable, or a write in doubt, before an
            exception is reported and the process counts as stuck.
        slow_pause_s: How often a stuck step is tried by itself.
        tell_within_s: Longest that a system may take to be told something.
        settle_s: How long after that whatever was sent may still take effect there.
        poll_s: How often messages of other servers are looked for.
        threads: Threads that wait for DBOS's database.
        keep_days: How long processes are kept behind their end; then the same id may begin again.
    """

    takeover_s: float = 10.0
    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0
    stuck_after_s: float = 300.0
    slow_pause_s: float = 300.0
    tell_within_s: float = 60.0
    settle_s: float = 10.0
    poll_s: float = 0.5
    threads: int = 8
    keep_days: float = 400.0
