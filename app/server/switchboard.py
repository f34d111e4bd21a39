"""All connections that stay open: sockets and event streams of one process.

It counts them, looks after all of them with one timer, and sends them away when the process stops:
one after the other, for thousands of clients that come back at once would overrun the next process.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from app.server.drain import Drain
from app.server.message_rates import MessageRates, per_minute
from app.server.operator import Operator
from app.server.ports import Serving, Tokens
from app.server.rounds import Due, Rounds
from app.server.stream_settings import StreamSettings
from app.server.streams import Streams
from runtime.security.principal import Identity, Principal
from runtime.telemetry import metrics
from runtime.telemetry.metrics import StreamProtocol

RESTARTING: Final = "the server is stopping: connect again"
EXPIRED: Final = "the token has expired: connect again with a new one"

_LEAVING_PER_S: Final = 200
_LEAVING_SHARE: Final = 0.75
_LEAVING_STEP_S: Final = 0.05


class Connection(Due, Protocol):
    """A connection that stays open."""

    @property
    def protocol(self) -> StreamProtocol:
        """What is spoken on it."""

    def leave(self) -> None:
        """End once the questions under way are answered; the client is to come again."""

    def give_up(self) -> None:
        """End at once."""


class Switchboard:
    """What the connections of one process have in common.

    Args:
        operator: Answers queries and mutations.
        streams: Begins subscriptions; None where there are none.
        serving: The installation; tells who is asking.
        drain: Tells when the process stops.
        settings: What connections may take.
        clock: The present moment, with a zone.
    """

    def __init__(
        self,
        operator: Operator,
        streams: Streams | None,
        serving: Serving,
        drain: Drain,
        settings: StreamSettings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.operator = operator
        self.streams = streams
        self._serving = serving
        self.drain = drain
        self.settings = settings
        self.rounds = Rounds()
        self.messages = MessageRates(per_minute(settings.messages_per_principal))
        self._clock = clock
        self._open: dict[Connection, None] = {}
        self._of_subject: Counter[Identity] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        drain.when_stopping(self._leave)

    @property
    def tokens(self) -> Tokens:
        """Tells who is asking."""
        return self._serving.tokens

    def opened(self, connection: Connection, due: float) -> None:
        """A connection was opened; it is looked at from then on."""
        self._open[connection] = None
        self.drain.begin()
        metrics.stream_connection_opened(connection.protocol)
        self.rounds.set(connection, due)

    def ended(self, connection: Connection) -> None:
        """A connection has ended."""
        del self._open[connection]
        self.drain.end()
        metrics.stream_connection_ended(connection.protocol)

    def admit(self, principal: Principal) -> bool:
        """Count one more connection of a principal, unless it has too many; see `dismiss`."""
        if self._of_subject[principal.identity] >= self.settings.connections_per_principal:
            return False
        self._of_subject[principal.identity] += 1
        return True

    def dismiss(self, principal: Principal) -> None:
        """A connection that was admitted has ended."""
        self._of_subject[principal.identity] -= 1
        if not self._of_subject[principal.identity]:
            del self._of_subject[principal.identity]

    def expiry(self, principal: Principal) -> float:
        """When a principal's token ends, in the event loop's time."""
        left_s = (principal.expires_at - self._clock()).total_seconds()
        return asyncio.get_running_loop().time() + left_s

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Begin work that nobody waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def give_up(self) -> None:
        """End all connections at once."""
        for connection in tuple(self._open):
            connection.give_up()

    def _leave(self, within_s: float) -> None:
        """Send all connections away, as evenly as the time allows."""
        over_s = min(within_s * _LEAVING_SHARE, len(self._open) / _LEAVING_PER_S)
        rounds = max(1, math.ceil(over_s / _LEAVING_STEP_S))
        self._leave_some(tuple(self._open), math.ceil(len(self._open) / rounds))

    def _leave_some(self, connections: tuple[Connection, ...], at_once: int) -> None:
        for connection in connections[:at_once]:
            connection.leave()
        if rest := connections[at_once:]:
            loop = asyncio.get_running_loop()
            loop.call_later(_LEAVING_STEP_S, self._leave_some, rest, at_once)
