"""Scripts that Redis runs as one step, and asking it for what cannot be guessed without it."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from redis.exceptions import NoScriptError

from runtime.limits.rules import LimitsDownError

_DOWN: Final = object()


class Script:
    """A script that Redis keeps by its hash, and is sent again when it has forgotten it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def call(
        self, keys: Sequence[str], args: Sequence[str | float]
    ) -> Callable[[Any], Awaitable[Any]]:
        """What runs the script on a client."""

        async def work(client: Any) -> Any:
            try:
                return await client.evalsha(self._sha, len(keys), *keys, *args)
            except NoScriptError:
                return await client.eval(self._text, len(keys), *keys, *args)

        return work


class RedisPort(Protocol):
    """What is needed of the connection (`runtime.cache.connection.RedisHandle`)."""

    async def run(self, work: Callable[[Any], Awaitable[Any]], otherwise: Any) -> Any:
        """Do something with the client; `otherwise` if Redis cannot be asked now."""


async def asked(redis: RedisPort, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Ask something of Redis.

    Raises:
        LimitsDownError: if it cannot be asked now, or refuses.
    """
    answer = await redis.run(work, _DOWN)
    if answer is _DOWN:
        msg = "Redis cannot be asked"
        raise LimitsDownError(msg)
    return answer
