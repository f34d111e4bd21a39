"""Variables as the audit may keep them: without what is secret, and of bounded length."""

import fnmatch
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

REDACTED: Final = "[redacted]"
SECRETS: Final = (
    "*password*",
    "*passwd*",
    "*secret*",
    "*token*",
    "*credential*",
    "*authorization*",
    "*api*key*",
    "*private*key*",
)
"""Never kept, whatever the manifest says."""
BUSINESS: Final = ("*note*", "*reason*", "*price*", "*cost*", "body", "headers")
"""Not kept unless the manifest says otherwise: free texts, and what things cost."""
_MOST_BYTES: Final = 16 * 1024
_DEEPEST: Final = 20


class Redaction:
    """Takes out what the audit is not to keep.

    Args:
        patterns: Names of variables and of fields in them, at any depth, in any case; `*` and `?`
            stand for other letters. Secrets are taken out besides.
    """

    def __init__(self, patterns: Sequence[str] = BUSINESS) -> None:
        either = "|".join(fnmatch.translate(p.lower()) for p in (*SECRETS, *patterns))
        self._hidden = re.compile(either)

    def variables(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Variables without what is not to be kept; too many of them are told by a digest."""
        kept: Mapping[str, Any] = self._kept(values, 0)
        try:
            written = msgspec.json.encode(kept)
            msgspec.json.decode(written)
        except (ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
            return {"unreadable": True}
        if len(written) <= _MOST_BYTES:
            return kept
        digest = hashlib.sha256(written).hexdigest()
        return {"too_long": {"bytes": len(written), "sha256": digest, "names": sorted(values)[:50]}}

    def _kept(self, value: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            return REDACTED
        if isinstance(value, Mapping):
            return {
                name: REDACTED if self._hidden.match(name.lower()) else self._kept(inner, depth + 1)
                for name, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._kept(inner, depth + 1) for inner in value]
        return value
