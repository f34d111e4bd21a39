"""What is in the body of a delivery: CloudEvents of our types, or a system's own records.

application/cloudevents+json          one event (structured mode)
application/cloudevents-batch+json    a list of them
anything with ce-* headers            the data of one (binary mode)
application/json                      the system's own form, read as an answer of its API would be
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from app.ingest.believing import NotJsonError, WrongFormError
from app.ingest.paths import times_in
from canonical.absent import is_absent
from canonical.dead_letters import DeadLetter
from canonical.entities import EntityName
from canonical.errors import BadAnswerError, InvalidInputError, SupplygraphError
from canonical.observations import Observation
from canonical.ports import Ask, Source
from canonical.records import Record
from runtime.telemetry.correlation import accepted, correlation_id
from workflows.ingestion.cloud_events import CloudEvent, report_of
from workflows.ingestion.intake import Delivery, Way

_BATCH: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ONE: Final = msgspec.json.Decoder(CloudEvent)
_ANY: Final = msgspec.json.Decoder(float_hook=str)
UNREAD: Final = "unread"
"""Why a body was buried whole, just as it came."""
_MOST: Final = 1_000
_TIME_S: Final = 20.0
_ESCAPED: Final = re.compile(r"\\(.)")
_KEPT_HEADERS: Final = frozenset({"content-type", "user-agent", "traceparent", "x-correlation-id"})


class Body(Struct, frozen=True):
    """A body that was believed.

    Attributes:
        content: Its bytes.
        content_type: What it says to be.
        headers: Of the delivery, with names in lower case.
        delivery_id: What names the delivery, if its sender does.
    """

    content: bytes
    content_type: str
    headers: Mapping[str, str]
    delivery_id: str | None


class Understood(Struct, frozen=True):
    """What was understood of a body.

    Attributes:
        deliveries: What is to be taken in.
        letters: What could not be understood.
        refusals: Why, for the sender.
        mendable: Whether the sender could mend it.
    """

    deliveries: Sequence[Delivery]
    letters: Sequence[DeadLetter] = ()
    refusals: Sequence[str] = ()
    mendable: bool = True


class _NoMeter:
    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        """Nobody counts."""


class Reader:
    """Understands the bodies of one system.

    Args:
        system: The backend.
        source: Makes records of its own rows; None if only CloudEvents are taken.
        rows: Dotted path to them in a body; None for the whole of it.
        columns: Columns that are read of them.
        times: Dotted paths to times in them, besides `updated_at`: the newest one counts.
    """

    def __init__(
        self,
        system: str,
        source: Source | None = None,
        rows: str | None = None,
        *,
        columns: frozenset[str] = frozenset(),
        times: Sequence[str] = (),
    ) -> None:
        self._system = system
        self._source = source
        self._rows = rows.split(".") if rows is not None else []
        self._columns = columns
        self._times = [path.split(".") for path in times]

    def unread(self, body: Body, exc: InvalidInputError) -> DeadLetter:
        """The dead letter of a body of which nothing could be understood."""
        return self._letter(body, body.content, UNREAD, exc.message)

    async def read(self, body: Body) -> Understood:
        """What is in a body.

        Raises:
            WrongFormError: if it says to be of a kind that is not taken.
            InvalidInputError: if it is no JSON.
            UnavailableError: if its system must be asked for more of it, and cannot be now.
        """
        kind = body.content_type.partition(";")[0].strip().lower()
        if kind == "application/cloudevents+json":
            return self._events(body, [_raw(body.content)])
        if kind == "application/cloudevents-batch+json":
            events = _decoded(_BATCH.decode, body.content)
            if len(events) > _MOST:
                raise InvalidInputError(f"a batch has at most {_MOST} events: send it in parts")
            return self._events(body, events)
        if "ce-specversion" in body.headers:
            return self._events(body, [_structured(body)])
        if self._source is None or (kind != "application/json" and not kind.endswith("+json")):
            raise WrongFormError(
                "send CloudEvents (application/cloudevents+json or its batch, or ce-* headers)"
                + ("" if self._source is None else ", or the record as application/json")
            )
        return await self._own(body, self._source)

    def _events(self, body: Body, events: Sequence[Any]) -> Understood:
        deliveries: list[Delivery] = []
        letters: list[DeadLetter] = []
        refusals: list[str] = []
        for content in events:
            try:
                report = report_of(self._system, _decoded(_ONE.decode, content))
            except InvalidInputError as exc:
                letters.append(self._letter(body, bytes(content), "invalid", exc.message))
                refusals.append(exc.message)
                continue
            deliveries.append(self._delivery(report.source_event_id, [_traced(report, body)]))
        return Understood(deliveries, letters, refusals)

    async def _own(self, body: Body, source: Source) -> Understood:
        """The system's own records, as its API would tell them."""
        rows = self._found(_decoded(_ANY.decode, body.content))
        until = asyncio.get_running_loop().time() + _TIME_S
        ask = Ask(until, correlation_id() or "", _NoMeter(), interactive=False)
        try:
            batch = await source.read(rows, self._columns, ask)
        except BadAnswerError as exc:
            return self._lost(body, exc)
        if batch.failures:
            return self._lost(body, next(iter(batch.failures.values())))
        if not batch.records:
            return Understood([self._delivery(body.delivery_id, [])])
        name = body.delivery_id
        apart = len(rows) != len(batch.records)  # then nobody knows which is of which
        newest = [None] * len(batch.records) if apart else [self._newest(row) for row in rows]
        reports = [
            self._report(source.entity, record, at, body)
            for record, at in zip(batch.records, newest, strict=True)
        ]
        return Understood([self._delivery(name, reports)])

    def _found(self, document: Any) -> list[Mapping[str, Any]]:
        for name in self._rows:
            document = document.get(name) if isinstance(document, dict) else None
        rows = document if isinstance(document, list) else [document]
        if not rows or not all(isinstance(row, dict) for row in rows):
            where = ".".join(self._rows) or "the body"
            raise InvalidInputError(f"{where} must be a record or a list of records")
        return rows

    def _newest(self, row: Mapping[str, Any]) -> datetime | None:
        """The newest of the times that count besides the record's own."""
        return max((at for path in self._times for at in times_in(row, path)), default=None)

    def _report(
        self, entity: EntityName, record: Record, newest: datetime | None, body: Body
    ) -> Observation:
        key, name = record.provenance.key, body.delivery_id
        moment = getattr(record, "updated_at", None)
        at = None if moment is None or is_absent(moment) else moment
        if newest is not None:
            at = newest if at is None else max(at, newest)
        said = f"{name}/{key}" if name else f"{entity.value}:{key}@{at}"
        report = Observation(
            system=self._system,
            entity=entity,
            key=key,
            record=record,
            occurred_at=at,
            source_event_id=said,
        )
        return _traced(report, body)

    def _delivery(self, name: str | None, reports: Sequence[Observation]) -> Delivery:
        return Delivery(system=self._system, observations=tuple(reports), delivery_id=name)

    def _lost(self, body: Body, exc: SupplygraphError) -> Understood:
        """Our mapping is at fault, not the sender."""
        letter = self._letter(body, body.content, "unmapped", exc.message)
        return Understood((), [letter], ["it cannot be understood here"], mendable=False)

    def _letter(self, body: Body, content: bytes, reason: str, message: str) -> DeadLetter:
        return DeadLetter(
            system=self._system,
            way=Way.WEBHOOK.value,
            reason=reason,
            message=message,
            body=content,
            content_type=body.content_type,
            headers={n: v for n, v in body.headers.items() if n in _KEPT_HEADERS},
        )


def _traced(report: Observation, body: Body) -> Observation:
    """A report that says where it comes from, if only its headers do."""
    given = body.headers.get("x-correlation-id")
    return msgspec.structs.replace(
        report,
        correlation_id=report.correlation_id or (accepted(given) if given else None),
        traceparent=report.traceparent or body.headers.get("traceparent"),
    )


def _decoded(decode: Callable[[Any], Any], content: Any) -> Any:
    try:
        return decode(content)
    except msgspec.ValidationError as exc:
        raise InvalidInputError(f"this is no CloudEvent: {exc}") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise NotJsonError("the body is no JSON") from exc
    except RecursionError as exc:
        raise NotJsonError("the body is nested too deeply") from exc


def _raw(content: bytes) -> bytes:
    """One event, if it is JSON at all."""
    _decoded(_ANY.decode, content)
    return content


def _structured(body: Body) -> bytes:
    """An event of binary mode in the form of structured mode."""
    attributes = {
        name.removeprefix("ce-"): _unescaped(value)
        for name, value in body.headers.items()
        if name.startswith("ce-")
    }
    data = msgspec.Raw(_raw(body.content))
    return msgspec.json.encode({**attributes, "data": data})


def _unescaped(value: str) -> str:
    """An attribute as its sender meant it: without quotation marks, percent-decoded once.

    So the HTTP protocol binding wants it (3.1.3.2); senders of its older versions quote.
    """
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = _ESCAPED.sub(r"\1", value[1:-1])
    return unquote(value, errors="replace")
