"""How records stand in the cache: exact both ways, and honest about the memory they take."""

import tracemalloc
from typing import Any

import pytest

from canonical.entities import EntityName
from loaders.shelf import Shelved, records_of
from runtime.cache.entries import memory_of
from tests.fakes.distributor import Distributor

SOURCES = [s for s in Distributor().sources if s.records]


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: f"{s.system}-{s.entity}")
def test_records_come_back_as_they_were(source: Any) -> None:
    kind = records_of(source.entity)
    shelved = Shelved(tuple(source.records), (), 5.0, source.columns)
    found = kind.decode(kind.encode(shelved, 9.0))
    assert found == (shelved, 9.0)


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: f"{s.system}-{s.entity}")
@pytest.mark.parametrize("encoded", [True, False])
def test_the_memory_that_records_take_is_estimated(source: Any, encoded: bool) -> None:
    kind = records_of(source.entity)
    shelved = Shelved(tuple(source.records[:1]), (), 5.0, source.columns)
    data = kind.encode(shelved, 9.0)
    tracemalloc.start()
    try:
        copies = [kind.decode(data) for _ in range(500)]
        taken = tracemalloc.get_traced_memory()[0] / len(copies)
    finally:
        tracemalloc.stop()
    estimate = memory_of(data) if encoded else kind.weight(shelved)
    assert 0.8 * taken < estimate + 400 < 4 * taken  # rather too much than too little


def test_bytes_that_are_no_records_count_as_nothing() -> None:
    kind = records_of(EntityName.ITEM)
    item = next(s for s in SOURCES if s.entity is EntityName.ITEM)
    data = kind.encode(Shelved(tuple(item.records), (), 1.0), 2.0)
    assert kind.decode(data.replace(b"ACTIVE", b"NOBODY").replace(b"active", b"nobody")) is None
