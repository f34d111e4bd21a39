"""What operations are audited by: changes, exports and refusals; small reads cost nothing.

a change    begun is written -> it is made -> what came of it is written -> the answer is given
an export   what was read is written -> the answer is given
a refusal   noted, and written soon
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from graphql import DocumentNode, OperationDefinitionNode
from msgspec import Struct, structs
from typing_extensions import override

from app.governance.objects import MOST, named_objects, root_names
from app.governance.redaction import Redaction
from canonical.audit import ALLOWED, AuditEntry, AuditKind
from canonical.errors import SupplygraphError
from runtime.audit.log import AuditLog
from runtime.audit.refusals import Refusals
from runtime.security.principal import Principal
from runtime.telemetry.correlation import correlation_id

T = TypeVar("T")
DENIALS: Final = frozenset(
    {
        "FORBIDDEN",
        "UNAUTHENTICATED",
        "RATE_LIMITED",
        "TOO_MANY_OPERATIONS",
        "COST_LIMIT",
        "OPERATION_TOO_LARGE",
        "PERSISTED_QUERY_NOT_IN_LIST",
        "QUERY_NOT_IN_SAFELIST",
    }
)
"""Codes of what was not a mistake in a question, but not allowed."""
_REFUSAL: Final = AuditKind.REFUSAL
_FAILED: Final = "INTERNAL_SERVER_ERROR"
_GIVEN_UP: Final = "CANCELLED"
_LONGEST: Final = 200


class Concerned(Struct, frozen=True):
    """An operation, and who asks for it.

    Attributes:
        principal: Who; None if nobody said.
        correlation_id: Ties everything about it together.
        client: What the caller's program calls itself: name/version.
        query: The document's text; empty if unknown.
        operation_name: The operation's name, if it has one.
        variables: Values of its variables.
    """

    principal: Principal | None
    correlation_id: str
    client: str = ""
    query: str = ""
    operation_name: str | None = None
    variables: Mapping[str, Any] = {}


class Change(Struct, frozen=True):
    """A mutation that is about to be run."""

    asked: Concerned
    tree: DocumentNode
    operation: OperationDefinitionNode


class Auditing(Protocol):
    """Audits operations.

    Attributes:
        exports_from: How many objects an answer has that is an export.
    """

    exports_from: int

    async def change(
        self, change: Change, make: Callable[[], Awaitable[T]], outcome: Callable[[T], list[str]]
    ) -> T:
        """Make a change.

        Args:
            change: What is asked for.
            make: Makes it.
            outcome: Codes of the errors that came of it.

        Raises:
            UnavailableError: it cannot be written down: then it is not made, or its answer is not
                given, and the audit shows it as unfinished.
        """

    async def exported(self, asked: Concerned, objects: Mapping[str, int]) -> None:
        """Write down what an answer that is about to be given has, by type.

        Raises:
            UnavailableError: it cannot be written down.
        """

    def refused(self, asked: Concerned, codes: Iterable[str]) -> None:
        """Note what was told to a caller; codes that are no refusals are passed over."""


class NoAuditing(Auditing):
    """Audits nothing: for what has no store."""

    exports_from = 2**62

    @override
    async def change(
        self, change: Change, make: Callable[[], Awaitable[T]], outcome: Callable[[T], list[str]]
    ) -> T:
        return await make()

    @override
    async def exported(self, asked: Concerned, objects: Mapping[str, int]) -> None:
        pass

    @override
    def refused(self, asked: Concerned, codes: Iterable[str]) -> None:
        pass


class Auditor(Auditing):
    """Audits operations into the log.

    Args:
        log: The log.
        refusals: Takes refusals.
        redaction: Takes out of variables what is not to be kept.
        exports_from: How many objects an answer has that is an export.
    """

    def __init__(
        self, log: AuditLog, refusals: Refusals, redaction: Redaction, *, exports_from: int
    ) -> None:
        self.exports_from = exports_from
        self._log = log
        self._refusals = refusals
        self._redaction = redaction

    @override
    async def change(
        self, change: Change, make: Callable[[], Awaitable[T]], outcome: Callable[[T], list[str]]
    ) -> T:
        entry = self._begun(change)
        [begun] = await self._log.append(entry)
        try:
            made = await make()
        except BaseException as exc:
            # Nobody may wait here; what comes to be not written shows as unfinished.
            self._refusals.later(_done(entry, begun.entry_id, [_code(exc)]))
            raise
        await self._log.append(_done(entry, begun.entry_id, outcome(made)))
        return made

    @override
    async def exported(self, asked: Concerned, objects: Mapping[str, int]) -> None:
        details = {"objects": dict(objects), "total": sum(objects.values())}
        kept = self._redaction.variables(asked.variables)
        entry = _entry(
            AuditKind.EXPORT, asked, operation="query", details=details | {"variables": kept}
        )
        await self._log.append(entry)

    @override
    def refused(self, asked: Concerned, codes: Iterable[str]) -> None:
        for code in dict.fromkeys(codes):
            if code in DENIALS:
                who = asked.principal
                alike = (code, "", "") if who is None else (code, who.issuer, who.subject)
                self._refusals.note(alike, partial(_entry, _REFUSAL, asked, decision=code))

    def _begun(self, change: Change) -> AuditEntry:
        asked = change.asked
        named = named_objects(change.tree, change.operation, asked.variables)
        details: dict[str, Any] = {
            "fields": root_names(change.tree, change.operation),
            "variables": self._redaction.variables(asked.variables),
        }
        if len(named) > MOST:
            details["objects_not_named"] = len(named) - MOST
        return _entry(
            AuditKind.CHANGE_BEGUN,
            asked,
            operation=change.operation.operation.value,
            objects=tuple(_plain(one) for one in named[:MOST]),
            details=details,
        )


def _done(begun: AuditEntry, entry_id: str, codes: list[str]) -> AuditEntry:
    details = {"codes": codes} if len(codes) > 1 else {}
    return structs.replace(
        begun,
        kind=AuditKind.CHANGE_DONE,
        finishes=entry_id,
        decision=codes[0] if codes else ALLOWED,
        details=details,
    )


def _code(problem: BaseException) -> str:
    if isinstance(problem, SupplygraphError):
        return problem.code
    return _GIVEN_UP if isinstance(problem, asyncio.CancelledError) else _FAILED


def _entry(kind: AuditKind, asked: Concerned, **more: Any) -> AuditEntry:
    who = asked.principal
    digest = hashlib.sha256(asked.query.encode(errors="replace")).hexdigest()
    said: dict[str, Any] = {
        "actor": "" if who is None else _plain(who.subject),
        "issuer": "" if who is None else _plain(who.issuer),
        "key_id": "" if who is None else who.key_id,
        "roles": () if who is None else tuple(sorted(role.value for role in who.roles)),
        "action": asked.operation_name or "",
        "document": digest if asked.query else "",
        "client": asked.client,
        "correlation_id": asked.correlation_id or correlation_id() or "",
    } | more
    said["action"] = _plain(said["action"])
    return AuditEntry(kind=kind, **said)


def _plain(text: str) -> str:
    """A text that a caller made up: of bounded length, and in UTF-8."""
    return text.encode(errors="replace").decode()[:_LONGEST]
