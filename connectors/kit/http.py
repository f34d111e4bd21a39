"""One HTTP exchange as protocols see it: what they hand to the transport and what they get back."""

import string
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec

from canonical.errors import BadAnswerError
from canonical.ports import Ask

COST_OF_TELLING: Final = 10
"""Units of cost of a record that a system is told of, where one that is read costs 1."""


def _uncounted(records: int) -> None:
    """Where cost is of no concern."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request.

    Attributes:
        path: Path below the backend's address, or an absolute URL of the same origin.
        method: HTTP method.
        query: Query parameters in order, not yet encoded; a name may repeat.
        headers: Further headers.
        body: Bytes to send, with their content type in `headers`.
        repeatable: Whether the request may be sent again after a failure that leaves its effect
            unknown. One that may not be, and carries credentials, is a write: see `is_write`.
        authorise: Whether credentials are sent; false for the calls that obtain them.
        accept: Further statuses that are an answer and no failure, e.g. 404 where a key may be
            unknown.
        label: What is asked, for logs, metrics and error messages (no secrets), e.g.
            `A_PurchaseOrder`.
        told: Records that it tells of; None for one if it is a write, else for none.
    """

    path: str
    label: str
    method: str = "GET"
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    repeatable: bool = True
    authorise: bool = True
    accept: Sequence[int] = ()
    told: int | None = None

    @property
    def cost(self) -> int:
        """What it costs the system, in units, but for what is read."""
        told = self.told if self.told is not None else int(self.is_write)
        return max(1, told * COST_OF_TELLING)

    @property
    def is_write(self) -> bool:
        """Whether it is told once, and every failure must tell whether it was done."""
        return self.authorise and not self.repeatable


class Response(msgspec.Struct, frozen=True):
    """A whole response, decompressed, within the size limit.

    Attributes:
        system: Whose it is.
        status: HTTP status.
        headers: Headers, as they came.
        content: The body.
        label: What was asked.
        count: To be told, once, how many records came in it, before any of them are left out: that
            is what it has cost the system.
    """

    system: str
    status: int
    headers: Mapping[str, str]
    content: bytes
    label: str
    count: Callable[[int], None] = _uncounted

    def json(self) -> Any:
        """The body as JSON, numbers with a fraction as exact `Decimal`.

        Raises:
            BadAnswerError: if it is no JSON (an HTML page, a truncated document).
        """
        try:
            return _decode_json(self.content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            kind = self.headers.get("content-type", "no content type")
            msg = (
                f"{self.label} answered {len(self.content)} bytes ({kind}) that are not valid JSON"
            )
            raise BadAnswerError(self.system, msg) from exc


Explain = Callable[[Response], str | None]
"""Reads a vendor's error body: what it says in a few words, or None if it says nothing readable."""


def encoded(text: str) -> str:
    """Text as it stands in a query: percent-encoded UTF-8, what may stay as it is does."""
    data = text.encode()
    odd = set(data.translate(None, _QUERY_SAFE))
    # By kinds of character, not one by one: a filter is thousands long and holds few kinds.
    for each in sorted(odd, key=_PERCENT_FIRST.__ne__):
        data = data.replace(bytes((each,)), b"%%%02X" % each)
    return data.decode()


def query_string(query: Sequence[tuple[str, str]]) -> str:
    """Query parameters as they are sent, in their order; measure URLs by this."""
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in query)


class HTTPCaller(Protocol):
    """What protocols need of the transport (`connectors.kit.transport.Transport`)."""

    @property
    def system(self) -> str:
        """The backend's name."""

    @property
    def base_url(self) -> str:
        """The backend's address, without a trailing slash."""

    async def send(self, request: Request, ask: Ask, *, explain: Explain | None = None) -> Response:
        """Send a request under the backend's call policies; its 2xx (304, accepted) answer.

        Raises:
            UnavailableError: the system cannot be asked now (down, slow, throttled, circuit open,
                in maintenance).
            BadAnswerError: the answer is too large or cannot be read.
            MisconfiguredError: credentials are refused, or what was named does not exist there.
            InvalidInputError: the system says that the question is wrong (400 and the like).
            RejectedError: instead, where the request is a write: it was not done.
            InDoubtError: a write may have been done. All other errors of a write say that it was
                surely not. So does no answer that is read afterwards and makes no sense: who reads
                it says so (`in_doubt`).
        """


# Never `+`, which some read as a blank, nor `;`, which some read as `&`.
_QUERY_SAFE: Final = (string.ascii_letters + string.digits + "_.-~" + "$,()*:/'@!").encode()
_PERCENT_FIRST: Final = ord("%")

_decode_json = msgspec.json.Decoder(type=Any, float_hook=Decimal).decode
