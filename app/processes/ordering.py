"""Ordering and confirmation, wired: orders are made in systems, followed, and confirmed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from msgspec import Struct

from app.manifest.confirmation import ConfirmationConfig
from app.manifest.ordering import OrderingConfig
from app.processes.sinks import Asking, IntakeTelling
from canonical.entities import EntityName
from canonical.events import Event
from canonical.processes import Processes
from canonical.reading import Records
from canonical.writing import OrderSink
from workflows.confirmation.case import Parts
from workflows.confirmation.confirming import confirmation
from workflows.confirmation.desk import Desk
from workflows.confirmation.facts import OrderReader
from workflows.confirmation.hearing import Listening
from workflows.confirmation.speaking import Speaking
from workflows.confirmation.systems import ConfirmationSystems
from workflows.notifications.ports import Notices
from workflows.ordering.assembly import Ordering
from workflows.ordering.desk import EngineOrderDesk
from workflows.ordering.following import following
from workflows.ordering.systems import OrderSystems
from workflows.process import Engine, ProcessKind
from workflows.triggers import Reaction


class Surroundings(Struct, frozen=True):
    """What ordering works with.

    Attributes:
        sinks: Systems that take orders.
        records: Reads what orders are judged by, and orders back.
        processes: Looks at processes.
        telling: Tells the log of what was made.
        notices: Writes to suppliers.
    """

    sinks: Mapping[str, OrderSink]
    records: Records
    processes: Processes
    telling: IntakeTelling
    notices: Notices


class OrderingProcesses:
    """Ordering, and confirmation if it is declared.

    Args:
        config: What the manifest says of ordering.
        confirming: What it says of confirmation; None for none.
        around: What they work with.

    Attributes:
        routes: Where orders are made.
    """

    def __init__(
        self, config: OrderingConfig, confirming: ConfirmationConfig | None, around: Surroundings
    ) -> None:
        policy = config.policy()
        self.routes = policy.routes
        self._timing = policy.timing
        self._confirming = confirming
        self._around = around
        self._ordering = Ordering(policy, around.records, around.sinks, around.processes, _now)

    @property
    def leading(self) -> Sequence[str]:
        """Systems that lead orders, in the manifest's order."""
        return tuple(dict.fromkeys(route.lead for route in self.routes.routes))

    @property
    def kinds(self) -> list[ProcessKind]:
        """The processes."""
        confirms = self._confirming is not None
        kinds = [*self._ordering.kinds(self._around.telling, confirms=confirms)]
        if self._confirming is not None:
            kinds += self._confirmation(self._confirming)
        return kinds

    def _confirmation(self, config: ConfirmationConfig) -> list[ProcessKind]:
        around = self._around
        reader = OrderReader(around.records)
        systems = OrderSystems(around.sinks, around.records, around.telling, self._timing)
        asking = Asking(self._timing.write_s)
        parts = Parts(
            policies=config.policies(),
            reader=reader,
            systems=ConfirmationSystems(around.sinks, reader, asking),
            notices=around.notices,
            telling=systems.tell,
        )
        speaking = Speaking(around.processes, reader, tuple(around.sinks))
        return [confirmation(parts), speaking.kind()]

    def desk(self, engine: Engine) -> EngineOrderDesk:
        """Orders for callers."""
        return self._ordering.desk(engine)

    def acknowledgements(self, engine: Engine) -> Desk | None:
        """Acknowledgements by suppliers, if they are taken."""
        if self._confirming is None:
            return None
        return Desk(
            engine=engine,
            processes=self._around.processes,
            records=self._around.records,
            policies=self._confirming.policies(),
            leading=self.leading,
            now=_now,
            new_key=lambda: uuid4().hex,
            within_s=self._confirming.answer_within_s,
        )

    def reactions(self, engine: Engine) -> Mapping[EntityName, Sequence[Reaction]]:
        """What is done about events of orders."""

        async def follow(events: Sequence[Event]) -> None:
            found = [following(event, self.routes.leads) for event in events]
            starting = [each for each in found if each is not None]
            if starting:
                await engine.start(starting)

        reactions: list[Reaction] = [follow]
        if self._confirming is not None:
            listening = Listening(
                engine, self._around.processes, self.leading, others=self._confirming.others
            )
            reactions.append(listening.hear)
        return {EntityName.PURCHASE_ORDER: reactions}


def _now() -> datetime:
    return datetime.now(UTC)
