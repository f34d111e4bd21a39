"""Whatever is filtered and sorted by the system or here: the same rows in the same order."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from canonical.criteria import Condition, Op, Range, Sort, in_order, matches, position_of
from canonical.entities import EntityName
from tests.connectors.rest.opening import Opened

pytestmark = pytest.mark.xdist_group("rest")  # one start of each simulator
Draw = Callable[[Random, Sequence[Any]], Condition]


def _one_of(column: str) -> Draw:
    def draw(rng: Random, records: Sequence[Any]) -> Condition:
        values = {getattr(rng.choice(records), column) for _ in range(rng.randint(1, 4))}
        return Condition(column, Op.IN, tuple(v for v in values if v is not None) or ("none",))

    return draw


def _between(column: str, step: timedelta) -> Draw:
    def draw(rng: Random, records: Sequence[Any]) -> Condition:
        start = getattr(rng.choice(records), column)
        bounds = rng.choice([(start, None), (None, start), (start, start + step)])
        return Condition(column, Op.RANGE, Range(*bounds))

    return draw


def _holding(column: str) -> Draw:
    def draw(rng: Random, records: Sequence[Any]) -> Condition:
        text = getattr(rng.choice(records), column)
        start = rng.randrange(len(text))
        piece = rng.choice([text[start : start + 4], text[:3], text[:2].swapcase()])
        return Condition(column, rng.choice([Op.CONTAINS, Op.STARTS_WITH]), piece)

    return draw


CASES: dict[str, tuple[str, EntityName, tuple[Draw, ...], tuple[str, ...]]] = {
    "coupa orders": (
        "coupa",
        EntityName.PURCHASE_ORDER,
        (
            _one_of("supplier"),
            _one_of("status"),
            _one_of("number"),
            _holding("number"),
            _between("ordered_on", timedelta(days=90)),
            _between("updated_at", timedelta(days=30)),
        ),
        ("updated_at", "ordered_on", "number", "supplier"),
    ),
    "coupa items": (
        "coupa",
        EntityName.ITEM,
        (_one_of("sku"), _holding("name"), _one_of("category"), _one_of("status")),
        ("name", "sku", "category"),
    ),
    "frepple forecasts": (
        "frepple",
        EntityName.FORECAST,
        (
            _one_of("item"),
            _one_of("location"),
            _between("period_start", timedelta(days=21)),
        ),
        ("period_start", "quantity"),
    ),
    "frepple items": (
        "frepple",
        EntityName.ITEM,
        (_one_of("sku"), _holding("name"), _one_of("category")),
        ("name", "sku"),
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_the_same_rows(case: str, coupa: Opened, frepple: Opened) -> None:
    system, entity, draws, sorts = CASES[case]
    opened = {"coupa": coupa, "frepple": frepple}[system]
    everything = await opened.all(entity)
    rng = Random(case)
    for _ in range(15):
        chosen = rng.sample(draws, rng.randint(0, 2))
        criteria = tuple(draw(rng, everything) for draw in chosen)
        order = tuple(
            Sort(column, descending=rng.random() < 0.5)
            for column in rng.sample(sorts, rng.randint(1, 2))
        )
        wanted = in_order([r for r in everything if matches(r, criteria)], order)
        size = rng.choice([3, 25, 400])
        assert await _paged(opened, entity, criteria, order, size) == [
            r.provenance.key for r in wanted[: 4 * size]
        ], (criteria, order, size)


async def _paged(
    opened: Opened,
    entity: EntityName,
    criteria: tuple[Condition, ...],
    order: tuple[Sort, ...],
    size: int,
) -> list[str]:
    """Keys of the first four pages."""
    found: list[str] = []
    after: tuple[Any, ...] | None = None
    columns = {s.column for s in order}
    for _ in range(4):
        page = await opened.page(entity, criteria, order, size, tuple(columns), after)
        found += [r.provenance.key for r in page.records]
        if not page.more:
            break
        after = position_of(page.records[-1], order)
    return found


async def test_the_draws_can_tell_a_difference(coupa: Opened) -> None:
    everything = await coupa.all(EntityName.PURCHASE_ORDER)
    criteria = (Condition("updated_at", Op.RANGE, Range(datetime(2026, 1, 1, tzinfo=UTC), None)),)
    some = [r for r in everything if matches(r, criteria)]
    assert 0 < len(some) < len(everything)
    assert all(isinstance(r.ordered_on, date) for r in some)
