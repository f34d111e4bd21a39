"""Keys of digits, which some systems store with leading zeros and show without."""

from collections.abc import Iterable
from typing import Any

from connectors.kit.rows import Row


def padded(value: Any, width: int) -> Any:
    """A key as the system stores it: digits get leading zeros, everything else stays."""
    text = str(value)
    if isinstance(value, bool) or not isinstance(value, str | int) or not _is_number(text):
        return value
    return text.zfill(width)


def strip_zeros(rows: Iterable[Row], path: str) -> None:
    """Take leading zeros off the keys at a path, which may go through lists, in place."""
    first, _, rest = path.partition(".")
    for row in rows:
        value = row.get(first)
        if not rest:
            if isinstance(value, str) and _is_number(value):
                row[first] = value.lstrip("0") or "0"
        elif isinstance(value, dict):
            strip_zeros((value,), rest)
        elif isinstance(value, list):
            strip_zeros((v for v in value if isinstance(v, dict)), rest)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
