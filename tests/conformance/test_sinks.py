"""Every system that takes orders keeps the port's promises, and each order is there once."""

from collections.abc import AsyncIterator, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace

from canonical.errors import (
    ConflictError,
    InDoubtError,
    InvalidInputError,
    NotFoundError,
    RejectedError,
)
from canonical.writing import Ability, LineChange, Promise, ReceivedLine
from sandbox.launch import Sandbox, start_one
from tests.conformance.selling import Selling, coupa, database, make_tables

pytestmark = pytest.mark.xdist_group("scms")  # one start of PostgreSQL
SYSTEMS = ["coupa", "sqlite", "postgresql"]


@pytest.fixture(scope="module")
def procurement() -> Iterator[Sandbox]:
    with start_one("coupa", size=0.02, options=["--rate-per-s", "0"]) as running:
        yield running


@pytest.fixture
async def coupa_selling(procurement: Sandbox) -> AsyncIterator[Selling]:
    async with coupa(procurement.coupa, procurement.world) as found:
        yield found


@pytest.fixture
async def sqlite_selling(tmp_path: Path) -> AsyncIterator[Selling]:
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    await make_tables("sqlite", url)
    async with database(url) as found:
        yield found


@pytest.fixture
async def postgresql_selling(postgres_url: str) -> AsyncIterator[Selling]:
    await make_tables("postgresql", postgres_url)
    async with database(postgres_url) as found:
        yield found


@pytest.fixture(params=SYSTEMS)
def selling(request: pytest.FixtureRequest) -> Selling:
    found: Selling = request.getfixturevalue(f"{request.param}_selling")
    return found


@pytest.fixture
def key() -> str:
    return f"order-{uuid4()}"


async def test_an_order_is_made_found_and_looked_at(selling: Selling, key: str) -> None:
    sink, ask = selling.sink, selling.ask()
    assert await sink.find(key, ask) is None
    made = await sink.create(selling.order(key), ask)
    assert (made.released, made.cancelled) == (False, False)
    assert await sink.find(key, ask) == made
    assert await sink.look(made.key, ask) == made
    assert await sink.look("999999", ask) is None
    lines = await selling.lines(made.key)
    assert lines == {n: (Decimal("10.5"), date(2026, 12, 20), False, None, None) for n in (1, 2)}


async def test_an_order_goes_its_way(selling: Selling, key: str) -> None:
    sink, ask = selling.sink, selling.ask()
    made = await sink.create(selling.order(key), ask)
    sent = await sink.release(made.key, ask)
    assert sent.released
    assert sent.version != made.version
    assert await sink.release(made.key, ask) == sent

    changes = [
        LineChange(line_number=1, quantity=Decimal(8), due_on=date(2027, 1, 4)),
        LineChange(line_number=2, quantity=Decimal(0)),
    ]
    changed = await sink.change(made.key, changes, ask, version=sent.version)
    assert changed.version != sent.version
    promise = Promise(line_number=1, quantity=Decimal(7), on=date(2027, 1, 5))
    await sink.acknowledge(made.key, [promise], ask, note="one less", version=changed.version)
    lines = await selling.lines(made.key)
    assert lines[1] == (Decimal(8), date(2027, 1, 4), False, Decimal(7), date(2027, 1, 5))
    assert lines[2] == (Decimal("10.5"), date(2026, 12, 20), True, None, None)


async def test_an_order_is_cancelled_once(selling: Selling, key: str) -> None:
    sink, ask = selling.sink, selling.ask()
    made = await sink.create(selling.order(key), ask)
    gone = await sink.cancel(made.key, ask, reason="not needed", version=made.version)
    assert (gone.cancelled, gone.released) == (True, False)
    assert await sink.cancel(made.key, ask, reason="again") == gone
    with pytest.raises(RejectedError):
        await sink.release(made.key, ask)


async def test_what_was_changed_meanwhile_is_a_conflict(selling: Selling, key: str) -> None:
    sink, ask = selling.sink, selling.ask()
    made = await sink.create(selling.order(key), ask)
    await sink.release(made.key, ask)
    change = LineChange(line_number=1, quantity=Decimal(3))
    with pytest.raises(ConflictError):
        await sink.change(made.key, [change], ask, version=made.version)
    with pytest.raises(ConflictError):
        await sink.cancel(made.key, ask, reason="x", version=made.version)
    assert (await selling.lines(made.key))[1][0] == Decimal("10.5")


async def test_goods_are_booked_once_for_each_key(selling: Selling, key: str) -> None:
    sink, ask = selling.sink, selling.ask()
    made = await sink.create(selling.order(key), ask)
    await sink.release(made.key, ask)
    lines = [ReceivedLine(line_number=n, quantity=Decimal(4)) for n in (1, 2)]
    receipt = await sink.receive(made.key, lines, ask, key=key)
    assert await sink.receive(made.key, lines, ask, key=key) == receipt


async def test_what_is_not_there_or_makes_no_sense_is_not_told(selling: Selling, key: str) -> None:
    sink, ask = selling.sink, selling.ask()
    with pytest.raises(NotFoundError):
        await sink.release("999999", ask)
    made = await sink.create(selling.order(key), ask)
    with pytest.raises(InvalidInputError, match="has no line 7"):
        await sink.change(made.key, [LineChange(line_number=7, quantity=Decimal(1))], ask)
    with pytest.raises(InvalidInputError, match="at least one line"):
        await sink.create(replace(selling.order(f"{key}-2"), lines=()), ask)


@pytest.mark.parametrize("selling", ["sqlite", "postgresql"], indirect=True)
async def test_a_database_refuses_in_plain_words_and_keeps_nothing(
    selling: Selling, key: str
) -> None:
    sink, ask = selling.sink, selling.ask()
    order = selling.order(key)
    wrong = replace(order, lines=(order.lines[0], replace(order.lines[1], line_number=0)))
    with pytest.raises(RejectedError, match=r"^wholesale refuses: po: a value is not allowed"):
        await sink.create(wrong, ask)
    assert await sink.find(key, ask) is None
    await sink.create(order, ask)
    with pytest.raises(ConflictError, match="there is a row with such a key already"):
        await sink.create(order, ask)


@pytest.mark.parametrize("selling", ["coupa"], indirect=True)
async def test_a_refusal_is_told_in_the_systems_words(selling: Selling, key: str) -> None:
    order = replace(selling.order(key), supplier="NOBODY")
    with pytest.raises(RejectedError, match=r"procurement refuses: supplier: must exist"):
        await selling.sink.create(order, selling.ask())
    assert await selling.sink.find(key, selling.ask()) is None


@pytest.mark.parametrize("selling", ["coupa"], indirect=True)
async def test_a_lost_answer_is_in_doubt_and_found(selling: Selling, key: str) -> None:
    sink, ask = selling.sink, selling.ask()
    assert selling.lose is not None
    await selling.lose()
    with pytest.raises(InDoubtError):
        await sink.create(selling.order(key), ask)
    made = await sink.find(key, ask)
    assert made is not None
    assert not made.released
    with pytest.raises(InDoubtError):
        await sink.release(made.key, ask)
    assert (await sink.release(made.key, ask)).released
    await selling.lose()
    promise = Promise(line_number=1, quantity=Decimal(7), on=date(2027, 1, 5))
    with pytest.raises(InDoubtError):
        await sink.acknowledge(made.key, [promise], ask)
    assert (await selling.lines(made.key))[1][3] == Decimal(7)


async def test_all_of_it_can_be_told(selling: Selling) -> None:
    assert selling.sink.abilities == frozenset(Ability) - {Ability.PUBLISH}
