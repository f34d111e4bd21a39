"""exceptionChanged over a socket, from the real log: what is asked for, in order, and gone on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.processes.running import RunningProcesses
from app.server.answering import EngineAnswering
from app.server.application import Streaming
from app.server.operator import Operator
from app.server.ports import Serving
from app.server.streams import Streams
from app.streaming import LogStreams
from resolvers.context import Processing
from runtime.security.principal import Role
from runtime.store.store import Store
from runtime.usage.counting import UsageCounter
from subscriptions import hub
from tests.app.sockets.talk import Line, Talk, subscribe
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, Site, a_token, running
from tests.processes.exceptions.reported import LATE, Office, trouble

SAYS = "{ cursor action snapshot exception { id state } }"


@pytest.fixture
def office(file_store: Store) -> Office:
    return Office(file_store)


@pytest.fixture
async def site(office: Office) -> AsyncIterator[Site]:
    @asynccontextmanager
    async def opened(operator: Operator, serving: Serving) -> AsyncIterator[Streams]:
        answering = EngineAnswering(operator.engine, operator.documents, operator.judge, serving)
        streams = hub.Streams(office.ledger, answering, await office.ledger.heads())
        office.ledger.on_commit(streams.show)
        yield LogStreams(streams, UsageCounter())
        await streams.stop()

    serving = FakeServing(*Distributor().sources)
    serving.processes = RunningProcesses(processing=Processing(exceptions=office.desk))
    async with running(serving, streaming=Streaming(streams=opened)) as site:
        yield site


@asynccontextmanager
async def line(site: Site, query: str, *role: Any) -> AsyncIterator[Line]:
    talk = Talk(site.port)
    try:
        line = await talk.connected(a_token(*role))
        await line.say(subscribe(query))
        yield line
    finally:
        await talk.aclose()


async def heard(line: Line) -> dict[str, Any]:
    said: dict[str, Any] = (await line.hear())["payload"]["data"]["exceptionChanged"]
    return said


async def test_what_is_wanted_is_heard_and_gone_on_with_behind_its_cursor(
    site: Site, office: Office
) -> None:
    wanted = '(filter: {item: ["I-2", "I-9"], supplier: ["S-1"], severity: [MEDIUM]})'
    async with line(site, f"exceptionChanged{wanted} {SAYS}") as one:
        await one.is_well()
        await office.troubles.report(trouble(cause="other", subjects=("supplier:S-1", "item:I-3")))
        name = await office.troubles.report(LATE)
        opened = await heard(one)
        await one.is_well()
        await office.troubles.report(LATE)
        await one.is_well()  # that it was seen again is no news
    assert (opened["action"], opened["exception"]["id"]) == ("OPENED", name)

    office.later(minutes=1)
    await office.desk.comment(name, "called", actor="ann")
    await office.desk.resolve(name, "by phone", actor="ann")
    after = f'exceptionChanged(after: "{opened["cursor"]}", filter: {{item: ["I-1"]}})'
    async with line(site, f"{after} {SAYS}", Role.OPERATOR) as again:
        assert [(await heard(again))["action"] for _ in "12"] == ["COMMENTED", "RESOLVED"]
        await again.is_well()


async def test_it_begins_with_what_is_open(site: Site, office: Office) -> None:
    first = await office.troubles.report(trouble(cause="first"))
    await office.troubles.over("first", why="done")
    second = await office.troubles.report(LATE)
    await office.troubles.report(trouble(cause="other", subjects=("item:I-3",)))
    wanted = '(snapshot: true, filter: {item: ["I-1"], category: [LATE_ACKNOWLEDGEMENT]})'
    async with line(site, f"exceptionChanged{wanted} {SAYS}") as one:
        told = await heard(one)
        assert (told["snapshot"], told["exception"]) == (True, {"id": second, "state": "OPEN"})
        await one.is_well()
        await office.troubles.report(trouble(cause="first"))
        assert (await heard(one))["exception"]["id"] not in {first, second}


async def test_suppliers_hear_nothing(site: Site) -> None:
    async with line(site, f"exceptionChanged {SAYS}", Role.SUPPLIER, "S-1") as one:
        refused = await one.hear()
    assert refused["type"] == "error"
    assert refused["payload"][0]["extensions"]["code"] == "FORBIDDEN"
