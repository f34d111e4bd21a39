"""Who we are to a system: the port that protocols and the transport share, and a token cache.

Which kinds there are, and how the manifest writes them, is in `auth_kinds`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

import structlog
from msgspec import Struct, structs
from typing_extensions import override

from canonical.errors import MisconfiguredError, Reason, SupplygraphError, UnavailableError
from canonical.ports import Ask

_log = structlog.get_logger(__name__)


class Authenticator(Protocol):
    """Gives the headers that prove who we are."""

    async def headers(self, ask: Ask) -> Mapping[str, str]:
        """Headers for one request, obtained anew where none are held.

        Raises:
            MisconfiguredError: the credentials are refused.
            UnavailableError: they could not be obtained now.
        """

    def invalidate(self, headers: Mapping[str, str]) -> None:
        """Learn that these headers were refused (401). Headers obtained since then stay."""

    async def aclose(self) -> None:
        """Stop what is under way."""


class Token(Struct, frozen=True):
    """Headers obtained from a system.

    Attributes:
        headers: What to send. Not to be logged.
        life_s: Seconds for which they hold; None until they are refused.
    """

    headers: Mapping[str, str]
    life_s: float | None = None

    @override
    def __repr__(self) -> str:
        return f"Token(life_s={self.life_s})"


class _Held(Struct, frozen=True):
    headers: Mapping[str, str]
    refresh_at: float
    expires_at: float

    @override
    def __repr__(self) -> str:
        return "held"


Obtain = Callable[[Ask], Awaitable[Token]]
"""Signs in: sends its request through the transport with `Request.authorise=False`."""

_REFRESH_AT: Final = 0.8
_FOREVER: Final = float("inf")


class TokenCache:
    """An `Authenticator` that signs in once for all concurrent callers and keeps what it got.

    A token is renewed in the background after 80 % of its life, while the old one still serves.
    Where credentials were refused, the next sign-in waits for `pause_s`, because systems lock
    accounts after a few wrong passwords.
    """

    def __init__(
        self,
        system: str,
        obtain: Obtain,
        *,
        clock: Callable[[], float],
        timeout_s: float = 30.0,
        pause_s: float = 30.0,
    ) -> None:
        self._system = system
        self._obtain = obtain
        self._clock = clock
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._held: _Held | None = None
        self._pending: asyncio.Task[_Held] | None = None
        self._refused: str | None = None
        self._try_again_at = 0.0

    async def headers(self, ask: Ask) -> Mapping[str, str]:
        """Headers that hold now."""
        now = self._clock()
        held = self._held
        if held is not None and now < held.expires_at:
            if now >= held.refresh_at and now >= self._try_again_at:
                self._start(ask)
            return held.headers
        if self._refused is not None and now < self._try_again_at:
            raise MisconfiguredError(self._system, self._refused, reason=Reason.CREDENTIALS)
        pending = self._start(ask)
        try:
            async with asyncio.timeout_at(ask.deadline):
                return (await asyncio.shield(pending)).headers
        except TimeoutError as exc:
            msg = "signing in took longer than the deadline"
            raise UnavailableError(self._system, Reason.TIMEOUT, msg) from exc

    def invalidate(self, headers: Mapping[str, str]) -> None:
        """Forget these headers, if they are still the ones held."""
        if self._held is not None and self._held.headers == headers:
            self._held = None

    async def aclose(self) -> None:
        """Stop a sign-in under way."""
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.gather(self._pending, return_exceptions=True)

    def _start(self, ask: Ask) -> asyncio.Task[_Held]:
        if self._pending is None:
            # It serves all who wait, so the first caller's deadline does not bind it.
            deadline = asyncio.get_running_loop().time() + self._timeout_s
            self._pending = asyncio.create_task(
                self._renew(structs.replace(ask, deadline=deadline))
            )
            self._pending.add_done_callback(self._ended)
        return self._pending

    async def _renew(self, ask: Ask) -> _Held:
        started = self._clock()
        token = await self._obtain(ask)
        life_s = _FOREVER if token.life_s is None else token.life_s
        return _Held(token.headers, started + _REFRESH_AT * life_s, started + life_s)

    def _ended(self, task: asyncio.Task[_Held]) -> None:
        self._pending = None
        if task.cancelled():
            return
        failure = task.exception()
        if failure is None:
            self._held, self._refused = task.result(), None
            return
        self._try_again_at = self._clock() + self._pause_s
        shown = failure.message if isinstance(failure, SupplygraphError) else type(failure).__name__
        if isinstance(failure, MisconfiguredError):
            self._refused = shown.removeprefix(f"{self._system}: ")
        _log.warning("sign_in_failed", system=self._system, error=shown)
