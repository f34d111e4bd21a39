"""What all processes of a server share."""

from asyncio import Semaphore
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random

from msgspec import Struct

from canonical.exceptions import Troubles
from runtime.events.leases import Lease
from runtime.processes.attempts import Attempts
from runtime.processes.views import Views
from workflows.engine.mail import Mail
from workflows.engine.settings import EngineSettings
from workflows.process import Starting


class Begun(Struct, frozen=True, omit_defaults=True):
    """What a process was begun with.

    Attributes:
        kind: Which process.
        version: Of its code.
        asked: Its input, as JSON.
        correlation_id: Ties it to what it is about.
        started_at: When.
        subjects: What it is about.
        started_by: Who asked for it; None for events.
    """

    kind: str
    version: int
    asked: str
    correlation_id: str
    started_at: datetime
    subjects: tuple[str, ...] = ()
    started_by: str | None = None


class House(Struct):
    """What all processes of a server share.

    Attributes:
        settings: How processes are run.
        views: What people see of them.
        attempts: What they told systems.
        mail: What they are told.
        troubles: Where they report what a person has to look at.
        now: The time.
        random: Spreads pauses.
        new_id: Names messages and log lines; each once.
        begin: Has another process begin.
        gate: How many may wait for DBOS's database at once.
        lease: This server's.
        telling: How many systems are being told something just now.
    """

    settings: EngineSettings
    views: Views
    attempts: Attempts
    mail: Mail
    troubles: Troubles
    now: Callable[[], datetime]
    random: Random
    new_id: Callable[[], str]
    begin: Callable[[Starting], Awaitable[object]]
    gate: Semaphore
    lease: Lease
    telling: int = 0
