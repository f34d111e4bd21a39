"""Files of trusted documents, in the two forms that clients' tools make.

graphql-codegen, `persistedDocuments`        {"<hash>": "<text>", ...}
Apollo, `generate-persisted-query-manifest`  {"format": "apollo-persisted-query-manifest",
                                              "version": 1, "operations": [{"id", "body", ...}]}
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

_APOLLO: Final = "apollo-persisted-query-manifest"
_LARGEST: Final = 64 * 1024 * 1024


class TrustedFileError(Exception):
    """A file that cannot be read as documents.

    Attributes:
        message: Why, and what to do.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def read_trusted(files: Iterable[str], base_dir: Path) -> dict[str, str]:
    """The documents of some files by their names.

    Raises:
        TrustedFileError: if one cannot be read, or gives another text to a name.
    """
    found: dict[str, str] = {}
    for name in files:
        for key, text in texts_of(base_dir / name, name).items():
            if found.setdefault(key, text) != text:
                raise TrustedFileError(f"{name} has another text for {key!r}: names are for good")
    return found


def texts_of(path: Path, name: str) -> dict[str, str]:
    """The documents of one file by their names.

    Raises:
        TrustedFileError: if it cannot be read.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise TrustedFileError(f"{name} is larger than {_LARGEST // 1024**2} MB")
        data = msgspec.json.decode(path.read_bytes())
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or "it is not valid JSON"
        raise TrustedFileError(f"{name} cannot be read: {why}") from exc
    if not isinstance(data, dict):
        raise TrustedFileError(f"{name} is in no form that is known; it must be an object")
    pairs = _apollo(data, name) if data.get("format") == _APOLLO else data
    for key, text in pairs.items():
        if not isinstance(text, str) or not text.strip() or not key:
            raise TrustedFileError(f"{name} has no text for {key[:80]!r}")
    return {key.removeprefix("sha256:"): text for key, text in pairs.items()}


def _apollo(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    operations = data.get("operations")
    if data.get("version") != 1 or not isinstance(operations, list):
        raise TrustedFileError(f"{name} is of a version that is not known; 1 is")
    found: dict[str, Any] = {}
    for entry in operations:
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            raise TrustedFileError(f"{name} has an operation without an `id`")
        found[entry["id"]] = entry.get("body")
    return found
