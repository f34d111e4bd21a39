"""Errors by what the caller can do about them.

    SupplygraphError
      InvalidInputError      mend the question
        UnsupportedError     ask in another way: no system can answer this one
        UnitMismatchError    declare the conversion between two units
        MappingMissingError  say what a code of ours is called in the system
        TooLargeError        ask for less in one request
        CostLimitError       ask for less at once
      LimitedError           wait, then ask again
        RateLimitedError     ... until the allowance has grown again
        TooManyOperationsError   ... until an operation of one's own has ended
      UnauthenticatedError   present a valid token
      RefusedError           ask somebody with more rights
      NotFoundError          the thing is not there
      ConflictError          read again, then retry
      RejectedError          a system was told and refuses, in its own words: mend what it says
      UnavailableError       a system could not be asked now: retry later, perhaps at a known time
        InDoubtError         a system was told, and nobody knows what became of it: ask it
        BadAnswerError       a system answered what nobody can read: its operator must look
        MisconfiguredError   the installation's manifest or credentials are wrong: its operator must
        look

Messages are written for the person who asked. They name systems as the manifest does, and never
hosts, credentials, stack traces or vendor internals; those go to the log under the correlation id.
"""

import math
from enum import StrEnum
from typing import ClassVar

from typing_extensions import override


class Reason(StrEnum):
    """Why a system could not be asked."""

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    CIRCUIT_OPEN = "circuit_open"
    MAINTENANCE = "maintenance"
    CREDENTIALS = "credentials"
    BAD_ANSWER = "bad_answer"
    MISCONFIGURED = "misconfigured"
    IN_DOUBT = "in_doubt"


class SupplygraphError(Exception):
    """Base of every error that a caller may be told about.

    Attributes:
        code: Stable code for programs, as in GraphQL's `extensions.code`.
    """

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def details(self) -> dict[str, object]:
        """What programs may read beside the message."""
        return {}


class InvalidInputError(SupplygraphError):
    """The question cannot be understood as it stands."""

    code = "BAD_USER_INPUT"


class UnsupportedError(InvalidInputError):
    """No system in charge can answer this, and doing it here would exceed the stated bound."""

    code = "UNSUPPORTED"


class UnitMismatchError(InvalidInputError):
    """Two quantities of one item have units between which no conversion is declared."""

    code = "UNIT_MISMATCH"

    def __init__(self, *, item: str, unit: str, target: str, base: str) -> None:
        super().__init__(
            f"item {item!r}: {unit!r} cannot be expressed in {target!r} (base unit "
            f"{base!r}): no conversion is "
            f"declared. Add it in the item's system, or under `units` in the manifest."
        )


class MappingMissingError(InvalidInputError):
    """A system has nothing that corresponds to a code of ours, or a code of its own is not mapped.

    Attributes:
        system: The backend's name in the manifest.
    """

    code = "MAPPING_MISSING"

    def __init__(self, system: str, message: str) -> None:
        super().__init__(f"{system}: {message}")
        self.system = system


class TooLargeError(InvalidInputError):
    """A request holds more than is read."""

    code = "OPERATION_TOO_LARGE"


class CostLimitError(InvalidInputError):
    """An operation would cost more than one may.

    Attributes:
        estimate: What it would cost.
        limit: What one may cost.
    """

    code = "COST_LIMIT"

    def __init__(self, estimate: int, limit: int) -> None:
        super().__init__(
            f"the operation would cost about {estimate}; at most {limit} are allowed at once: "
            "ask for fewer records (`first`), or for less of each"
        )
        self.estimate = estimate
        self.limit = limit

    @override
    def details(self) -> dict[str, object]:
        return {"estimatedCost": self.estimate, "costLimit": self.limit}


class LimitedError(SupplygraphError):
    """The caller asks for more than its share just now.

    Attributes:
        retry_after_s: Seconds until it is worth trying again.
    """

    code = "RATE_LIMITED"

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = max(1, math.ceil(retry_after_s))

    @override
    def details(self) -> dict[str, object]:
        return {"retryAfter": self.retry_after_s}


class RateLimitedError(LimitedError):
    """The caller's allowance is used up."""


class TooManyOperationsError(LimitedError):
    """The caller has as many operations under way as it may have."""

    code = "TOO_MANY_OPERATIONS"


class UnauthenticatedError(SupplygraphError):
    """Nobody, or nobody we know, is asking."""

    code = "UNAUTHENTICATED"


class RefusedError(SupplygraphError):
    """The caller may not do or see this."""

    code = "FORBIDDEN"


class NotFoundError(SupplygraphError):
    """What was named does not exist, or the caller may not know that it does."""

    code = "NOT_FOUND"


class ConflictError(SupplygraphError):
    """The thing has changed since it was read."""

    code = "CONFLICT"


class RejectedError(SupplygraphError):
    """A system has understood what it was told, and refuses it.

    Attributes:
        system: The backend's name in the manifest.
        said: What the system says to it, for people.
    """

    code = "REJECTED"

    def __init__(self, system: str, said: str) -> None:
        super().__init__(f"{system} refuses: {said}")
        self.system = system
        self.said = said

    @override
    def details(self) -> dict[str, object]:
        return {"system": self.system}


class UnavailableError(SupplygraphError):
    """A system could not be asked.

    Attributes:
        system: The backend's name in the manifest.
        reason: Why.
        retry_after_s: Seconds until it is worth trying again, where known.
    """

    code = "UNAVAILABLE"

    def __init__(
        self, system: str, reason: Reason, message: str, *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{system}: {message}")
        self.system = system
        self.reason = reason
        self.retry_after_s = retry_after_s

    @override
    def details(self) -> dict[str, object]:
        found: dict[str, object] = {"system": self.system, "reason": self.reason.value}
        if self.retry_after_s is not None:
            found["retryAfterSeconds"] = round(self.retry_after_s, 3)
        return found


class InDoubtError(UnavailableError):
    """A system was told something, and no answer came: it may have been done, or not.

    It is never told again before it was asked what became of it.
    """

    code = "IN_DOUBT"

    def __init__(self, system: str, message: str) -> None:
        super().__init__(system, Reason.IN_DOUBT, message)


class BadAnswerError(UnavailableError):
    """A system answered something that cannot be read as what was asked for."""

    code = "BAD_ANSWER"

    def __init__(self, system: str, message: str) -> None:
        super().__init__(system, Reason.BAD_ANSWER, message)


class MisconfiguredError(UnavailableError):
    """A system refused our credentials, or does not have what the mapping names."""

    code = "MISCONFIGURED"

    def __init__(self, system: str, message: str, *, reason: Reason = Reason.MISCONFIGURED) -> None:
        super().__init__(system, reason, message)


class SignInRefusedError(MisconfiguredError):
    """A system does not know us: whatever was asked for, it is our credentials that are wrong."""

    def __init__(self, system: str, message: str) -> None:
        super().__init__(system, message, reason=Reason.CREDENTIALS)
