"""What a manifest says of watching, and what it does not need to say."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.manifest.watching import WatchConfig, Watched
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from loaders.catalog import Supply
from tests.fakes.sources import FakeSource
from workflows.ingestion.watches import By

DAY_S = 86_400.0


def supply(entity: EntityName, without: str = "") -> Supply:
    source = FakeSource("erp", entity, [])
    return Supply(source, None, source.columns - {without})


@pytest.mark.parametrize(
    "entity, expected",
    [
        (EntityName.PURCHASE_ORDER, (By.MODIFIED, "updated_at", 5.0, 2.0, 600.0)),
        (EntityName.RECEIPT, (By.MODIFIED, "received_at", DAY_S, 2.0, None)),
        (EntityName.FORECAST, (By.MODIFIED, "revised_at", 5.0, 2.0, 600.0)),
        (EntityName.INVENTORY, (By.SNAPSHOT, "", 0.0, 20.0, None)),
        (EntityName.ITEM, (By.SNAPSHOT, "", 0.0, 300.0, None)),
    ],
)
def test_every_entity_has_a_way_that_suits_it(entity: EntityName, expected: Any) -> None:
    w = WatchConfig().watch(supply(entity))
    assert (w.by, w.column, w.overlap_s, w.every_s, w.blanks_every_s) == expected
    assert "raw_status" not in w.columns


def test_what_is_said_counts() -> None:
    said = TypeAdapter(Watched).validate_python(
        {"inventory": {"column": "as_of", "overlap_s": 30, "every_s": 7, "page_size": 50}}
    )
    w = said[EntityName.INVENTORY].watch(supply(EntityName.INVENTORY))
    assert (w.by, w.column, w.overlap_s, w.every_s, w.page_size) == (
        By.MODIFIED,
        "as_of",
        30.0,
        7.0,
        50,
    )


def test_only_receipts_have_orders_read_again() -> None:
    orders = supply(EntityName.PURCHASE_ORDER)
    assert WatchConfig().watch(supply(EntityName.RECEIPT), orders).orders is orders.source
    assert WatchConfig().watch(supply(EntityName.FORECAST), orders).orders is None


def test_what_cannot_be_watched_is_said_with_what_to_do() -> None:
    where = r"ingestion\.erp\.watch\."
    with pytest.raises(InvalidInputError, match=where + r"location: no events are told of it"):
        WatchConfig().watch(supply(EntityName.LOCATION))
    with pytest.raises(InvalidInputError, match=r"does not supply 'updated_at'.*`by: snapshot`"):
        WatchConfig().watch(supply(EntityName.PURCHASE_ORDER, without="updated_at"))
    with pytest.raises(InvalidInputError, match=r"name the column .*under `column`"):
        WatchConfig(by=By.MODIFIED).watch(supply(EntityName.ITEM))
    with pytest.raises(InvalidInputError, match=r"erp cannot be asked what has changed.*OData V4"):
        WatchConfig(by=By.DELTA).watch(supply(EntityName.ITEM))
    with pytest.raises(ValidationError, match="every_s"):
        WatchConfig.model_validate({"every_s": 0})
    with pytest.raises(ValidationError, match="forbidden"):
        WatchConfig.model_validate({"interval": 3})
