"""A house whose processes run in an engine, and its desk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from canonical.criteria import Condition, Op
from canonical.ordering import (
    Acknowledged,
    AcknowledgedWish,
    AcknowledgementDecision,
    Speaker,
)
from canonical.ordering import AcknowledgementChoice as Choice
from canonical.writing import Promise
from tests.fakes.engines import FakeEngine
from tests.unit.workflows.confirmation.house import SENT, House
from workflows.confirmation.desk import Desk
from workflows.confirmation.hearing import Listening
from workflows.confirmation.words import (
    CONFIRMATION,
    WORD,
)
from workflows.ordering.handing import confirmation_id
from workflows.process import Starting

OWN = (Condition("supplier", Op.IN, ("S-1",)),)
OTHERS = (Condition("supplier", Op.IN, ("S-2",)),)
ID = confirmation_id("procurement", "7")


@dataclass
class Scene:
    """A house whose processes run in an engine, and its desk."""

    house: House = field(default_factory=House)

    def __post_init__(self) -> None:
        house = self.house
        house.engine = FakeEngine(house.kind, house.speaking.kind(), clock=house.clock)
        self.engine = house.engine
        self.keys = iter(f"new-{n}" for n in range(100))
        self.desk = Desk(
            engine=self.engine,
            processes=house,
            records=house,
            policies=house.policies,
            leading=("procurement",),
            now=house.clock,
            new_key=lambda: next(self.keys),
        )

    async def sent(self) -> None:
        starting = Starting(kind=CONFIRMATION, process_id=ID, asked=SENT, correlation_id="c-1")
        await self.engine.start([starting])
        await self.engine.quiet()

    async def says(self, *promises: Promise, key: str | None = None, **more: Any) -> Acknowledged:
        wish = AcknowledgedWish(number="PO-7", promises=promises, key=key)
        speaker = Speaker(**{"subject": "sally", "criteria": OWN, **more})
        return await self.desk.acknowledge(wish, speaker=speaker, correlation_id="c-2")

    async def decides(self, choice: Choice, **more: Any) -> Acknowledged:
        decision = AcknowledgementDecision(number="PO-7", choice=choice, **more)
        return await self.desk.decide(
            decision, speaker=Speaker(subject="bert"), correlation_id="c-3"
        )

    def listening(self, *, others: bool = True) -> Listening:
        return Listening(self.engine, self.house, ("procurement",), others=others)

    def confirmations(self) -> Mapping[str, Any]:
        found = self.engine.processes.items()
        return {i: p.ended for i, p in found if p.kind.kind == CONFIRMATION}

    def words(self) -> list[Any]:
        found = [p for p in self.engine.processes.values() if p.kind.kind == WORD]
        return [p.ended and p.ended.outcome and p.ended.outcome.state for p in found]  # type: ignore[attr-defined]


def codes(came: Acknowledged) -> list[tuple[str, tuple[str, ...]]]:
    return [(f.code, f.field) for f in came.findings]
