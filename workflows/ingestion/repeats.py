"""What a watcher has read or told of before, so that it does neither for nothing."""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec.structs import replace

from canonical.absent import ABSENT
from canonical.dead_letters import DeadLetter
from canonical.entities import EntityName
from canonical.errors import SupplygraphError
from canonical.records import Record
from runtime.events.writing import Writing
from workflows.ingestion.intake import Way

_MOST: Final = 20_000
_encode: Final = msgspec.msgpack.Encoder().encode


class Repeats:
    """The last records that were taken in, by their content, and the failures that were told."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, int] = OrderedDict()
        self._letters: OrderedDict[str, None] = OrderedDict()

    def fresh(self, records: Sequence[Record]) -> Sequence[Record]:
        """Records that were not taken in last in just this form."""
        return [r for r in records if self._records.get(r.provenance.key) != _content(r)]

    def remember(self, records: Iterable[Record]) -> None:
        """Note records that were taken in."""
        for record in records:
            self._records[record.provenance.key] = _content(record)
            self._records.move_to_end(record.provenance.key)
        while len(self._records) > _MOST:
            self._records.popitem(last=False)

    def untold(self, letters: Mapping[str, DeadLetter]) -> dict[str, DeadLetter]:
        """Dead letters that were not buried here before."""
        return {name: letter for name, letter in letters.items() if name not in self._letters}

    def tell(self, letters: Iterable[str]) -> None:
        """Note dead letters that were buried."""
        self._letters.update(dict.fromkeys(letters))
        while len(self._letters) > _MOST:
            self._letters.popitem(last=False)


def letters_of(
    system: str, entity: EntityName, failures: Mapping[str, SupplygraphError]
) -> dict[str, DeadLetter]:
    """A dead letter for each record that could not be read, by what names it and its reason."""
    found: dict[str, DeadLetter] = {}
    for key, error in failures.items():
        reason = error.code.lower()
        why = digest_of(f"{reason} {error.message}".encode())
        found[f"watch:{entity.value}:{key}:{why:x}"] = DeadLetter(
            system=system,
            way=Way.WATCHER,
            reason=reason,
            message=error.message,
            content_type="application/json",
            body=msgspec.json.encode({"entity": entity.value, "key": key}),
        )
    return found


async def bury_once(writing: Writing, letters: Mapping[str, DeadLetter]) -> None:
    """Bury dead letters, but those that any process has buried before by the same names."""
    for system in sorted({letter.system for letter in letters.values()}):
        names = [name for name, letter in letters.items() if letter.system == system]
        seen = await writing.seen(system, names)
        fresh = [name for name in names if name not in seen]
        await writing.bury([letters[name] for name in fresh])
        await writing.take(system, dict.fromkeys(fresh, "dead letter"))


def digest_of(content: bytes) -> int:
    """A number of 64 bits that stands for some content."""
    return int.from_bytes(blake2b(content, digest_size=8).digest())


def is_among(numbers: "array[int]", number: int) -> bool:
    """Whether a number is among sorted ones."""
    place = bisect_left(numbers, number)
    return place < len(numbers) and numbers[place] == number


def _content(record: Record) -> int:
    return digest_of(_encode(replace(record, provenance=ABSENT)))
