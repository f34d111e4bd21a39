"""Ordering, put together of its parts."""

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from canonical.processes import Processes
from canonical.reading import Records
from canonical.writing import OrderSink
from workflows.ordering.desk import EngineOrderDesk
from workflows.ordering.following import Makers, OrderFollowing
from workflows.ordering.judging import OrderJudge
from workflows.ordering.making import OrderMaking
from workflows.ordering.rules import OrderRules, Routes, Timing
from workflows.ordering.systems import OrderSystems, OrderTelling
from workflows.process import Engine, ProcessKind


class OrderPolicy(Struct, frozen=True, kw_only=True):
    """All that an installation says about ordering.

    Attributes:
        rules: What orders must satisfy.
        routes: Where they are made.
        timing: How long is waited.
    """

    rules: OrderRules
    routes: Routes
    timing: Timing = Timing()


class Ordering:
    """Ordering of one installation.

    Args:
        policy: What it says about it.
        records: Reads what orders are judged by.
        sinks: Systems that take orders, by name.
        processes: Looks at processes.
        clock: The time.
    """

    def __init__(
        self,
        policy: OrderPolicy,
        records: Records,
        sinks: Mapping[str, OrderSink],
        processes: Processes,
        clock: Callable[[], datetime],
    ) -> None:
        routes = replace(policy.routes, takes=frozenset(sinks))
        self._policy = policy = replace(policy, routes=routes)
        self._records = records
        self._sinks = sinks
        self._processes = processes
        self._judge = OrderJudge(records, policy.rules, policy.routes, clock)

    def kinds(self, telling: OrderTelling | None, *, confirms: bool) -> tuple[ProcessKind, ...]:
        """Its processes.

        Args:
            telling: Is told what was made.
            confirms: Whether the process `confirmation` is there, and begun for each order.
        """
        timing = self._policy.timing
        systems = OrderSystems(self._sinks, self._records, telling, timing)
        making = OrderMaking(self._judge, systems, confirms=confirms)
        return (making.kind, *OrderFollowing(systems, Makers(self._processes)).kinds)

    def desk(self, engine: Engine) -> EngineOrderDesk:
        """Where callers order."""
        return EngineOrderDesk(
            engine, self._processes, self._judge, self._policy.routes, self._policy.timing
        )
