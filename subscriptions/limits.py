"""What subscriptions may take of a process. All of it is finite."""

from msgspec import Struct


class StreamLimits(Struct, frozen=True):
    """What subscriptions may take.

    Attributes:
        per_principal: Subscriptions of one caller in this process.
        per_process: Subscriptions in this process.
        groups: Different questions in this process; alike ones count once.
        filter_values: Values of one condition of a filter.
        index_entries: Values of all filters of this process together.
        held: Events kept for a client that is behind with reading; past that it is given them from
            the log once it can take more.
        pending: Events that wait for one question's answer; past that they are read from the log.
        batch: Events that one execution answers.
        executions: Executions at a time. One that takes longer than `quick_s` counts no longer.
        in_flight: Executions at a time, the long ones with them.
        quick_s: See `executions`.
        readers: Readings of the log at a time.
        page: Events of one reading of the log.
        recent: Latest events of each stream that are kept here; what they cover is not read.
        behind: Positions that a client may fall behind; past that it is told of a gap.
        stalled_s: Seconds without reading anything after which a connection is closed.
        snapshot: Records of the present state.
    """

    per_principal: int = 100
    per_process: int = 20_000
    groups: int = 20_000
    filter_values: int = 1_000
    index_entries: int = 1_000_000
    held: int = 64
    pending: int = 256
    batch: int = 32
    executions: int = 64
    in_flight: int = 1_024
    quick_s: float = 0.25
    readers: int = 8
    page: int = 256
    recent: int = 2_048
    behind: int = 10_000
    stalled_s: float = 60.0
    snapshot: int = 500
