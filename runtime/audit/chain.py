"""The chain: each entry's hash is over what it says and over the hash of the entry before it.

Whoever changes, removes, inserts or moves an entry would have to write all later hashes anew. What
is found without anything else: a change of an entry or of a column that questions are answered by,
entries missing in the middle or at the beginning, entries in another order, and an end that was cut
off without the chain's head. Somebody who can write all tables can make a whole new chain: that is
found by an anchor alone, the head's hash as it was kept elsewhere.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct, structs
from typing_extensions import override

from canonical.audit import AuditEntry, AuditKind

GENESIS: Final = "0" * 64
"""The hash before the first entry."""
_MOST_TOLD: Final = 50
_encode: Final = msgspec.json.Encoder(order="deterministic")
_decoder: Final = msgspec.json.Decoder(AuditEntry)
_COLUMNS: Final = (
    "entry_id",
    "at",
    "kind",
    "actor",
    "action",
    "subject",
    "decision",
    "correlation_id",
    "finishes",
)


class Head(Struct, frozen=True):
    """The end of the chain.

    Attributes:
        position: Of the last entry; 0 if there was never one.
        hash: Its hash.
    """

    position: int
    hash: str

    @override
    def __str__(self) -> str:
        """As anchors are written."""
        return f"{self.position}:{self.hash}"


def sealed(entries: Sequence[AuditEntry], head: Head) -> tuple[list[dict[str, Any]], Head]:
    """Entries as rows of the chain behind its head, and the head that they make.

    Args:
        entries: With their ids and times.
        head: Of the chain so far.
    """
    rows: list[dict[str, Any]] = []
    for entry in entries:
        position = head.position + 1
        content = _content(structs.replace(entry, position=position))
        head = Head(position, _hash(head.hash, content))
        columns = {name: getattr(entry, name) for name in _COLUMNS}
        columns["kind"] = entry.kind.value
        row = {"position": position, "content": content, "hash": head.hash}
        rows.append({name: _storable(value) for name, value in columns.items()} | row)
    return rows, head


def entry_of(row: Mapping[str, Any]) -> AuditEntry:
    """The entry in a row.

    Raises:
        msgspec.MsgspecError: if its content was made unreadable.
    """
    return structs.replace(_decoder.decode(row["content"]), hash=row["hash"])


def _content(entry: AuditEntry) -> str:
    said = msgspec.to_builtins(entry)
    del said["hash"]
    return _encode.encode(said).decode()


def _hash(before: str, content: str) -> str:
    return hashlib.sha256(f"{before}\n{content}".encode()).hexdigest()


def _storable(value: Any) -> Any:
    """A column's value: databases take no NUL, which content has escaped."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


class Tampering(Struct, frozen=True):
    """Something that is not as it was written.

    Attributes:
        position: Where in the chain.
        message: What, for people.
    """

    position: int
    message: str


class Verification(Struct, frozen=True):
    """What was found.

    Attributes:
        entries: How many entries there are.
        first: Position of the oldest; 0 without any.
        head: The end of the chain as the entries make it: keep it elsewhere, as an anchor.
        problems: What is not as it was written, a bounded number of them; none if all is well.
        count: How many problems there are.
    """

    entries: int
    first: int
    head: Head
    problems: Sequence[Tampering]
    count: int


class Verifier:
    """Goes over a chain, from its oldest entry on.

    Args:
        anchor: A head that was kept elsewhere; position 0 where only its hash was.
    """

    def __init__(self, anchor: Head | None = None) -> None:
        self._anchor = anchor
        self._anchored = anchor is None
        self._entries = self._first = self._count = 0
        self._last = Head(0, GENESIS)
        self._problems: list[Tampering] = []
        self._orphan: tuple[int, str, str] | None = None
        self._removed: dict[int, str] = {}

    def take(self, row: Mapping[str, Any]) -> None:
        """Look at the next entry by position."""
        position: int = row["position"]
        if not self._entries:
            self._first = position
        if position != self._last.position + 1 and self._entries:
            missing = _span(self._last.position + 1, position - 1)
            self._found(position, f"missing before it: {missing}")
        elif not self._entries and position > 1:
            self._orphan = (position, row["content"], row["hash"])
        if self._orphan is None or self._entries:
            self._follows(row)
        self._says(row)
        self._entries += 1
        self._last = Head(position, row["hash"])
        self._anchors(self._last)

    def finish(self, head: Head | None) -> Verification:
        """What was found.

        Args:
            head: The end of the chain as the store has it.
        """
        if self._orphan is not None:
            self._begins(*self._orphan)
        if (head or Head(0, GENESIS)) != self._last:
            said = "there is none" if head is None else f"it is said to be {head}"
            self._found(self._last.position, f"the end of the chain is {self._last}, and {said}")
        if not self._anchored and self._anchor is not None:
            self._found(
                self._last.position,
                f"the anchor {self._anchor.hash} is not in the chain: entries were cut off or "
                f"written anew since it was kept",
            )
        return Verification(self._entries, self._first, self._last, self._problems, self._count)

    def _follows(self, row: Mapping[str, Any]) -> None:
        before = self._last.hash
        if _hash(before, row["content"]) != row["hash"]:
            self._found(row["position"], "it was changed, or does not follow the one before it")

    def _says(self, row: Mapping[str, Any]) -> None:
        """Whether columns say what the content does; notes what checkpoints tell."""
        position = row["position"]
        try:
            entry = entry_of(row)
        except msgspec.MsgspecError:
            self._found(position, "its content cannot be read")
            return
        if entry.position != position:
            self._found(position, f"it was written as number {entry.position}")
        for name in _COLUMNS:
            if not _same(row[name], getattr(entry, name)):
                self._found(position, f"its column {name!r} does not say what its content does")
        if entry.kind is AuditKind.CHECKPOINT:
            through, last = entry.details.get("through"), entry.details.get("hash")
            if isinstance(through, int) and isinstance(last, str):
                self._removed[through] = last

    def _begins(self, position: int, content: str, found: str) -> None:
        """Whether the oldest entry follows what a checkpoint says was removed."""
        before = self._removed.get(position - 1)
        if before is None:
            told = "no checkpoint tells that they were removed because of their age"
            self._found(position, f"missing before it: {_span(1, position - 1)}, and {told}")
        elif _hash(before, content) != found:
            self._found(position, "it was changed, or does not follow what was removed")
        if self._anchor is not None and before == self._anchor.hash:
            self._anchored = True

    def _anchors(self, here: Head) -> None:
        if self._anchor is None or self._anchored:
            return
        placed = self._anchor.position in (0, here.position)
        self._anchored = placed and here.hash == self._anchor.hash

    def _found(self, position: int, message: str) -> None:
        self._count += 1
        if len(self._problems) < _MOST_TOLD:
            self._problems.append(Tampering(position, message))


def _span(first: int, last: int) -> str:
    return f"entry {first}" if first == last else f"entries {first} to {last}"


def _same(column: Any, said: Any) -> bool:
    if isinstance(said, datetime) or isinstance(column, datetime):
        return bool(column == said)
    return bool(column == _storable(said))
