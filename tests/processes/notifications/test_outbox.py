"""What is to be told is sent at least once, in order, until it is sent or given up."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from typing_extensions import override

from app.beside import beside
from canonical.errors import Reason, UnavailableError
from canonical.exceptions import Trouble, Troubles
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from runtime.notifications.outbox import OutboxRows, Queued
from runtime.store.process_tables import NOTIFICATIONS
from runtime.store.store import Store
from tests.fixtures.waiting import until
from workflows.notifications.outbox import Outbox
from workflows.notifications.ports import Notice, NoticeKind
from workflows.notifications.routing import Message, Route, Routing
from workflows.notifications.sending import Channel, NotSentError, Pace, Sender

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PACE = Pace(first_s=10, longest_s=60, tries=4)


class Told(Troubles):
    """What was reported, and what of it is over."""

    def __init__(self) -> None:
        self.open: dict[str, Trouble] = {}
        self.reports = 0

    @override
    async def report(self, trouble: Trouble) -> str:
        self.open[trouble.cause] = trouble
        self.reports += 1
        return trouble.cause

    @override
    async def over(self, cause: str, *, why: str) -> None:
        self.open.pop(cause, None)


class Way(Channel):
    """A channel that fails as it is told to."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.names: list[str] = []
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    @override
    async def send(self, message: Message) -> None:
        self.names.append(message.message_id)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.sent.append(message.notice.key)


class Dying(OutboxRows):
    """Cannot note that something was sent."""

    @override
    async def sent(self, message_id: str, at: datetime) -> None:
        raise UnavailableError("store", Reason.CONNECTION, "cannot be reached")


class Mistaken(OutboxRows):
    """Fails once in a way that nobody thought of."""

    mistaken = False

    @override
    async def due(self, channel: str, moment: datetime, limit: int) -> Sequence[Queued]:
        if channel == "mail" and not self.mistaken:
            self.mistaken = True
            raise RuntimeError("a mistake of ours")
        return await super().due(channel, moment, limit)


class Post:
    """An outbox, what sends from it, and a clock."""

    def __init__(self, store: Store, *channels: str, letters: bool = False) -> None:
        self.now = NOON
        self.store = store
        self.rows = OutboxRows(store)
        names = channels or ("chat",)
        self.ways = {name: Way() for name in names}
        routing = Routing(
            routes=[Route(channel=name) for name in names],
            letters=frozenset(names if letters else ()),
        )
        self.outbox = Outbox(self.rows, routing, now=lambda: self.now)
        self.troubles = Told()
        self.leases = Leases(store, now=lambda: self.now)
        self.pauses: list[float] = []

    def sender(self, holder: str = "here", **more: Any) -> Sender:
        given = {"channels": self.ways, "pause": self._pause, **more}
        return Sender(
            self.rows,
            self.leases,
            holder=holder,
            troubles=self.troubles,
            pace=PACE,
            now=lambda: self.now,
            random=Random(1),
            **given,
        )

    async def round(self) -> int:
        sender = self.sender()
        await sender.tidy()
        return sum([await sender.round(name) for name in self.ways])

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0.01)

    async def states(self) -> list[tuple[str, int]]:
        query = NOTIFICATIONS.select().order_by(NOTIFICATIONS.c.id)
        rows = await self.store.read(lambda connection: connection.execute(query))
        return [(row.state, row.attempts) for row in rows]


def notice(key: str, **more: Any) -> Notice:
    return Notice(
        kind=NoticeKind.EXCEPTION_OPENED,
        key=key,
        subject="late",
        text="call them",
        about="exception:1",
        correlation_id="c-1",
        **more,
    )


async def test_what_was_told_twice_is_sent_once(store: Store) -> None:
    post = Post(store)
    await asyncio.gather(*(post.outbox.tell([notice("a"), notice("b")]) for _ in range(5)))
    sender = post.sender()
    assert await sender.round("chat") == 2
    await post.outbox.tell([notice("a")])
    assert await sender.round("chat") == 0
    assert sorted(post.ways["chat"].sent) == ["a", "b"]
    assert await post.states() == [("SENT", 1), ("SENT", 1)]


async def test_it_is_told_if_and_only_if_what_it_tells_of_is_kept(file_store: Store) -> None:
    post, ledger = Post(file_store), Ledger(file_store)

    async def work(writing: Writing, *, fails: bool) -> None:
        await post.outbox.tell_with(writing, [notice("kept" if not fails else "undone")])
        if fails:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await ledger.write(lambda writing: work(writing, fails=True))
    await ledger.write(lambda writing: work(writing, fails=False))
    await post.round()
    assert post.ways["chat"].sent == ["kept"]


async def test_it_is_tried_again_after_longer_times_by_the_same_name(file_store: Store) -> None:
    post = Post(file_store)
    way, sender = post.ways["chat"], post.sender()
    way.error = NotSentError("it answers 503")
    await post.outbox.tell([notice("a")])
    waits = []
    for _ in range(3):
        began = post.now
        while not await sender.round("chat"):
            post.now += timedelta(seconds=1)
        waits.append((post.now - began).total_seconds())
    assert waits[0] == 0
    assert 8 <= waits[1] <= 13
    assert 16 <= waits[2] <= 25
    way.error = None
    post.now += timedelta(minutes=2)
    await sender.round("chat")
    assert way.sent == ["a"]
    assert len(way.names) == 4
    assert len(set(way.names)) == 1
    assert await post.states() == [("SENT", 4)]
    assert post.troubles.reports == 0


async def test_who_asks_to_be_left_in_peace_is(file_store: Store) -> None:
    post = Post(file_store)
    post.ways["chat"].error = NotSentError("it answers 429", after_s=50)
    await post.outbox.tell([notice("a")])
    sender = post.sender()
    assert await sender.round("chat") == 1
    post.now += timedelta(seconds=49)
    assert await sender.round("chat") == 0
    post.now += timedelta(seconds=1)
    assert await sender.round("chat") == 1


async def test_after_too_many_tries_it_is_an_exception_until_the_channel_sends(
    store: Store,
) -> None:
    post = Post(store, "chat", "mail")
    post.ways["chat"].error = NotSentError("it answers 500")
    await post.outbox.tell([notice("a"), notice("b")])
    for _ in range(6):
        await post.round()
        post.now += timedelta(minutes=2)
    (trouble,) = post.troubles.open.values()
    assert (trouble.cause, trouble.category.value) == ("notification:chat", "BACKEND_UNAVAILABLE")
    assert trouble.message == (
        "nobody was told of exception:1 by chat, in 4 tries: it answers 500. Put right what is "
        "wrong, and tell them yourself"
    )
    assert trouble.correlation_id == "c-1"
    assert sorted(await post.states()) == [
        ("GIVEN_UP", 4),
        ("GIVEN_UP", 4),
        ("SENT", 1),
        ("SENT", 1),
    ]
    post.ways["chat"].error = None
    await post.outbox.tell([notice("c")])
    await post.round()
    assert post.troubles.open == {}


async def test_what_is_refused_for_good_is_not_tried_again(file_store: Store) -> None:
    post = Post(file_store, "mail", letters=True)
    post.ways["mail"].error = NotSentError("the mail server says 550 who?", final=True)
    await post.outbox.tell([notice("a", to=("email:zoe@example.com",))])
    await post.round()
    (trouble,) = post.troubles.open.values()
    assert trouble.cause == "notification:mail/zoe@example.com"
    assert trouble.category.value == "VALIDATION_REFUSED"
    assert await post.states() == [("GIVEN_UP", 1)]
    post.ways["mail"].error = None
    await post.outbox.tell([notice("b", to=("email:ann@example.com",))])
    await post.round()
    assert list(post.troubles.open) == ["notification:mail/zoe@example.com"]
    await post.outbox.tell([notice("c", to=("email:zoe@example.com",))])
    await post.round()
    assert post.troubles.open == {}


async def test_a_channel_that_is_gone_or_broken_keeps_no_other(file_store: Store) -> None:
    post = Post(file_store, "chat", "mail", "pager")
    post.ways["mail"].error = RuntimeError("a mistake of ours")
    await post.outbox.tell([notice("a")])
    del post.ways["pager"]
    await post.round()
    assert post.ways["chat"].sent == ["a"]
    assert (
        "there is no channel 'pager' any more" in post.troubles.open["notification:pager"].message
    )
    assert sorted(await post.states()) == [("GIVEN_UP", 1), ("SENT", 1), ("WAITING", 1)]


async def test_one_process_sends_at_a_time_and_another_takes_over(store: Store) -> None:
    post = Post(store)
    await post.outbox.tell([notice("a")])
    assert await post.leases.acquire("notifications:chat", "other", 60)
    assert await post.round() == 0
    post.now += timedelta(seconds=61)  # the other died
    assert await post.round() == 1
    assert post.ways["chat"].sent == ["a"]


async def test_who_dies_before_it_is_noted_sends_it_again_by_the_same_name(
    file_store: Store,
) -> None:
    post = Post(file_store)
    await post.outbox.tell([notice("a")])
    dying = post.sender()
    dying._rows = Dying(file_store)
    with pytest.raises(UnavailableError):
        await dying.round("chat")
    assert await post.sender("another").round("chat") == 1
    first, again = post.ways["chat"].names
    assert first == again
    assert await post.states() == [("SENT", 1)]


async def test_a_channel_that_is_slow_keeps_no_other_waiting(file_store: Store) -> None:
    post = Post(file_store, "mail", "chat")
    post.ways["mail"].gate = asyncio.Event()
    await post.outbox.tell([notice(str(n)) for n in range(20)])
    async with beside(post.sender().run()):
        await until(lambda: len(post.ways["chat"].sent) == 20)
        assert post.ways["mail"].sent == []
        post.ways["mail"].gate.set()
        await until(lambda: len(post.ways["mail"].sent) == 20)
        await until(lambda: PACE.every_s in post.pauses)  # then it looks again now and then


async def test_a_mistake_in_one_channel_ends_no_other(file_store: Store) -> None:
    post = Post(file_store, "mail", "chat")
    post.rows = Mistaken(file_store)
    await post.outbox.tell([notice("a")])
    async with beside(post.sender().run()):
        await until(lambda: post.ways["mail"].sent == post.ways["chat"].sent == ["a"])


async def test_what_is_old_is_forgotten_but_for_what_waits(file_store: Store) -> None:
    post = Post(file_store)
    await post.outbox.tell([notice("sent")])
    await post.round()
    post.ways["chat"].error = NotSentError("no")
    await post.outbox.tell([notice("waits")])
    await post.round()
    post.now += timedelta(days=31)
    await post.round()
    assert await post.states() == [("WAITING", 2)]
