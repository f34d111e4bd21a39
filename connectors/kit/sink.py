"""A system that takes purchase orders, behind its mapping: canonical orders in, its rows out.

    create      look-ups -> one row, with our key in it -> read back
    find, look  read by our key, or by the system's
    others      read -> is it so already, is it still as in `version` -> the steps -> read back

Whatever was told is read back; if that fails, the write is in doubt, never simply unavailable: who
wrote it must not believe that nothing was told.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from canonical.entities import EntityName
from canonical.errors import (
    ConflictError,
    InDoubtError,
    InvalidInputError,
    NotFoundError,
    RejectedError,
    SupplygraphError,
    UnsupportedError,
)
from canonical.ports import Ask
from canonical.writing import (
    Ability,
    LineChange,
    NewOrder,
    OrderInSystem,
    Promise,
    ReceivedLine,
)
from connectors.kit.mapping.convert import zone_of
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.mapping.sendplan import write_plans
from connectors.kit.mapping.writes import Writes
from connectors.kit.rows import Dataset, Row, RowReader
from connectors.kit.sink_receipts import Receipts
from connectors.kit.sink_rows import RowMaker, Telling, put
from connectors.kit.sink_state import Looker, Seen, key_text
from connectors.kit.sink_steps import Action, parts_of
from connectors.kit.source_core import Core
from connectors.kit.writing import RowWriter

T = TypeVar("T")


class MappedSink:
    """The orders of one system (`canonical.writing.OrderSink`). Codes are the system's own.

    Args:
        system: The backend's name in the manifest.
        mapping: How orders are read and written.
        reader: How the system is asked.
        writer: How it is told.
        settings: What holds for the whole mapping.
        clock: The time now, with its zone.

    Raises:
        ValueError: if what the mapping says of writes is wrong (`supplygraph check` says where).
    """

    def __init__(
        self,
        system: str,
        mapping: EntityMapping,
        reader: RowReader,
        writer: RowWriter,
        *,
        settings: MappingSettings,
        clock: Callable[[], datetime],
    ) -> None:
        entity = EntityName.PURCHASE_ORDER
        plans = write_plans(entity, mapping)
        if plans.mistakes:
            raise ValueError("; ".join(f"{'.'.join(m.place)}: {m.message}" for m in plans.mistakes))
        self._system = system
        self._clock = clock
        self._zone = zone_of(settings.time_zone)
        self._writes = mapping.writes or Writes.model_validate({})
        self._writer = writer
        self._core = Core(system, entity, mapping, reader, settings=settings, clock=clock)
        own = self._core.dataset
        self._dataset = Dataset(
            own.name, own.key, own.options, self._writes.version, parts_of(mapping)
        )
        self._maker = RowMaker(self._core)
        self._looker = Looker(self._core, self._writes, plans, writer)
        self._new = None if plans.create is None else self._maker.words(plans.create)
        sent = () if plans.create is None else plans.create.sent
        self._one_place = any(each.form.column == "ship_to" for each in sent)
        self._companies = any(each.form.column == "company" for each in sent)
        self._actions = {
            ability: Action(ability, steps, self._dataset, self._maker, self._looker, writer)
            for ability, steps in plans.steps.items()
        }
        self._receipts: Receipts | None = None
        if self._writes.receive is not None and plans.receive is not None:
            words = self._maker.words(plans.receive)
            self._receipts = Receipts(
                self._writes.receive, words, self._maker, self._looker, writer
            )

    @property
    def system(self) -> str:
        """The backend's name in the manifest."""
        return self._system

    @property
    def abilities(self) -> frozenset[Ability]:
        """What the mapping says how to tell."""
        found = set(self._actions)
        if self._new is not None:
            found.add(Ability.CREATE)
        if self._receipts is not None:
            found.add(Ability.RECEIVE)
        return frozenset(found)

    async def create(self, order: NewOrder, ask: Ask) -> OrderInSystem:
        """Make an order, as `canonical.writing.OrderSink` says."""
        if self._new is None or self._writes.key is None:
            raise self._unsupported(Ability.CREATE)
        if self._one_place and len({line.ship_to for line in order.lines}) > 1:
            raise InvalidInputError(
                f"{self._system}: an order has one ship_to there; make one for each location"
            )
        if order.company is not None and not self._companies:
            raise UnsupportedError(
                f"{self._system} cannot be told which company orders: its mapping sends none"
            )
        row = (await self._maker.rows(self._new, [_new_order(self._system, order)], ask))[0]
        put(row, self._writes.key.path, key_text(order.key, self._writes.key))
        made = await self._writer.create(self._dataset, row, ask)
        seen = await self._told(lambda: self._looker.made(made, ask))
        return seen.order

    async def find(self, key: str, ask: Ask) -> OrderInSystem | None:
        """The order that was made with a key of ours, as `canonical.writing.OrderSink` says."""
        if self._writes.key is None:
            raise self._unsupported(Ability.CREATE)
        seen = await self._looker.by_our_key(key, self._writes.key, ask)
        return None if seen is None else seen.order

    async def look(self, record: str, ask: Ask) -> OrderInSystem | None:
        """The order with a key of the system's, as it is now; None if there is none."""
        seen = await self._looker.of(record, ask)
        return None if seen is None else seen.order

    async def release(self, record: str, ask: Ask) -> OrderInSystem:
        """Take a draft to where it goes to the supplier. One that is there stays so."""
        action = self._action(Ability.RELEASE)
        seen = await self._seen(record, ask)
        if seen.order.cancelled:
            raise RejectedError(self._system, f"order {record} is cancelled there")
        if seen.order.released:
            return seen.order
        return await self._done(action, seen, Telling({}), None, ask)

    async def acknowledge(
        self,
        record: str,
        promises: Sequence[Promise],
        ask: Ask,
        *,
        note: str | None = None,
        version: str | None = None,
    ) -> OrderInSystem:
        """Write down what the supplier promised, as `canonical.writing.OrderSink` says."""
        action = self._action(Ability.ACKNOWLEDGE)
        lines = [
            {
                "line_number": promise.line_number,
                "confirmed_quantity": promise.quantity,
                "confirmed_on": promise.on,
            }
            for promise in promises
        ]
        seen = await self._seen(record, ask, version)
        telling = self._telling({"note": note}, lines, seen)
        return await self._done(action, seen, telling, version, ask)

    async def change(
        self, record: str, changes: Sequence[LineChange], ask: Ask, *, version: str | None = None
    ) -> OrderInSystem:
        """Change lines, as `canonical.writing.OrderSink` says."""
        action = self._action(Ability.CHANGE)
        lines = [
            {"line_number": c.line_number, "quantity": c.quantity, "due_on": c.due_on}
            for c in changes
        ]
        seen = await self._seen(record, ask, version)
        telling = self._telling({}, lines, seen)
        return await self._done(action, seen, telling, version, ask)

    async def cancel(
        self, record: str, ask: Ask, *, reason: str, version: str | None = None
    ) -> OrderInSystem:
        """Call an order off. One that is called off stays so."""
        action = self._action(Ability.CANCEL)
        seen = await self._seen(record, ask)
        if seen.order.cancelled:
            return seen.order
        self._refuse_stale(seen, version)
        return await self._done(action, seen, Telling({"reason": reason}), version, ask)

    async def receive(
        self, record: str, lines: Sequence[ReceivedLine], ask: Ask, *, key: str
    ) -> str:
        """Book goods that have come, under a key of ours; the receipt's key there."""
        if self._receipts is None:
            raise self._unsupported(Ability.RECEIVE)
        told = [{"line_number": r.line_number, "quantity": r.quantity} for r in lines]
        seen = await self._seen(record, ask)
        today = self._clock().astimezone(self._zone).date()
        telling = self._telling({"today": today}, told, seen)
        return await self._receipts.book(key, telling, ask)

    async def _seen(self, record: str, ask: Ask, version: str | None = None) -> Seen:
        seen = await self._looker.of(record, ask)
        if seen is None:
            raise NotFoundError(f"{self._system} has no order {record}")
        self._refuse_stale(seen, version)
        return seen

    def _refuse_stale(self, seen: Seen, version: str | None) -> None:
        if version is not None and seen.order.version not in {None, version}:
            raise ConflictError(
                f"order {seen.order.number or seen.order.key} has changed in {self._system} since "
                f"it was read"
            )

    def _telling(
        self, values: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], seen: Seen
    ) -> Telling:
        """What is told of lines, each with its row there.

        Raises:
            InvalidInputError: if the order has no such line.
        """
        if not lines:
            raise InvalidInputError("no line is named")
        there = self._looker.lines(seen.row)
        told: list[Telling] = []
        for line in lines:
            number = line["line_number"]
            if number not in there:
                name = seen.order.number or seen.order.key
                raise InvalidInputError(f"order {name} has no line {number} in {self._system}")
            told.append(Telling(line, element=there[number], root=seen.row))
        return Telling(values, tuple(told), root=seen.row)

    async def _done(
        self, action: Action, seen: Seen, telling: Telling, version: str | None, ask: Ask
    ) -> OrderInSystem:
        await action.do(seen, telling, version, ask)
        after = await self._told(lambda: self._looker.of(seen.order.key, ask))
        if after is not None:
            return after.order
        if action.ability is Ability.CANCEL:
            gone = seen.order
            return OrderInSystem(key=gone.key, number=gone.number, cancelled=True)
        raise InDoubtError(self._system, f"order {seen.order.key} is not there any more")

    async def _told(self, read: Callable[[], Awaitable[T]]) -> T:
        """What is read after something was told."""
        try:
            return await read()
        except SupplygraphError as exc:
            message = f"was told, and cannot be asked what became of it: {exc.message}"
            raise InDoubtError(self._system, message) from exc

    def _action(self, ability: Ability) -> Action:
        action = self._actions.get(ability)
        if action is None:
            raise self._unsupported(ability)
        return action

    def _unsupported(self, ability: Ability) -> UnsupportedError:
        return UnsupportedError(
            f"{self._system} cannot be told to {ability.value} an order: its mapping has no "
            f"`writes.{ability.value}`"
        )


def _new_order(system: str, order: NewOrder) -> Telling:
    """What is told of an order that is made."""
    if not order.lines:
        raise InvalidInputError("an order needs at least one line")
    places = {line.ship_to for line in order.lines}
    values: Row = {
        "number": order.number,
        "supplier": order.supplier,
        "currency": order.currency,
        "ordered_on": order.ordered_on,
        "company": order.company,
        "note": order.note,
        "ship_to": next(iter(places)) if len(places) == 1 else None,
        "due_on": min(line.due_on for line in order.lines),
    }
    lines: list[Telling] = []
    for line in order.lines:
        if line.unit_price.currency != order.currency:
            raise InvalidInputError(
                f"{system}: line {line.line_number} is in {line.unit_price.currency}, the order in "
                f"{order.currency}"
            )
        lines.append(
            Telling(
                {
                    "line_number": line.line_number,
                    "item": line.item,
                    "quantity": line.quantity,
                    "unit": line.unit,
                    "unit_price": line.unit_price.amount,
                    "currency": order.currency,
                    "due_on": line.due_on,
                    "ship_to": line.ship_to,
                }
            )
        )
    return Telling(values, tuple(lines))
