"""Orders in two systems in memory, which are told what suppliers promise, and read back."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from canonical.absent import ABSENT
from canonical.criteria import Criteria, matches, values_at
from canonical.entities import ENTITIES, KEY, EntityName
from canonical.errors import ConflictError, InDoubtError, SupplygraphError, UnsupportedError
from canonical.exceptions import Trouble
from canonical.items import Item
from canonical.locations import Location
from canonical.ordering import OrderReference
from canonical.ports import Ask, Batch
from canonical.processes import ProcessFilter, ProcessPage, ProcessState, ProcessView
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderLine, PurchaseOrderStatus
from canonical.records import Provenance, Record
from canonical.suppliers import Supplier
from canonical.values import Money
from canonical.writing import Ability, LineChange, OrderInSystem, Promise
from runtime.events.writing import Writing
from tests.fakes.asks import ASK
from tests.fakes.engines import FakeEngine
from tests.fakes.processes import NOW, Clock, FakeProcess
from workflows.confirmation.case import Parts
from workflows.confirmation.confirming import confirmation
from workflows.confirmation.facts import OrderReader
from workflows.confirmation.policies import Policies
from workflows.confirmation.speaking import Speaking
from workflows.confirmation.systems import ConfirmationSystems
from workflows.confirmation.words import (
    VERDICTS,
    WORDS,
    Answer,
    Confirmed,
    OrderSent,
    SaidLine,
    Verdict,
    Word,
)
from workflows.notifications.ports import Notice
from workflows.process import Ended, Process

TODAY = NOW.date()  # a Monday, eight in the morning
DUE = TODAY + timedelta(days=30)
SENT = OrderSent(
    system="procurement",
    key="7",
    number="PO-7",
    supplier="S-1",
    follow=(OrderReference("erp", "4500007", "PO-7"),),
)


def line(number: int, quantity: int = 100, **more: Any) -> PurchaseOrderLine:
    given: dict[str, Any] = {
        "line_number": number,
        "item": f"SKU-{number}",
        "ship_to": "DC-1",
        "quantity": Decimal(quantity),
        "unit": "PC",
        "unit_price": Money(Decimal("2.50"), "EUR"),
        "due_on": DUE,
        "confirmed_on": None,
        "confirmed_quantity": None,
        "cancelled": False,
        "completed": False,
        **more,
    }
    return PurchaseOrderLine(**given)


def order(system: str, key: str, *lines: PurchaseOrderLine, **more: Any) -> PurchaseOrder:
    given: dict[str, Any] = {
        "number": "PO-7",
        "supplier": "S-1",
        "status": PurchaseOrderStatus.SENT,
        "currency": "EUR",
        "lines": lines,
        **more,
    }
    return PurchaseOrder(provenance=Provenance(system, key, NOW), **given)


class System:
    """One system: keeps the promises of `canonical.writing.OrderSink`, as far as they go here.

    Attributes:
        orders: What it has, by key.
        told: What it was told, in order.
        next: What happens at the next writes: an error is raised before anything is done; True
            loses the answer after it was done, False before.
    """

    def __init__(self, name: str, *orders: PurchaseOrder, **more: Any) -> None:
        self.system = name
        self.abilities: frozenset[Ability] = more.get("abilities", frozenset(Ability))
        self.orders = {o.provenance.key: o for o in orders}
        self.told: list[tuple[str, Any]] = []
        self.next: list[SupplygraphError | bool | None] = []
        self.versions = dict.fromkeys(self.orders, 1)

    async def look(self, record: str, ask: Ask) -> OrderInSystem | None:
        return self._seen(record) if record in self.orders else None

    async def acknowledge(
        self,
        record: str,
        promises: Sequence[Promise],
        ask: Ask,
        *,
        note: str | None = None,
        version: str | None = None,
    ) -> OrderInSystem:
        said = {
            p.line_number: {"confirmed_quantity": p.quantity, "confirmed_on": p.on}
            for p in promises
        }
        return self._write("acknowledge", record, tuple(promises), said, version)

    async def change(
        self, record: str, changes: Sequence[LineChange], ask: Ask, *, version: str | None = None
    ) -> OrderInSystem:
        said = {
            c.line_number: {"quantity": c.quantity} if c.quantity else {"cancelled": True}
            for c in changes
        }
        return self._write("change", record, tuple(changes), said, version)

    def touch(self, record: str, lines: Mapping[int, Mapping[str, Any]], **more: Any) -> None:
        """Somebody changes an order."""
        found = self.orders[record]
        new = tuple(replace(x, **lines.get(x.line_number, {})) for x in found.lines)
        self.orders[record] = replace(found, lines=new, **more)
        self.versions[record] += 1

    def _write(
        self, what: str, record: str, said: Any, lines: Mapping[int, Any], version: str | None
    ) -> OrderInSystem:
        happens = self.next.pop(0) if self.next else None
        if isinstance(happens, Exception):
            raise happens
        if version is not None and version != str(self.versions[record]):
            raise ConflictError(f"{self.system}: order {record} is another by now")
        if happens is not False:
            self.told.append((what, said))
            self.touch(record, lines)
        if happens is not None:
            raise InDoubtError(self.system, "no answer came")
        return self._seen(record)

    def _seen(self, record: str) -> OrderInSystem:
        return OrderInSystem(
            key=record, number=self.orders[record].number, version=str(self.versions[record])
        )

    async def create(self, *_: Any) -> Any:
        raise NotImplementedError

    find = release = cancel = receive = create


class House:
    """Everything that confirmation needs, around two systems with the same order."""

    def __init__(self, *lines: PurchaseOrderLine, **policies: Any) -> None:
        lines = lines or (line(10), line(20))
        self.procurement = System("procurement", order("procurement", "7", *lines))
        self.erp = System("erp", order("erp", "4500007", *lines))
        self.country = "DE"
        self.category = "Tools"
        self.unsupported: set[EntityName] = set()
        self.notices: list[Notice] = []
        self.policies = Policies(**policies)
        self.clock = Clock()
        self.process = FakeProcess("confirmation-1", clock=self.clock)
        self.reader = reader = OrderReader(self)
        sinks: Any = {"procurement": self.procurement, "erp": self.erp}
        systems = ConfirmationSystems(sinks, reader, lambda _: ASK)
        self.logged: list[tuple[str, str]] = []
        self.kind = confirmation(Parts(self.policies, reader, systems, self, self.log))
        self.engine = FakeEngine(self.kind, clock=self.clock)
        self.speaking = Speaking(self, reader, ("procurement", "erp"))

    async def run(self, sent: OrderSent = SENT) -> Confirmed:
        """The process, to its end."""
        outcome = await self.kind.run(self.process, sent)
        assert isinstance(outcome, Confirmed)
        return outcome

    def everything(self) -> list[Record]:
        where = Provenance("erp", "x", NOW)
        orders = [o for s in (self.procurement, self.erp) for o in s.orders.values()]
        skus = sorted({x.item for o in orders for x in o.lines})
        items = [Item(provenance=where, sku=s, category=self.category, unit="PC") for s in skus]
        supplier = Supplier(
            provenance=where, code="S-1", country=self.country, email="sales@s-1.example"
        )
        place = Location(provenance=where, code="DC-1", region="EU")
        return [*orders, *items, supplier, place]

    async def by_keys(
        self,
        entity: EntityName,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        *,
        correlation_id: str,
        criteria: Criteria = (),
        fresh: bool = False,
    ) -> Batch:
        if entity in self.unsupported:
            raise UnsupportedError(f"no system supplies {entity}")
        kind: type[Record] = ENTITIES[entity].record
        found = [r for r in self.everything() if isinstance(r, kind) and matches(r, criteria)]
        return Batch([_cut(r, columns) for r in found if set(_values(r, column)) & set(keys)])

    def all(self, *_: Any, **__: Any) -> AsyncIterator[Sequence[Record]]:
        raise NotImplementedError

    async def tell(self, notices: Sequence[Notice]) -> None:
        known = {n.key for n in self.notices}
        self.notices += [n for n in notices if n.key not in known]

    async def tell_with(self, writing: Writing, notices: Sequence[Notice]) -> None:
        raise NotImplementedError

    async def log(self, process: Process, order: OrderReference, what: str) -> None:
        self.logged.append((order.system, what))

    async def by_ids(self, process_ids: Any) -> Mapping[str, ProcessView]:
        return {i: self._view(i) for i in process_ids if i in self.engine.processes}

    async def page(self, wanted: ProcessFilter, *, first: int, after: str | None) -> ProcessPage:
        views = [self._view(i) for i in reversed(self.engine.processes)]
        found = [v for v in views if v.kind in (wanted.kinds or ())]
        found = [v for v in found if set(v.subjects) & set(wanted.subjects or ())]
        return ProcessPage(found[:first], more=len(found) > first, total=len(found))

    async def times(self, asked: Any) -> Any:
        raise NotImplementedError

    def _view(self, process_id: str) -> ProcessView:
        process = self.engine.processes[process_id]
        state = ProcessState.WAITING if process.ended is None else ProcessState.SUCCEEDED
        return ProcessView(
            process_id=process_id,
            kind=process.kind.kind,
            version=1,
            state=state,
            subjects=tuple(process.subjects),
            correlation_id=process.correlation_id,
            started_at=NOW,
            updated_at=NOW,
        )


def promise(number: int, quantity: int = 100, on: date = DUE) -> Promise:
    return Promise(line_number=number, quantity=Decimal(quantity), on=on)


def answer(*promises: Promise, system: str | None = None, note: str | None = None) -> Answer:
    lines = tuple(
        SaidLine(line_number=p.line_number, quantity=p.quantity, on=p.on) for p in promises
    )
    return Answer(lines=lines, actor="sally", note=note, system=system)


def causes(troubles: Sequence[Trouble]) -> list[str]:
    return [t.cause.rpartition("/")[2] for t in troubles]


def at(days: float, hours: float = 0) -> datetime:
    """So long after the beginning."""
    return NOW.astimezone(UTC) + timedelta(days=days, hours=hours)


def outcome(ended: Ended | None) -> Any:
    assert ended is not None
    assert ended.outcome is not None, ended.message
    return ended.outcome


def _values(record: Record, column: str) -> list[str]:
    return [record.provenance.key] if column == KEY else values_at(record, column)


def _cut(record: Record, columns: frozenset[str]) -> Record:
    kept = {c.split(".")[0] for c in columns}
    names = set(record.__struct_fields__) - kept - {"provenance"}
    return replace(record, **dict.fromkeys(names, ABSENT))


def verdicts(house: House) -> list[str]:
    sent = [m for _, topic, m in house.process.signalled if topic == VERDICTS]
    return [m.state.value for m in sent if isinstance(m, Verdict)]


def says(house: House, *promises: Promise, after: float = 1, system: str | None = None) -> None:
    word = Word(answer=answer(*promises, system=system), reply_to="w-1")
    house.process.hear(WORDS, word, at(after))
