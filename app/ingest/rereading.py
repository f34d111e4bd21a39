"""Reading a dead letter of a webhook once more, as its system's deliveries are read."""

from collections.abc import Mapping, Sequence
from typing import Final

from app.ingest.believing import WrongFormError
from app.ingest.bodies import Body, Reader
from canonical.dead_letters import DeadLetter
from canonical.errors import InvalidInputError
from workflows.ingestion.intake import Delivery

_EVENT: Final = "application/cloudevents+json"
_INVALID: Final = "invalid"
"""Why an event was buried; it lies alone and in structured mode then, however it came."""


class HookRereading:
    """Reads letters that came by webhook.

    Args:
        readers: By system.
    """

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self._readers = readers

    async def read(self, letter: DeadLetter, body: bytes) -> Sequence[Delivery]:
        """What a body reports that came as a letter did.

        Raises:
            InvalidInputError: if it cannot be understood.
            UnavailableError: if its system must be asked for more of it, and cannot be now.
        """
        reader = self._readers.get(letter.system)
        if reader is None:
            raise InvalidInputError(f"the manifest takes no webhooks from {letter.system} any more")
        kind = _EVENT if letter.reason == _INVALID else letter.content_type or ""
        try:
            understood = await reader.read(Body(body, kind, letter.headers, None))
        except WrongFormError as exc:
            raise InvalidInputError(exc.message) from exc
        for lost in understood.letters:
            raise InvalidInputError(lost.message)
        return understood.deliveries
