"""A planning system that takes forecasts, behind its mapping: rows that replace those of a key."""

from collections.abc import Callable, Sequence
from datetime import datetime

from canonical.entities import EntityName
from canonical.errors import UnsupportedError
from canonical.ports import Ask
from canonical.writing import NewForecast
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.mapping.sendplan import write_plans
from connectors.kit.rows import Dataset, RowReader
from connectors.kit.sink_rows import RowMaker, Telling
from connectors.kit.source_core import Core
from connectors.kit.writing import RowPublisher


class MappedForecastSink:
    """The forecasts of one system (`canonical.writing.ForecastSink`). Codes are the system's own.

    Args:
        system: The backend's name in the manifest.
        mapping: How forecasts are read and written.
        reader: How the system is asked.
        publisher: How it is told.
        settings: What holds for the whole mapping.
        clock: The time now, with its zone.

    Raises:
        ValueError: if the mapping does not say how forecasts are published, or says it wrong.
    """

    def __init__(
        self,
        system: str,
        mapping: EntityMapping,
        reader: RowReader,
        publisher: RowPublisher,
        *,
        settings: MappingSettings,
        clock: Callable[[], datetime],
    ) -> None:
        entity = EntityName.FORECAST
        plans = write_plans(entity, mapping)
        form = None if mapping.writes is None else mapping.writes.publish
        if form is None or plans.publish is None or plans.mistakes:
            raise ValueError("; ".join(m.message for m in plans.mistakes) or "nothing is published")
        self._system = system
        self._publisher = publisher
        core = Core(system, entity, mapping, reader, settings=settings, clock=clock)
        own = core.dataset
        self._dataset = Dataset(
            form.dataset or own.name,
            form.key or own.key,
            form.options if form.dataset else {**own.options, **form.options},
        )
        self._maker = RowMaker(core)
        self._words = self._maker.words(plans.publish)
        self._anywhere = any(s.form.column == "location" for s in plans.publish.sent)
        self._at_once = form.rows

    @property
    def system(self) -> str:
        """The backend's name in the manifest."""
        return self._system

    async def publish(self, forecasts: Sequence[NewForecast], ask: Ask) -> None:
        """Publish forecasts, some at a time. It may be repeated: the same again changes nothing.

        Raises:
            UnavailableError: some may have been published; all of them may be again.
        """
        tellings = [Telling(self._values(forecast)) for forecast in forecasts]
        rows = await self._maker.rows(self._words, tellings, ask)
        for start in range(0, len(rows), self._at_once):
            await self._publisher.upsert(self._dataset, rows[start : start + self._at_once], ask)

    def _values(self, forecast: NewForecast) -> dict[str, object]:
        if forecast.location is None and self._anywhere:
            raise UnsupportedError(
                f"{self._system} keeps forecasts by location: one for all of them together cannot "
                f"be published there"
            )
        return {name: getattr(forecast, name) for name in NewForecast.__struct_fields__}
