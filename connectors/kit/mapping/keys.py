r"""A record's own key as text: one value, or several joined with `|` (escaped by `\` within)."""

import re
from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

from connectors.kit.mapping.batch import Batch, types_of
from connectors.kit.mapping.convert import reader_for, to_text
from connectors.kit.mapping.fields import FieldType
from connectors.kit.mapping.model import KeyPart
from connectors.kit.mapping.paths import BadValueError, Env, compile_path
from connectors.kit.mapping.types import python_type
from connectors.kit.rows import Row

_SPLIT: Final = re.compile(r"((?:[^|\\]|\\.)*)(?:\||$)", re.DOTALL)


def join_key(values: Sequence[str]) -> str:
    """The text of a key. A single value stands as it is."""
    if len(values) == 1:
        return values[0]
    return "|".join(v.replace("\\", "\\\\").replace("|", "\\|") for v in values)


def split_key(text: str, parts: int) -> tuple[str, ...] | None:
    """The values of a key, or None if the text has not as many."""
    if parts == 1:
        return (text,)
    values: list[str] = []
    position = 0
    while position <= len(text):
        found = _SPLIT.match(text, position)
        if found is None:
            return None
        values.append(re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL))
        position = found.end() if found.end() > found.end(1) else len(text) + 1
    return tuple(values) if len(values) == parts else None


class Keys:
    """Keys of one entity, from rows and back.

    Args:
        parts: Paths of the key, in order.
    """

    def __init__(self, parts: Sequence[KeyPart]) -> None:
        self.parts = tuple(parts)
        self.paths = tuple(p.path for p in parts)
        self._is_text = [p.type for p in parts] == [FieldType.STRING]
        self._getters = [compile_path(p.path) for p in parts]
        self._readers = [
            to_text if p.type is FieldType.STRING else reader_for(python_type(p.type), p.type, UTC)
            for p in parts
        ]

    def of(self, row: Row) -> str:
        """The key of a row.

        Raises:
            BadValueError: if the row has none, or its values cannot be read.
        """
        texts = [self._text(i, row) for i in range(len(self.parts))]
        if not any(texts):
            raise BadValueError(f"a row has no key at {', '.join(self.paths)}")
        return join_key([t or "" for t in texts])

    def of_all(self, batch: Batch) -> Sequence[str]:
        """The keys of many rows.

        Raises:
            BadValueError: if one has none, or its values cannot be read.
        """
        columns = [self._texts(part, batch) for part in self.parts]
        texts = [c for c in columns if c is not None]
        if len(texts) < len(columns):
            return [self.of(row) for row in batch.elements]
        if len(texts) == 1:
            return texts[0]
        whole = "".join(map("".join, texts))
        if "|" in whole or "\\" in whole:
            return [self.of(row) for row in batch.elements]
        return list(map("|".join, zip(*texts, strict=True)))

    @staticmethod
    def _texts(part: KeyPart, batch: Batch) -> Sequence[str] | None:
        """The texts of one part of the keys, if all rows have it and it is written as usual."""
        try:
            column = batch.at(part.path)
        except BadValueError:
            return None
        types = types_of(column)
        if types == {str} and part.type is FieldType.STRING and "" not in column:
            return column
        if types == {int} and part.type in (FieldType.STRING, FieldType.INTEGER):
            return list(map(str, column))
        return None

    def values(self, key: str) -> tuple[Any, ...] | None:
        """What the system holds at the key's paths for a key, or None if no record can have it."""
        if self._is_text:
            return (key,)
        texts = split_key(key, len(self.parts))
        if texts is None:
            return None
        try:
            values = tuple(read(t) for read, t in zip(self._readers, texts, strict=True))
        except BadValueError:
            return None
        if any(v is None for v in values):
            return None
        return values if self._join(values) == key else None

    def _text(self, index: int, row: Row) -> str | None:
        raw = self._getters[index](row, Env([row]))
        value = None if raw is None or raw is False else self._readers[index](raw)
        return None if value is None else _plain(value)

    @staticmethod
    def _join(values: Sequence[Any]) -> str:
        return join_key([_plain(v) for v in values])


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else to_text(value)
