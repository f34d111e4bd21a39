"""Reading a dead letter once more: as deliveries of its system, or as a row of its files."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from app.ingest.believing import WrongFormError
from app.ingest.bodies import Body, Reader
from app.ingest.files import RowFiles, RowOfRun
from canonical.dead_letters import DeadLetter
from canonical.errors import InvalidInputError, NotFoundError
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


class RowRereading:
    """Reads letters that are rows of files.

    Args:
        files: Those that the manifest declares.
    """

    def __init__(self, files: RowFiles) -> None:
        self._files = files

    async def read(self, letter: DeadLetter, body: bytes) -> Sequence[Delivery]:
        """What a row reports; it was so when it came, if it does not say since when.

        Raises:
            InvalidInputError: if it cannot be read, or such files are not taken any more.
        """
        said = letter.headers
        if "row" not in said:
            raise InvalidInputError("it was kept without its header: send the file again")
        row = RowOfRun(
            content=body,
            header=said["header"].encode(),
            run=said["run"],
            number=int(said["row"]),
        )
        try:
            report = self._files.report_of(letter.system, said["entity"], row)
        except NotFoundError as exc:
            raise InvalidInputError(exc.message) from exc
        report = replace(report, occurred_at=report.occurred_at or letter.received_at)
        return [Delivery(system=letter.system, observations=(report,))]
