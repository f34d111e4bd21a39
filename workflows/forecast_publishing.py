"""Publishing forecasts: checked, told to the planning system, read back, and told of.

    forecasts -> findings of those that are wrong -> the others to planning (which replaces by item,
    location and period) -> read back as planning has them now -> the event log, once for each key

Every part may be done again, so that whoever got no answer asks again with the same key.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct

from canonical.absent import is_absent
from canonical.criteria import Condition, Op, Range
from canonical.entities import EntityName
from canonical.errors import ConflictError, InvalidInputError
from canonical.forecast_publishing import ForecastFinding, Published
from canonical.forecasts import Forecast
from canonical.observations import Observation
from canonical.ports import Ask, Source
from canonical.reading import Records
from canonical.writing import ForecastSink, NewForecast
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from workflows.ingestion.intake import Delivery, Intake

MOST: Final = 5_000
_COLUMNS: Final = frozenset(
    {"item", "location", "period_start", "period_end", "quantity", "unit", "version", "revised_at"}
)
_encode: Final = msgspec.json.Encoder(decimal_format="string").encode
Asking = Callable[[str], Ask]
"""Terms for asking a system in the background, by the correlation id."""
_Place = tuple[str, str | None, Any]


class Planning(Struct, frozen=True):
    """The planning system that forecasts are published to.

    Attributes:
        sink: Takes them.
        source: Tells what it has of them.
    """

    sink: ForecastSink
    source: Source


class ForecastPublishing:
    """Publishes forecasts (`canonical.forecast_publishing.ForecastDesk`).

    Args:
        planning: Where to.
        records: What they are checked against.
        ledger: Knows which keys were used.
        intake: Tells of what is new.
        asking: How systems are asked.
    """

    def __init__(
        self,
        planning: Planning,
        records: Records,
        ledger: Ledger,
        intake: Intake,
        asking: Asking,
    ) -> None:
        self._planning = planning
        self._records = records
        self._ledger = ledger
        self._intake = intake
        self._asking = asking

    async def publish(
        self, forecasts: Sequence[NewForecast], *, key: str, actor: str, correlation_id: str
    ) -> Published:
        """As `canonical.forecast_publishing.ForecastDesk.publish`."""
        if len(forecasts) > MOST:
            raise InvalidInputError(
                f"at most {MOST} forecasts are taken at once, not {len(forecasts)}: send them in "
                "parts, each under a key of its own"
            )
        name = f"publish:{_digest([actor, key])}"
        content = f"{name}:{_digest(forecasts)}"
        known = await self._known(name, content)
        findings = await self._findings(forecasts, correlation_id)
        wrong = {finding.index for finding in findings}
        taken = [f for i, f in enumerate(forecasts) if i not in wrong]
        if not known and taken:
            await self._planning.sink.publish(taken, self._asking(correlation_id))
            told = await self._told(taken, name, correlation_id)
            await self._intake.take([told], also=self._noting(content))
        return Published(len(taken), findings)

    async def _known(self, name: str, content: str) -> bool:
        """Whether the same was published under this key."""
        system = self._planning.sink.system
        seen = await self._ledger.write(lambda writing: writing.seen(system, [name, content]))
        if name in seen and content not in seen:
            raise ConflictError(
                "this idempotency key was used for other forecasts: take a new key for these"
            )
        return name in seen

    def _noting(self, content: str) -> Callable[[Writing], Any]:
        async def note(writing: Writing) -> None:
            await writing.take(self._planning.sink.system, {content: "published"})

        return note

    async def _told(self, taken: Sequence[NewForecast], name: str, correlation_id: str) -> Delivery:
        """What planning has of them now, as a report."""
        system = self._planning.sink.system
        skus = sorted({f.item for f in taken})
        periods = Range(gte=min(f.period_start for f in taken), lt=max(f.period_end for f in taken))
        within = (Condition("period_start", Op.RANGE, periods),)
        batch = await self._planning.source.by_keys(
            "item", skus, _COLUMNS, self._asking(correlation_id), within
        )
        for problem in batch.failures.values():
            raise problem
        wanted = {_place(f) for f in taken}
        found = [r for r in batch.records if isinstance(r, Forecast) and _place(r) in wanted]
        reports = tuple(_report(system, record, name, correlation_id) for record in found)
        return Delivery(system=system, observations=reports, delivery_id=name)

    async def _findings(
        self, forecasts: Sequence[NewForecast], correlation_id: str
    ) -> list[ForecastFinding]:
        items = await self._there(
            EntityName.ITEM, "sku", [f.item for f in forecasts], correlation_id
        )
        named = [f.location for f in forecasts if f.location is not None]
        places = await self._there(EntityName.LOCATION, "code", named, correlation_id)
        seen: dict[_Place, int] = {}
        findings: list[ForecastFinding] = []
        for i, forecast in enumerate(forecasts):
            first = seen.setdefault(_place(forecast), i)
            wrong = _wrong(forecast, items, places, None if first == i else first)
            findings += (
                ForecastFinding(code=code, message=message, index=i, field=field)
                for code, message, field in wrong
            )
        return findings

    async def _there(
        self, entity: EntityName, column: str, keys: Sequence[str], correlation_id: str
    ) -> Mapping[str, bool]:
        """Which of some things there are."""
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        batch = await self._records.by_keys(
            entity, column, wanted, frozenset({column}), correlation_id=correlation_id
        )
        for problem in batch.failures.values():
            raise problem
        found = {getattr(record, column) for record in batch.records}
        return {key: key in found for key in wanted}


def _wrong(
    forecast: NewForecast,
    items: Mapping[str, bool],
    places: Mapping[str, bool],
    first: int | None,
) -> Iterator[tuple[str, str, str]]:
    """What is wrong with a forecast: a code, what to do, and where."""
    if not items[forecast.item]:
        yield "ITEM_UNKNOWN", f"there is no item {forecast.item!r}: look at the sku", "item"
    if forecast.location is not None and not places[forecast.location]:
        message = f"there is no location {forecast.location!r}: look at the code"
        yield "LOCATION_UNKNOWN", message, "location"
    if forecast.period_end <= forecast.period_start:
        message = (
            f"the period ends on {forecast.period_end}, which is not after its first day "
            f"{forecast.period_start}: `periodEnd` is the day after the last"
        )
        yield "PERIOD_INVALID", message, "periodEnd"
    if forecast.quantity < 0:
        message = f"a forecast cannot be {forecast.quantity}: give 0 or more"
        yield "QUANTITY_INVALID", message, "quantity"
    if first is not None:
        message = (
            f"the item, location and period are those of the one at {first}: give each only once"
        )
        yield "DUPLICATE", message, "periodStart"


def _place(forecast: NewForecast | Forecast) -> _Place:
    location = forecast.location
    return forecast.item, None if is_absent(location) else location, forecast.period_start


def _report(system: str, record: Forecast, name: str, correlation_id: str) -> Observation:
    key = record.provenance.key
    at = record.revised_at
    return Observation(
        system=system,
        entity=EntityName.FORECAST,
        key=key,
        record=record,
        occurred_at=None if is_absent(at) else at,
        source_event_id=f"{name}/{key}",
        correlation_id=correlation_id,
    )


def _digest(content: Any) -> str:
    return sha256(_encode(content)).hexdigest()[:32]
