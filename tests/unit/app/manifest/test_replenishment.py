"""What a manifest may say of replenishment, and what is said of mistakes in it."""

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from pydantic import ValidationError

from app.manifest.replenishment import ReplenishmentConfig
from canonical.purchase_orders import OPEN_STATUSES, PurchaseOrderStatus
from canonical.values import Money
from workflows.replenishment.calendars import EVERY_DAY, Calendar
from workflows.replenishment.policy import Place, Policy, Sizing, Trigger
from workflows.replenishment.working import Pace

TEXT = """\
debounce_s: 30
wait_at_most_s: 120
nightly_at: "22:30"
time_zone: Europe/Berlin
batch_items: 100
count_orders_from: draft
calendars:
  default: {working_days: [monday, tuesday, wednesday, thursday, friday]}
  countries:
    DE: {holidays: [2026-12-25, 2026-10-03]}
  suppliers:
    S-1: {working_days: [tuesday, friday]}
policy:
  weeks: 6
  maximum_cost: {EUR: 50000, USD: 0.1}
rules:
  - {name: EU, regions: [EU], policy: {review_days: 14, weeks: 2, evaluated: false}}
  - {name: tools, categories: [Tools], policy: {weeks: 3, evaluated: true}}
  - {name: acme, suppliers: [S-1], policy: {lot_size: 1.10, lot_unit: BOX}}
  - {name: A, locations: [A], policy: {trigger: either, weeks: 4}}
  - {name: SKU, items: [I-1], policy: {sizing: to_max, maximum_stock: 400, weeks: 5}}
  - {name: all of A, locations: [A], policy: {trigger: reorder_point, overdue_for_days: 9}}
"""


def config(text: str = TEXT, **changes: Any) -> ReplenishmentConfig:
    return ReplenishmentConfig.model_validate({**yaml.safe_load(text), **changes})


def test_nothing_has_to_be_said() -> None:
    usual = ReplenishmentConfig()
    house = usual.house()
    assert house.policies.of(Place("I-1", "A")) == Policy()
    assert house.calendars.of_supplier("S-1", "DE") == ("default", EVERY_DAY)
    assert house.statuses == OPEN_STATUSES | {PurchaseOrderStatus.PENDING_APPROVAL}
    assert usual.pace() == Pace(nightly_at=time(2), zone=ZoneInfo("UTC"))


def test_it_is_what_those_who_work_take() -> None:
    said = config()
    assert (said.debounce, said.longest) == (timedelta(seconds=30), timedelta(seconds=120))
    assert said.pace() == Pace(
        items=100,
        nightly_at=time(22, 30),
        zone=ZoneInfo("Europe/Berlin"),
        later=timedelta(minutes=5),
    )
    assert PurchaseOrderStatus.DRAFT in said.house().statuses
    assert config(nightly_at=None).pace().nightly_at is None


def test_calendars_are_of_ones_own_or_of_the_country() -> None:
    calendars = config().house().calendars
    weekdays = (0, 1, 2, 3, 4)
    holidays = (date(2026, 10, 3), date(2026, 12, 25))
    assert calendars.of_supplier("S-1", "DE") == ("supplier S-1", Calendar(working_days=(1, 4)))
    assert calendars.of_supplier("S-2", "DE") == (
        "country DE",
        Calendar(working_days=weekdays, holidays=holidays),
    )
    assert calendars.of_location("S-1", None) == ("default", Calendar(working_days=weekdays))


@pytest.mark.parametrize(
    "place, supplier, rules, weeks, trigger",
    [
        (Place("I-2", "B"), None, (), 6, Trigger.SAFETY_STOCK),
        (Place("I-2", "B", None, "EU"), None, ("EU",), 2, Trigger.SAFETY_STOCK),
        (Place("I-2", "B", "Tools", "EU"), None, ("tools", "EU"), 3, Trigger.SAFETY_STOCK),
        (Place("I-2", "A", "Tools"), None, ("A", "all of A", "tools"), 4, Trigger.EITHER),
        (Place("I-1", "A"), "S-1", ("SKU", "A", "all of A", "acme"), 5, Trigger.EITHER),
    ],
    ids=["none", "region", "category", "location", "item"],
)
def test_the_most_specific_rule_counts(
    place: Place, supplier: str | None, rules: tuple[str, ...], weeks: int, trigger: Trigger
) -> None:
    policy = config().house().policies.of(place, supplier)
    assert (policy.rules, policy.weeks, policy.trigger) == (rules, weeks, trigger)
    assert policy.off is (rules == ("EU",))
    assert policy.maximum_cost == (
        Money(Decimal(50000), "EUR"),
        Money(Decimal("0.1"), "USD"),
    )
    assert (policy.lot_size, policy.lot_unit) == (
        (Decimal("1.1"), "BOX") if supplier else (Decimal(1), None)
    )
    assert (policy.sizing is Sizing.TO_MAX) is (place.item == "I-1")


def rule(**said: Any) -> dict[str, Any]:
    return {"rules": [{"name": "r", "policy": {"weeks": 3}, **said}]}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"wait_at_most_s": 29}, "wait_at_most_s: is less than debounce_s"),
        ({"nightly_at": "24:00"}, "'24:00' is no time of day; write one as 02:00"),
        (
            {"time_zone": "Berlin"},
            "there is no time zone 'Berlin'; write one as Europe/Berlin",
        ),
        (
            rule(),
            (
                "is for everything, so say it in the `policy` beside `rules`, or give one of "
                "items, locations, suppliers, categories, regions"
            ),
        ),
        (rule(items=["A"], policy={}), "policy: says nothing; give what is to be otherwise"),
        (
            rule(suppliers=["S"], policy={"trigger": "either", "weeks": 2}),
            (
                "policy.trigger: is settled before a supplier is chosen, so it cannot go by "
                "`suppliers`"
            ),
        ),
        (
            {"rules": [*rule(items=["A"])["rules"], *rule(items=["B"])["rules"]]},
            "rules: two are called 'r'; explanations could not say which",
        ),
        (
            {"policy": {"weeks": 30}, "rules": []},
            "policy: 30 weeks of cover lie beyond a horizon of 182 days",
        ),
        (
            rule(items=["A"], policy={"horizon_days": 30}),
            "rules: 'r': 6 weeks of cover lie beyond a horizon of 30 days",
        ),
        (
            {"policy": {"maximum_stock": 5, "reorder_point": 6}, "rules": []},
            "maximum_stock: is less than reorder_point",
        ),
        ({"policy": {"unlocated_share": "1.01"}}, "unlocated_share: a share is at most 1"),
        ({"policy": {"lot_size": 0}}, "Input should be greater than 0"),
        (
            {"policy": {"maximum_cost": {"eur": 5}}},
            "'eur' is no currency; write its three letters, as EUR",
        ),
        (
            {"calendars": {"countries": {"Germany": {}}}},
            "'Germany' is no country; write its two letters, as DE",
        ),
        ({"calendars": {"default": {"working_days": []}}}, "at least 1 item"),
    ],
)
def test_mistakes_say_what_to_do(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(**changes)
    [error] = caught.value.errors()
    assert message in error["msg"]
