"""A region adds to a shared process, which knows nothing of it."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from canonical.errors import InvalidInputError, Reason, RejectedError, UnavailableError
from tests.fakes.processes import FakeProcess, Killed, Stuck
from workflows.extensions import (
    Edition,
    Extension,
    Opinion,
    Place,
    Verdict,
    Whereabouts,
    extended,
)
from workflows.process import Process, ProcessKind


class Wish(Struct):
    """What is asked for."""

    region: str
    quantity: Decimal


class Priced(Struct):
    """What a step finds."""

    price: Decimal
    by: str = "the terms"


class Done(Struct):
    """What comes of it."""

    price: Decimal
    by: str


class Shop:
    """A process: prices a wish, and tells a system."""

    def __init__(self) -> None:
        self.told = 0
        self.dies = False

    async def run(self, process: Process, wish: Wish) -> Done:
        async def price() -> Priced:
            return Priced(Decimal("2.50"))

        async def tell() -> Priced:
            self.told += 1
            return priced

        async def became() -> Priced | None:
            return priced if self.told else None

        priced = await process.step("price", price, Priced)
        if self.dies:
            raise Killed
        told = await process.write("tell the ERP", tell, became, Priced)
        return Done(told.price, told.by)

    @property
    def kind(self) -> ProcessKind:
        return ProcessKind("shopping", 1, Wish, Done, self.run)


async def where(wish: Any, correlation_id: str) -> Whereabouts:
    return Whereabouts(frozenset({wish.region}))


def answering(say: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], Awaitable[bytes]]:
    async def ask(question: bytes) -> bytes:
        return msgspec.json.encode(say(msgspec.json.decode(question)))

    return ask


def extension(
    ask: Callable[[bytes], Awaitable[bytes]] | dict[int, Edition],
    *,
    step: str = "price",
    place: Place = Place.AFTER,
    **more: Any,
) -> Extension:
    editions = ask if isinstance(ask, dict) else {1: Edition(ask=ask)}
    return Extension(
        name="local", kind="shopping", step=step, place=place, editions=editions, **more
    )


async def run(shop: Shop, *extensions: Extension, process: FakeProcess | None = None) -> Done:
    kind = extended(shop.kind, extensions, where)
    done = await kind.run(process or FakeProcess(), Wish("EU", Decimal(4)))
    assert isinstance(done, Done)
    return done


async def test_it_is_asked_what_was_found_and_may_put_another_in_its_place() -> None:
    asked: list[dict[str, Any]] = []

    def say(question: dict[str, Any]) -> Any:
        asked.append(question)
        return {"result": {**question["result"], "price": "2.25", "by": "a local contract"}}

    process = FakeProcess("p-1", "c-1")
    assert await run(Shop(), extension(answering(say)), process=process) == Done(
        Decimal("2.25"), "a local contract"
    )
    assert asked == [
        {
            "processId": "p-1",
            "kind": "shopping",
            "step": "price",
            "place": "after",
            "correlationId": "c-1",
            "asked": {"region": "EU", "quantity": "4"},
            "result": {"price": "2.50", "by": "the terms"},
        }
    ]
    assert process.steps == [
        "choose extensions",
        "price",
        "local v1, after price",
        "tell the ERP",
    ]


async def test_before_a_step_it_may_refuse_and_nothing_is_told() -> None:
    shop = Shop()
    refusing = answering(lambda _: {"verdict": "refuse", "message": "needs an export licence"})
    with pytest.raises(RejectedError, match="local refuses: needs an export licence"):
        await run(shop, extension(refusing, step="tell*", place=Place.BEFORE))
    assert shop.told == 0


async def test_it_is_for_its_region_and_company_alone() -> None:
    def never(question: dict[str, Any]) -> Any:
        raise AssertionError(question)

    elsewhere = extension(answering(never), regions=frozenset({"US"}))
    other = extension(answering(never), companies=frozenset({"1010"}))
    assert (await run(Shop(), elsewhere, other)).by == "the terms"
    here = extension(
        answering(lambda q: {"result": {**q["result"], "by": "here"}}), regions=frozenset({"EU"})
    )
    assert (await run(Shop(), here)).by == "here"


async def test_a_process_goes_on_with_the_version_that_it_began_with() -> None:
    def by(version: str) -> Edition:
        return Edition(ask=answering(lambda q: {"result": {**q["result"], "by": version}}))

    shop, process = Shop(), FakeProcess()
    shop.dies = True
    with pytest.raises(Killed):
        await run(shop, extension({1: by("one")}, step="tell the ERP"), process=process)
    shop.dies = False
    later = extension({1: by("one"), 2: by("two")}, step="tell the ERP")
    assert (await run(shop, later, process=process.again())).by == "one"
    assert (await run(Shop(), later)).by == "two"


async def test_without_its_version_it_waits_for_an_operator_who_is_told_which() -> None:
    shop, process = Shop(), FakeProcess()
    shop.dies = True
    first = extension(answering(lambda _: {}), step="tell the ERP")
    with pytest.raises(Killed):
        await run(shop, first, process=process)
    shop.dies = False
    with pytest.raises(Stuck, match="version 1 of the extension 'local'") as stuck:
        await run(shop, process=process.again())
    assert "put it back" in str(stuck.value)


async def test_a_process_under_way_meets_no_extension_that_came_later() -> None:
    shop, process = Shop(), FakeProcess()
    shop.dies = True
    with pytest.raises(Killed):
        await run(shop, process=process)
    shop.dies = False
    later = extension(answering(lambda _: {"verdict": "refuse"}), step="tell the ERP")
    assert (await run(shop, later, process=process.again())).by == "the terms"


async def test_what_does_not_answer_in_time_is_asked_again_or_has_a_fallback() -> None:
    async def silent(_: bytes) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    async def away(_: bytes) -> bytes:
        raise UnavailableError("local", Reason.CONNECTION, "cannot be reached")

    process = FakeProcess(tries=2)
    with pytest.raises(Stuck, match=r"extension local: has not answered within 0.01 s"):
        await run(Shop(), extension({1: Edition(ask=silent, deadline_s=0.01)}), process=process)
    assert process.pauses == 2
    refuses = Opinion(verdict=Verdict.REFUSE, message="nobody was there to allow it")
    for ask in (silent, away):
        edition = Edition(ask=ask, deadline_s=0.01, fallback=refuses)
        with pytest.raises(RejectedError, match="nobody was there to allow it"):
            await run(Shop(), extension({1: edition}))
        edition = Edition(ask=ask, deadline_s=0.01, fallback=Opinion())
        assert (await run(Shop(), extension({1: edition}))).by == "the terms"


@pytest.mark.parametrize("answer", [b"<html>", b'{"verdict": "perhaps"}', b'{"result": {"by": 1}}'])
async def test_what_it_says_must_be_an_opinion(answer: bytes) -> None:
    async def ask(_: bytes) -> bytes:
        return answer

    with pytest.raises((Stuck, InvalidInputError), match="local"):
        await run(Shop(), extension(ask))
