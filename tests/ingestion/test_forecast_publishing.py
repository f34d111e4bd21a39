"""Forecasts are published once for each key, and told of as the planning system has them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from canonical.entities import EntityName
from canonical.errors import ConflictError, InvalidInputError, Reason, UnavailableError
from canonical.forecasts import Forecast
from canonical.locations import Location
from canonical.ports import Ask, Batch
from canonical.records import Provenance
from canonical.writing import NewForecast
from runtime.events.ledger import Ledger
from tests.fakes.asks import ASK
from tests.fakes.distributor import item
from tests.fakes.sources import FakeSource
from tests.ingestion.conftest import NOW
from workflows.forecast_publishing import MOST, ForecastPublishing, Planning
from workflows.ingestion.intake import Intake

DECEMBER = date(2026, 12, 1)


class Tables:
    """Items and locations that there are."""

    async def by_keys(
        self, entity: EntityName, column: str, keys: Sequence[str], *_: Any, **__: Any
    ) -> Batch:
        if entity is EntityName.ITEM:
            return Batch([item(n) for n in (1, 2) if f"I{n}" in keys])
        return Batch([Location(code="DC-1") for key in keys if key == "DC-1"])


class PlanningSystem:
    """Keeps forecasts by item, location and period."""

    def __init__(self) -> None:
        self.system = "planning"
        self.source = FakeSource("planning", EntityName.FORECAST, [])
        self.told: list[int] = []
        self.loses_answers = 0

    async def publish(self, forecasts: Sequence[NewForecast], ask: Ask) -> None:
        self.told.append(len(forecasts))
        for f in forecasts:
            key = f"{f.item}|{f.location}|{f.period_start}"
            record = Forecast(
                provenance=Provenance("planning", key, NOW),
                item=f.item,
                location=f.location,
                period_start=f.period_start,
                period_end=f.period_end,
                quantity=f.quantity,
                unit="PC",
                version=f.version,
                revised_at=datetime.now(UTC),
            )
            others = [r for r in self.source.records if r.provenance.key != key]
            self.source.records = [*others, record]
        if self.loses_answers:
            self.loses_answers -= 1
            raise UnavailableError("planning", Reason.TIMEOUT, "no answer")


def forecast(number: int = 1, quantity: str = "40", **changes: Any) -> NewForecast:
    given = NewForecast(
        item=f"I{number}",
        location="DC-1",
        period_start=DECEMBER,
        period_end=date(2027, 1, 1),
        quantity=Decimal(quantity),
    )
    return replace(given, **changes)


@pytest.fixture
def planning() -> PlanningSystem:
    return PlanningSystem()


@pytest.fixture
def desk(ledger: Ledger, planning: PlanningSystem) -> ForecastPublishing:
    there = Planning(planning, planning.source)
    return ForecastPublishing(there, Tables(), ledger, Intake(ledger), lambda _: ASK)  # type: ignore[arg-type]  # only what is asked of it


async def published(desk: ForecastPublishing, *forecasts: NewForecast, key: str = "k") -> Any:
    return await desk.publish(forecasts, key=key, actor="ann", correlation_id="c-1")


async def told(ledger: Ledger) -> list[Any]:
    return [e.data for e in await ledger.read(EntityName.FORECAST, 0, 100)]


async def test_it_is_told_of_once_as_planning_has_it(
    desk: ForecastPublishing, planning: PlanningSystem, ledger: Ledger
) -> None:
    first = await published(desk, forecast(1), forecast(2, "7.5"))
    again = await published(desk, forecast(1), forecast(2, "7.5"))
    assert first == again
    assert (first.accepted, first.findings) == (2, [])
    assert planning.told == [2]
    events = await ledger.read(EntityName.FORECAST, 0, 100)
    assert sorted((e.data.item, e.data.quantity) for e in events) == [
        ("I1", Decimal(40)),
        ("I2", Decimal("7.5")),
    ]
    assert {e.correlation_id for e in events} == {"c-1"}


async def test_after_an_answer_that_was_lost_the_same_comes_to_the_same(
    desk: ForecastPublishing, planning: PlanningSystem, ledger: Ledger
) -> None:
    planning.loses_answers = 1
    with pytest.raises(UnavailableError):
        await published(desk, forecast())
    assert await told(ledger) == []
    assert (await published(desk, forecast())).accepted == 1
    assert len(await told(ledger)) == 1
    assert len(planning.source.records) == 1


async def test_a_key_stands_for_one_set_of_forecasts(desk: ForecastPublishing) -> None:
    await published(desk, forecast())
    with pytest.raises(ConflictError, match="used for other forecasts: take a new key"):
        await published(desk, forecast(1, "41"))
    assert (await published(desk, forecast(1, "41"), key="other")).accepted == 1


@pytest.mark.parametrize(
    "wrong, code, message, field",
    [
        ({"item": "X"}, "ITEM_UNKNOWN", "there is no item 'X': look at the sku", "item"),
        (
            {"location": "Y"},
            "LOCATION_UNKNOWN",
            "there is no location 'Y': look at the code",
            "location",
        ),
        (
            {"period_end": DECEMBER},
            "PERIOD_INVALID",
            (
                "the period ends on 2026-12-01, which is not after its first day 2026-12-01: "
                "`periodEnd` is the day after the last"
            ),
            "periodEnd",
        ),
        (
            {"quantity": Decimal(-1)},
            "QUANTITY_INVALID",
            "a forecast cannot be -1: give 0 or more",
            "quantity",
        ),
        (
            {"item": "I1"},
            "DUPLICATE",
            "the item, location and period are those of the one at 0: give each only once",
            "periodStart",
        ),
    ],
)
async def test_what_is_wrong_is_said_and_the_others_are_taken(
    desk: ForecastPublishing, wrong: dict[str, Any], code: str, message: str, field: str
) -> None:
    done = await published(desk, forecast(1), forecast(2, **wrong))
    assert done.accepted == 1
    [finding] = done.findings
    assert (finding.code, finding.message, finding.index, finding.field) == (
        code,
        message,
        1,
        field,
    )


async def test_too_many_at_once_are_refused(
    desk: ForecastPublishing, planning: PlanningSystem
) -> None:
    with pytest.raises(InvalidInputError, match="at most 5000 forecasts are taken at once"):
        await published(desk, *[forecast()] * (MOST + 1))
    assert planning.told == []
