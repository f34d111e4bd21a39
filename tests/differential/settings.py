"""Where operations are run: a schema, and data that nobody has asked about before."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from graphql import GraphQLSchema
from msgspec import Struct
from typing_extensions import override

from canonical.errors import InvalidInputError
from canonical.ids import decode_global_id
from canonical.ports import Ask
from execution.operation import Operation, OperationContext
from loaders.context import ReadContext
from loaders.journal import Journal
from loaders.reads import Reads
from resolvers.context import Limits, Processing, RequestContext
from runtime.security.access import Access
from runtime.security.principal import Principal
from schema.scalars import COLUMN_WRITERS
from tests.differential import zoo
from tests.differential.happenings import exceptions_of, happened_in, heard_of
from tests.differential.world import LOCATIONS, SKUS, SUPPLIERS, World
from tests.fakes.desk import NOW, PLANNER, SCHEMA, Desk, supplier_principal
from tests.fakes.exception_desk import FakeExceptions
from tests.fakes.happenings import FakeHistory

LIMITS: Final = Limits(default_page_size=6, max_page_size=20, max_nodes=20, max_weeks=20)
PATIENCE_S: Final = 60.0

_PRINCIPALS: Final[Mapping[str, Principal | None]] = {
    "planner": PLANNER,
    "S1": supplier_principal("S1"),
    "two": supplier_principal("S0", 'S"3'),
    "none": supplier_principal(),
    "nobody": None,
}
_WHO: Final = (*("planner",) * 20, *("S1", "two", "none") * 2, "nobody")
"""Nobody is refused everything, a supplier much: they are asked less often."""


class Opened(Struct, frozen=True):
    """A setting for one operation.

    Attributes:
        context: The operation's context.
        calls: Tells how often each source was asked.
    """

    context: OperationContext
    calls: Callable[[], Mapping[str, int]]


class Opening(Protocol):
    """Where an operation can be run."""

    def opened(self, operation: Operation, who: str) -> Opened:
        """The same data each time, of which nothing was asked yet."""


class Setting(Opening, Protocol):
    """Where operations that are drafted for it are run."""

    def heard(self, field: str) -> Sequence[Any]:
        """Events that are heard of a field of `Subscription`."""

    @property
    def schema(self) -> GraphQLSchema:
        """Of what can be asked."""

    @property
    def callers(self) -> Sequence[str]:
        """Who may ask, as often as they are to be drawn."""

    @property
    def pools(self) -> Mapping[str, Sequence[Any]]:
        """Values of arguments, by what they name."""

    @property
    def writers(self) -> Mapping[str, Any]:
        """How columns of its scalars are written."""


class Distributor(Struct, frozen=True):
    """The published schema over one of the worlds."""

    world: World

    schema = SCHEMA._schema
    callers = _WHO
    writers = COLUMN_WRITERS

    @override
    def __repr__(self) -> str:
        return f"world {self.world.seed}"

    @property
    def pools(self) -> Mapping[str, Sequence[Any]]:
        """Keys that some records have."""
        return {
            **dict.fromkeys(("sku", "item"), SKUS),
            **dict.fromkeys(("code", "supplier"), SUPPLIERS),
            **dict.fromkeys(("id", "ids"), self.world.ids),
            "location": LOCATIONS,
            "number": self.world.numbers,
            "system": ("erp", "erp-us", "procurement", "nowhere"),
            "after": ("bad cursor", "", "kg"),
            "first": (3, 1, 2, 5, 8, 0),
            "weeks": (1, 2, 5, 0),
            "representations": self._representations(),
        }

    def _representations(self) -> Sequence[Any]:
        """Entities by their keys, some of which lead nowhere, and what stands for none."""
        orders = [i for i in self.world.ids if _names_an_order(i)]
        return (
            *({"__typename": "Item", "sku": sku, "name": "as others know it"} for sku in SKUS),
            *({"__typename": "Supplier", "code": code} for code in SUPPLIERS),
            *({"code": code, "__typename": "Location"} for code in LOCATIONS),
            *({"__typename": "PurchaseOrder", "id": order} for order in orders),
            {"__typename": "PurchaseOrder", "id": "bad id"},
            {"__typename": "Item", "sku": None},
            {"__typename": "Receipt", "id": orders[0]},
            "no object",
        )

    def heard(self, field: str) -> Sequence[Any]:
        """What the records of this world give rise to, and of some that are gone."""
        return heard_of(self.world, field)

    def opened(self, operation: Operation, who: str) -> Opened:
        """A desk before which nobody has stood."""
        sources = self.world.make()
        desk = Desk(*sources, **self._remembering())
        journal = Journal()
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        terms = ReadContext(Ask(deadline, "test", journal), journal)
        context = RequestContext(
            operation=operation,
            principal=_PRINCIPALS[who],
            reads=Reads(desk.catalog, desk.keyed, desk.lists, operation.scheduler, terms),
            now=NOW,
            correlation_id="test",
            limits=LIMITS,
            history=FakeHistory(*happened_in(self.world)),
            processing=Processing(exceptions=FakeExceptions(*exceptions_of(self.world))),
        )
        calls = lambda: {f"{s.system}.{s.entity}": len(s.asked) for s in sources if s.asked}  # noqa: E731
        return Opened(context, calls)

    def _remembering(self) -> Mapping[str, Any]:
        """Half of the worlds remember nothing: whatever is read twice is asked for twice."""
        if self.world.seed % 16 < 8:
            return {}
        ticks = itertools.count(NOW.timestamp())
        return {"fresh_s": 0.5, "grace_s": 0.0, "clock": lambda: next(ticks)}


def _names_an_order(text: str) -> bool:
    try:
        return decode_global_id(text).type_name == "PurchaseOrder"
    except InvalidInputError:
        return False


def context_of(
    world: World,
    operation: Operation,
    principal: Principal | None,
    history: FakeHistory,
    access: Access | None,
) -> RequestContext:
    """The context of one operation over a world of which nothing was asked yet."""
    desk = Desk(*world.make())
    journal = Journal()
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    terms = ReadContext(Ask(deadline, "test", journal), journal)
    return RequestContext(
        operation=operation,
        principal=principal,
        reads=Reads(desk.catalog, desk.keyed, desk.lists, operation.scheduler, terms),
        now=NOW,
        correlation_id="test",
        limits=LIMITS,
        history=history,
        access=access,
    )


class Menagerie(Struct, frozen=True):
    """The zoo of a seed."""

    seed: int

    schema = zoo.SCHEMA
    callers = ("anybody",)
    writers: Mapping[str, Any] = {}
    pools = {"key": tuple(range(8)), "keys": (*range(8), zoo.GONE), "by": (1, 2, 0)}

    @override
    def __repr__(self) -> str:
        return f"zoo {self.seed}"

    def heard(self, field: str) -> Sequence[Any]:
        """Whoever is in it."""
        return zoo.heard_of(zoo.zoo(self.seed), field)

    def opened(self, operation: Operation, who: str) -> Opened:
        """The zoo as it was before."""
        made = zoo.zoo(self.seed)
        made.operation = operation
        return Opened(made, lambda: Counter(made.asked))
