"""Counting operations as they are answered: one step in one table, whatever they ask for.

What an operation asks for is worked out when the counts are taken.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from typing_extensions import override

_MOST: Final = 5_000
_CHARACTERS: Final = 4_000_000
_NAME: Final = re.compile(rb"[A-Za-z0-9@][A-Za-z0-9 @._:/+-]{0,63}")
_VERSION: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}")


class Client(NamedTuple):
    """The caller's program.

    Attributes:
        name: What it calls itself.
        version: Its version; empty if it says none.
    """

    name: str
    version: str

    @override
    def __str__(self) -> str:
        return f"{self.name}/{self.version}" if self.version else self.name


UNKNOWN: Final = Client("unknown", "")
"""Programs that do not say what they are, or not in words that may be kept."""


@lru_cache(maxsize=1_000)
def client_named(name: bytes, version: bytes) -> Client:
    """The program of a name and a version, as they came in headers."""
    if not _NAME.fullmatch(name):
        return UNKNOWN
    known = _VERSION.fullmatch(version)
    return Client(name.decode("ascii"), version.decode("ascii") if known else "")


Question = tuple[str, str | None, Client]
"""(document, name of the operation if it was given, client)"""


class UsageCounter:
    """Counts the operations of one process until they are taken."""

    def __init__(self) -> None:
        self._counts: dict[Question, list[int]] = {}  # hashing a key is most of what it costs
        self._beyond = self._characters = 0

    def count(self, text: str, name: str | None, client: Client) -> None:
        """Count an operation that was answered."""
        counts, key = self._counts, (text, name, client)
        found = counts.get(key)
        if found is not None:
            found[0] += 1
        elif len(counts) < _MOST and self._characters < _CHARACTERS:
            counts[key] = [1]
            self._characters += len(text)
        else:
            self._beyond += 1

    def taken(self) -> tuple[Mapping[Question, int], int]:
        """What was counted since this was last called, and how many could not be told apart."""
        counts, beyond = self._counts, self._beyond
        self._counts, self._beyond, self._characters = {}, 0, 0
        return {key: count for key, [count] in counts.items()}, beyond
