"""A system in memory that takes orders, and fails where a test says so."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from canonical.errors import ConflictError, InDoubtError, RejectedError
from canonical.ports import Ask
from canonical.writing import (
    Ability,
    LineChange,
    NewOrder,
    OrderInSystem,
    Promise,
    ReceivedLine,
)


class Lost(Struct, frozen=True):
    """The answer does not come; and whether what was told was done."""

    done: bool


class FakeOrders:
    """Keeps the promises of `canonical.writing.OrderSink`.

    Args:
        system: The backend's name.
        abilities: What it can be told.
        numbered: Whether orders have a number from the beginning, and not from their release on.
        first: Number of its first order.

    Attributes:
        orders: What it has, by its own key.
        made: What it was told to make, by its own key.
        told: What it was told, in order, each time, with the key that it was told of.
        looks: How often it was asked.
        next: What happens at the next calls of a method: an error is raised before anything is
            done, a `Lost` loses the answer.
        asks: What travelled with the calls.
        written: What suppliers promised, and what was changed, by its own key.
    """

    def __init__(
        self,
        system: str,
        abilities: frozenset[Ability] = frozenset(Ability),
        *,
        numbered: bool = True,
        first: int = 1,
    ) -> None:
        self.system = system
        self.abilities = abilities
        self.orders: dict[str, OrderInSystem] = {}
        self.made: dict[str, NewOrder] = {}
        self.told: list[tuple[str, str]] = []
        self.looks = 0
        self.next: dict[str, list[Exception | Lost]] = {}
        self.asks: list[Ask] = []
        self.written: dict[str, list[Any]] = {}
        self._numbered = numbered
        self._first = first

    async def create(self, order: NewOrder, ask: Ask) -> OrderInSystem:
        lost = self._begin("create", order.key, ask)
        number = str(self._first + len(self.orders))
        key = f"{self.system}-{number}"
        if lost is None or lost.done:
            drafted = Ability.RELEASE in self.abilities
            shown = number if self._numbered or not drafted else None
            self.made[key] = order
            self.orders[key] = OrderInSystem(
                key=key, number=shown, released=not drafted, version="1"
            )
        return self._end(key, lost)

    async def find(self, key: str, ask: Ask) -> OrderInSystem | None:
        self._look("find", ask)
        found = [k for k, order in self.made.items() if order.key == key]
        if len(found) > 1:
            raise ConflictError(f"{self.system} has {len(found)} orders with key {key!r}")
        return self.orders[found[0]] if found else None

    async def look(self, record: str, ask: Ask) -> OrderInSystem | None:
        self._look("look", ask)
        return self.orders.get(record)

    async def release(self, record: str, ask: Ask) -> OrderInSystem:
        lost = self._begin("release", record, ask)
        if lost is None or lost.done:
            number = self.orders[record].number or record.removeprefix(f"{self.system}-")
            self.change_to(record, released=True, number=number)
        return self._end(record, lost)

    async def acknowledge(
        self,
        record: str,
        promises: Sequence[Promise],
        ask: Ask,
        *,
        note: str | None = None,
        version: str | None = None,
    ) -> OrderInSystem:
        return self._written("acknowledge", record, tuple(promises), ask, version)

    async def change(
        self, record: str, changes: Sequence[LineChange], ask: Ask, *, version: str | None = None
    ) -> OrderInSystem:
        return self._written("change", record, tuple(changes), ask, version)

    async def cancel(
        self, record: str, ask: Ask, *, reason: str, version: str | None = None
    ) -> OrderInSystem:
        lost = self._begin("cancel", record, ask)
        self._compare(record, version)
        if lost is None or lost.done:
            self.change_to(record, cancelled=True)
        return self._end(record, lost)

    async def receive(
        self, record: str, lines: Sequence[ReceivedLine], ask: Ask, *, key: str
    ) -> str:
        self._written("receive", record, tuple(lines), ask, None)
        return key

    def change_to(self, record: str, **changes: Any) -> None:
        """Somebody changes an order, us or others."""
        order = self.orders[record]
        version = str(int(order.version or 0) + 1)
        self.orders[record] = replace(order, version=version, **changes)

    def _written(
        self, method: str, record: str, what: Any, ask: Ask, version: str | None
    ) -> OrderInSystem:
        lost = self._begin(method, record, ask)
        self._compare(record, version)
        if lost is None or lost.done:
            self.written.setdefault(record, []).append(what)
            self.change_to(record)
        return self._end(record, lost)

    def _begin(self, method: str, key: str, ask: Ask) -> Lost | None:
        self.told.append((method, key))
        self.asks.append(ask)
        return self._scripted(method)

    def _look(self, method: str, ask: Ask) -> None:
        self.looks += 1
        self.asks.append(ask)
        self._scripted(method)

    def _scripted(self, method: str) -> Lost | None:
        script = self.next.get(method)
        happens = script.pop(0) if script else None
        if isinstance(happens, Exception):
            raise happens
        return happens

    def _compare(self, record: str, version: str | None) -> None:
        if version is not None and self.orders[record].version != version:
            raise ConflictError(f"order {record} in {self.system} is another by now")

    def _end(self, record: str, lost: Lost | None) -> OrderInSystem:
        if lost is not None:
            raise InDoubtError(self.system, "no answer came")
        return self.orders[record]


def refused(system: str, said: str) -> RejectedError:
    """A system refuses."""
    return RejectedError(system, said)
