"""Awaiting what is most often there already, without the cost of being ready for a long wait."""

import types
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


def begin(work: Awaitable[T]) -> tuple[Awaitable[T] | None, Any]:
    """Go with a coroutine as far as it comes without waiting.

    Returns:
        (None, its result) if it has come to its end, else (the rest of it, None).
    """
    if type(work) is not types.CoroutineType and not isinstance(work, Coroutine):
        return work, None
    try:
        first = work.send(None)
    except StopIteration as end:
        return None, end.value
    return _rest(work, first), None


@types.coroutine
def _rest(work: Coroutine[Any, Any, T], waited_for: Any) -> Generator[Any, Any, T]:
    """Go on with a coroutine that waits for something."""
    try:
        while True:
            try:
                sent = yield waited_for
            except GeneratorExit:
                work.close()
                raise
            except BaseException as exc:  # noqa: BLE001  # a cancellation is the coroutine's to hear
                waited_for = work.throw(exc)
            else:
                waited_for = work.send(sent)
    except StopIteration as end:
        result: T = end.value
        return result
