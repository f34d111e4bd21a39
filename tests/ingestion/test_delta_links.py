"""Watchers that follow the delta links of a real OData V4 service, over a real ledger."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from canonical.entities import EntityName
from canonical.errors import BadAnswerError, UnsupportedError
from canonical.events import Event
from canonical.ports import Source
from connectors.config import BackendConfig
from connectors.factory import open_backend
from connectors.kit.services import Services
from loaders.identity import IdentifiedSource
from loaders.placing import PlacedSource
from runtime.events.leases import Lease, Leases
from runtime.events.ledger import Ledger
from tests.connectors.odata.backends import ask
from tests.connectors.odata.tracked_server import TrackedService
from tests.fixtures.server import served
from tests.ingestion.conftest import NOW
from workflows.ingestion.intake import Intake, Taken
from workflows.ingestion.polling import Poller
from workflows.ingestion.watches import By, Watch, progress_of

ORDER = EntityName.PURCHASE_ORDER
CONFIG: dict[str, Any] = {
    "protocol": "odata",
    "settings": {"version": "v4"},
    "policy": {"retries": 0, "rebase_links": False},
    "entities": {
        "purchase_order": {
            "dataset": "srv/orders/Orders",
            "key": "Number",
            "fields": {
                "number": "Number",
                "supplier": "Supplier",
                "status": {"path": "Status", "map": {"Closed": "CLOSED"}, "default": "SENT"},
                "updated_at": {"path": "ChangedAt", "type": "datetime"},
            },
        }
    },
}


def order(number: str, status: str = "Open") -> dict[str, Any]:
    return {
        "Number": number,
        "Id": None,
        "Supplier": "S1",
        "Status": status,
        "Total": Decimal(1),
        "Lines": Decimal(0),
        "OrderedOn": date(2026, 1, 1),
        "ChangedAt": datetime(2026, 1, 1, tzinfo=UTC),
        "_Item": [],
    }


def _what(event: Event) -> str:
    return "gone" if "gone" in getattr(event.data, "changed", ()) else str(event.data.status)


class Killed(BaseException):
    """The process ends here."""


class Mortal(Intake):
    """Takes in as usual, until it is killed after so many transactions."""

    left = 1_000

    @override
    async def take(self, *given: Any, **more: Any) -> list[Taken]:
        if not self.left:
            raise Killed
        self.left -= 1
        return await super().take(*given, **more)


class House:
    """The service, watched."""

    def __init__(self, service: TrackedService, source: Source, ledger: Ledger) -> None:
        self.service = service
        self.watch = Watch(source=source, columns=source.columns, by=By.DELTA, page_size=2)
        self.intake = Mortal(ledger)
        self._ledger = ledger
        self._leases = Leases(ledger.store, now=lambda: NOW)
        self._read = 0

    async def round(self) -> list[tuple[str, str]]:
        """Number, and status or that it is gone, of what is told in a new process."""
        poller = Poller(
            self.watch, self.intake, self._ledger, self._leases, asking=ask, clock=lambda: 0.0
        )
        await poller.round(await self.lease())
        events = await self._ledger.read(ORDER, 0, 1_000)
        fresh, self._read = events[self._read :], len(events)
        return [(e.data.number, _what(e)) for e in fresh]

    async def lease(self) -> Lease:
        lease = await self._leases.acquire(self.watch.lease, "test", 60)
        assert lease is not None
        return lease

    async def link(self) -> str | None:
        return progress_of(await self._leases.position(self.watch.name)).link


Opened = Callable[..., Any]


@pytest.fixture
async def house(request: pytest.FixtureRequest, ledger: Ledger) -> AsyncIterator[House]:
    rows = [order(f"P{n}") for n in range(5)]
    service = TrackedService(rows, is_401=getattr(request, "param", "4.01") == "4.01")
    async with served(service.app, lifespan="off") as server:
        if not service.is_401:
            service.origin = server.url
        config = BackendConfig.model_validate({**CONFIG, "url": server.url})
        backend = await open_backend("erp", config, Services(environ={}, base_dir=Path()))
        inner = backend.sources[ORDER]
        source = PlacedSource(IdentifiedSource(inner, {}), "company", "C1")
        yield House(service, source, ledger)
        await backend.aclose()


@pytest.mark.parametrize("house", ["4.0", "4.01"], indirect=True)
async def test_what_changes_behind_the_link_is_told_and_what_went_too(house: House) -> None:
    assert await house.round() == []
    assert house.service.preferred[0] == "odata.track-changes, odata.maxpagesize=2"
    house.service.put(order("P1", "Closed"))
    house.service.put(order("P9"))
    house.service.remove("P3")
    assert await house.round() == [("P1", "CLOSED"), ("P9", "SENT"), ("P3", "gone")]
    house.service.links.clear()
    assert await house.round() == []
    assert house.service.links == ["%24deltatoken=3"]


async def test_a_watcher_may_be_killed_between_pages(house: House) -> None:
    house.intake.left = 2
    with pytest.raises(Killed):
        await house.round()
    assert await house.link() is None
    house.intake.left = 1_000
    assert await house.round() == []
    for n in range(5):
        house.service.put(order(f"P{n}", "Closed"))
    house.intake.left = 1
    with pytest.raises(Killed):
        await house.round()
    house.intake.left = 1_000
    house.service.remove("P0")
    assert await house.round() == [(f"P{n}", "CLOSED") for n in range(5)]
    assert await house.round() == [("P0", "gone")]


@pytest.mark.parametrize("house", ["4.0", "4.01"], indirect=True)
async def test_when_the_link_is_too_old_all_is_read_and_nothing_is_missed(house: House) -> None:
    await house.round()
    house.service.put(order("P1", "Closed"))
    house.service.put(order("P9"))
    house.service.remove("P3")
    house.service.forget()
    house.intake.left = 1
    with pytest.raises(Killed):
        await house.round()
    house.intake.left = 1_000
    assert await house.round() == [("P1", "CLOSED"), ("P9", "SENT"), ("P3", "gone")]
    assert await house.round() == []


async def test_what_cannot_be_tied_to_a_record_has_all_read(house: House) -> None:
    await house.round()
    house.service.put(order("P1", "Closed"))
    house.service.odd = [{"@odata.context": "$metadata#Items/$entity", "Order": "P2", "Line": 1}]
    assert await house.round() == [("P1", "CLOSED")]


async def test_links_are_kept_without_the_address_and_lead_nowhere_else(house: House) -> None:
    await house.round()
    link = await house.link()
    assert link is not None
    assert "http" not in link
    house.service.origin = "http://elsewhere.example"
    house.service.put(order("P1", "Closed"))
    for n in range(3):
        house.service.put(order(f"Q{n}"))
    with pytest.raises(BadAnswerError, match="another address"):
        await house.round()


async def test_a_system_that_keeps_no_track_is_told_of(house: House) -> None:
    house.service.tracks = False
    with pytest.raises(UnsupportedError, match=r"keeps no track of changes.*`by: modified`"):
        await house.round()
