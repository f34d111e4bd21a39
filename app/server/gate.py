"""Which documents may be asked, and the texts of those that are only named.

A document has a name from a file of the installation (trusted documents), or it is named by its
SHA-256 once some client has sent it (Apollo's automatic persisted queries). Who may ask only what
is in the files may send its text as well, to the letter; questions about the schema alone are free.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import structlog

from app.server.known_operations import KnownOperations, Mode
from app.server.negotiation import HTTPRefusal
from app.server.requests import GraphQLRequest
from app.server.terms import Terms
from runtime.cache.persisted import digest_of
from runtime.telemetry import metrics
from runtime.telemetry.metrics import OperationOutcome

NOT_IN_LIST: Final = "PERSISTED_QUERY_NOT_IN_LIST"
NOT_SAFE: Final = "QUERY_NOT_IN_SAFELIST"
_SEEN: Final = 10_000
_OK: Final = 200
_NAMED: Final = re.compile(r"(?:query|mutation|subscription)\s+([_A-Za-z][_0-9A-Za-z]*)")
_ABOUT: Final = re.compile("__|_service")
_log = structlog.get_logger(__name__)


class Gate:
    """Lets requests through, with their texts: for all that carries operations.

    Args:
        known: The documents.
        about_schema: Whether a request is about the schema alone.
        refused: Told of each document that is refused, by whom it was asked, and the code.
    """

    def __init__(
        self,
        known: KnownOperations,
        about_schema: Callable[[GraphQLRequest, Terms], bool],
        refused: Callable[[GraphQLRequest, Terms, str], None] = lambda *_: None,
    ) -> None:
        self._known = known
        self._refused = refused
        self._about_schema = about_schema
        self._seen: OrderedDict[int, None] = OrderedDict()

    def now(self, request: GraphQLRequest, terms: Terms) -> GraphQLRequest | None:
        """The request with its text; None if others must be asked for that, see `later`.

        Raises:
            HTTPRefusal: if it may not be asked.
        """
        if request.query:
            if not self._known.everything_goes:
                self._check(request, terms)
            return request
        text = self._known.text(request.named or "")
        if text is not None:
            return request.of_text(text)
        mode = self._known.policy.of(terms.principal)
        if mode is Mode.KNOWN_ONLY:
            message = "no document of this name is known here; publish it with the client's release"
            raise self._refusal(request, terms, HTTPRefusal(400, message, code=NOT_IN_LIST))
        if self._known.learned is None:  # clients send the text on hearing this
            code = "PERSISTED_QUERY_NOT_SUPPORTED"
            raise HTTPRefusal(_OK, "PersistedQueryNotSupported", code=code)
        return None

    async def later(self, request: GraphQLRequest, terms: Terms) -> GraphQLRequest:
        """The request with the text that some client has sent before.

        Raises:
            HTTPRefusal: if no client has, or it may not be asked.
        """
        learned = self._known.learned
        text = None if learned is None else await learned.get(request.named or "")
        if text is None:  # clients send the text on hearing this
            raise HTTPRefusal(_OK, "PersistedQueryNotFound", code="PERSISTED_QUERY_NOT_FOUND")
        found = request.of_text(text)
        self._check(found, terms)
        return found

    async def settled(self, request: GraphQLRequest, terms: Terms) -> GraphQLRequest:
        """The request with its text.

        Raises:
            HTTPRefusal: if there is none, or it may not be asked.
        """
        return self.now(request, terms) or await self.later(request, terms)

    async def learn(self, request: GraphQLRequest, outcome: OperationOutcome) -> None:
        """Keep the text of a request that was answered, if it is to be named by its digest."""
        answered = outcome is not OperationOutcome.REFUSED
        if request.learnable and answered and self._known.learned is not None:
            await self._known.learned.put(request.query)

    def _check(self, request: GraphQLRequest, terms: Terms) -> None:
        mode = self._known.mode_of(request.query, terms.principal)
        if mode is Mode.OPEN:
            return
        if mode is Mode.LOG:
            self._note(request, terms)
        elif not (_ABOUT.search(request.query) and self._about_schema(request, terms)):
            message = (
                "only documents that are known here are answered to your role; publish this one "
                "with the client's release"
            )
            raise self._refusal(request, terms, HTTPRefusal(403, message, code=NOT_SAFE))

    def _refusal(self, request: GraphQLRequest, terms: Terms, refusal: HTTPRefusal) -> HTTPRefusal:
        metrics.unknown_operation("known_only")
        self._refused(request, terms, refusal.code)
        return refusal

    def _note(self, request: GraphQLRequest, terms: Terms) -> None:
        """Count a document that is in no file, and log it the first time."""
        metrics.unknown_operation("log")
        key = hash(request.query)
        if key in self._seen:
            self._seen.move_to_end(key)
            return
        self._seen[key] = None
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)
        _log.info(
            "unknown operation",
            operation=request.operation_name or _first_name(request.query),
            client=str(terms.client),
            sha256=digest_of(request.query),
            subject=None if terms.principal is None else terms.principal.subject,
            correlation_id=terms.correlation_id,
        )


def _first_name(text: str) -> str | None:
    found = _NAMED.search(text)
    return None if found is None else found[1]
