"""The documents that an installation knows, and who may ask other ones.

role's mode    a document that is in no file
open           is answered
log            is answered, logged once and counted
known_only     is refused
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from runtime.cache.persisted import PersistedTexts
from runtime.security.principal import Principal, Role


class Mode(StrEnum):
    """What becomes of documents that are in no file."""

    OPEN = "open"
    LOG = "log"
    KNOWN_ONLY = "known_only"


_STRICTEST_FIRST: Final = (Mode.KNOWN_ONLY, Mode.LOG)


class Policy(Struct, frozen=True, kw_only=True):
    """Who may ask what is in no file.

    Attributes:
        mode: What holds where nothing is said of a role.
        by_role: What holds for roles; of a caller with several, the strictest.
    """

    mode: Mode = Mode.OPEN
    by_role: Mapping[Role, Mode] = {}

    def of(self, principal: Principal | None) -> Mode:
        """What holds for a caller."""
        if principal is None:
            return self.mode
        modes = {self.by_role.get(role, self.mode) for role in principal.roles}
        return next((mode for mode in _STRICTEST_FIRST if mode in modes), Mode.OPEN)


class KnownOperations:
    """The documents that this process knows.

    Attributes:
        policy: Who may ask other ones.
        learned: Those that clients name by their digest; None where they are not taken.
        everything_goes: Whether everybody may ask everything.

    Args:
        texts: Documents from files by their names.
        policy: Who may ask other ones.
        learned: Those that clients name by their digest; None where they are not taken.
    """

    def __init__(
        self,
        texts: Mapping[str, str] | None = None,
        policy: Policy = Policy(),  # noqa: B008  # it is frozen
        learned: PersistedTexts | None = None,
    ) -> None:
        self.policy = policy
        self.learned = learned
        self.everything_goes = policy.mode is Mode.OPEN and not policy.by_role
        self.replace(texts or {})

    def replace(self, texts: Mapping[str, str]) -> None:
        """From now on these are the documents from files."""
        self._texts = dict(texts)
        self._bodies = frozenset(texts.values())

    @property
    def texts(self) -> Mapping[str, str]:
        """The documents from files, by their names."""
        return self._texts

    def text(self, name: str) -> str | None:
        """The text of a document from a file."""
        return self._texts.get(name)

    def mode_of(self, text: str, principal: Principal | None) -> Mode:
        """What becomes of a document by its text: `open` where that is in a file."""
        if text in self._bodies:
            return Mode.OPEN
        return self.policy.of(principal)
