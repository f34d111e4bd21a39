"""Asking extensions: a Python function of the installation, or a service by HTTP."""

import asyncio
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import httpx
import msgspec

from app.manifest.extensions import EditionConfig
from canonical.errors import InvalidInputError, MisconfiguredError, Reason, UnavailableError
from connectors.kit.secrets import Vault
from workflows.extensions import Asking

_LONGEST: Final = 1_000_000
_SERVER_ERRORS: Final = 500
_encode: Final = msgspec.json.Encoder(decimal_format="string").encode


class Callouts:
    """Asks extensions; to be closed.

    Args:
        vault: Reads addresses and tokens.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=None)  # noqa: S113  # whoever asks has a deadline

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def asking(self, name: str, config: EditionConfig) -> Asking:
        """How one version of an extension is asked.

        Raises:
            InvalidInputError: if there is no such function.
        """
        if config.python is not None:
            return _calling(name, function_named(name, config.python))
        assert config.url is not None  # noqa: S101  # one of both is there
        url = self._vault.text(config.url)
        headers = {"content-type": "application/json", "accept": "application/json"}
        if config.token is not None:
            headers["authorization"] = f"Bearer {self._vault.text(config.token)}"
        return self._posting(name, url, headers)

    def _posting(self, name: str, url: str, headers: dict[str, str]) -> Asking:
        async def ask(question: bytes) -> bytes:
            who = f"extension {name}"
            try:
                async with self._client.stream(
                    "POST", url, content=question, headers=headers
                ) as response:
                    status, content = response.status_code, await _begun(response)
            except httpx.HTTPError as exc:
                raise UnavailableError(who, Reason.CONNECTION, "cannot be reached") from exc
            if status >= _SERVER_ERRORS or status == httpx.codes.TOO_MANY_REQUESTS:
                raise UnavailableError(who, Reason.SERVER_ERROR, f"answers with {status}")
            if not httpx.codes.is_success(status):
                raise MisconfiguredError(who, f"does not take the question: it answers {status}")
            if len(content) > _LONGEST:
                raise MisconfiguredError(who, f"answers with more than {_LONGEST:,} bytes")
            return content

        return ask


async def _begun(response: httpx.Response) -> bytes:
    """An answer, read no further than to see that it is too long."""
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > _LONGEST:
            break
    return bytes(content)


def function_named(name: str, path: str) -> Callable[[Any], Any]:
    """The function `package.module:function`.

    Raises:
        InvalidInputError: if there is none.
    """
    module, _, function = path.partition(":")
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError) as exc:
        raise InvalidInputError(
            f"processes.extensions.{name}: there is no {path}; install its package where this runs"
        ) from exc
    if not callable(found):
        raise InvalidInputError(f"processes.extensions.{name}: {path} is no function")
    return found  # type: ignore[no-any-return]  # whatever it is, it is called


def _calling(name: str, function: Callable[[Any], Any]) -> Asking:
    async def ask(question: bytes) -> bytes:
        asked = msgspec.json.decode(question)
        if inspect.iscoroutinefunction(function):
            answer = await function(asked)
        else:
            answer = await asyncio.to_thread(function, asked)
        try:
            return _encode(answer)
        except TypeError as exc:
            message = f"extension {name} gives what is no plain data: {exc}"
            raise InvalidInputError(message) from exc

    return ask
