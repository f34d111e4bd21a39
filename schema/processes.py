"""What people see of processes: how far they have come, and how long they take."""

from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import strawberry

from canonical import processes as records
from canonical.processes import ProcessFilter
from execution.fields import Column
from execution.links import REQUIRED, Argument, attribute, link
from resolvers import processes
from schema.common import AFTER, FIRST, connection_types
from schema.publishing import published, published_enum

ProcessState = published_enum(records.ProcessState)
StepState = published_enum(records.StepState)
TimesBy = published_enum(records.TimesBy)


@published(records.ProcessStep)
class ProcessStep:
    """One step of a process."""


@published(records.ProcessView, hide=("process_id",))
class ProcessInstance:
    """A process that crosses systems: an order, an approval, a confirmation and so on."""

    id = attribute(
        Column("process_id", attrgetter("process_id")),
        strawberry.ID,
        "Names the process for good.",
    )


@published(records.ProcessTime)
class ProcessTime:
    """How long processes took that have ended, or a step of them."""


ProcessInstanceConnection, ProcessInstanceEdge = connection_types(
    ProcessInstance, "ProcessInstance", "processes"
)


def _of(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


@strawberry.input(description="Which processes; all conditions that are given must hold.")
class ProcessInstanceFilter:
    """Which processes."""

    kind: list[str] | None = strawberry.field(default=None, description="Of these kinds.")
    state: list[ProcessState] | None = strawberry.field(  # type: ignore[valid-type]  # made at run time
        default=None, description="In one of these states."
    )
    supplier: list[str] | None = strawberry.field(
        default=None, description="About one of these suppliers."
    )
    item: list[str] | None = strawberry.field(default=None, description="About one of these items.")
    subject: list[str] | None = strawberry.field(
        default=None, description="About one of these, e.g. `purchase_order:4500001`."
    )
    correlation_id: str | None = strawberry.field(
        default=None, description="With this correlation id."
    )
    from_: datetime | None = strawberry.field(
        default=None, name="from", description="Begun at this moment or later."
    )
    to: datetime | None = strawberry.field(default=None, description="Begun before this moment.")

    def canonical(self) -> ProcessFilter:
        """The filter as the port has it."""
        return ProcessFilter(
            kinds=_of(self.kind),
            states=_of(self.state),
            suppliers=_of(self.supplier),
            items=_of(self.item),
            subjects=_of(self.subject),
            correlation_id=self.correlation_id,
            since=self.from_,
            until=self.to,
        )


PROCESSES: Final = link(
    processes.processes,
    ProcessInstanceConnection,
    "Processes, the latest begun first.",
    arguments={
        "filter": Argument(ProcessInstanceFilter | None, "Which processes."),
        "first": FIRST,
        "after": AFTER,
    },
)
PROCESS: Final = link(
    processes.process,
    ProcessInstance | None,
    "The process with an id; null if it is not there or may not be seen.",
    arguments={"id": Argument(strawberry.ID, "Id of the process.", REQUIRED)},
)
PROCESS_TIMES: Final = link(
    processes.process_times,
    list[ProcessTime],
    "How long processes of a kind took that ended in some time, or one step of them.",
    arguments={
        "kind": Argument(str, "Which processes: `ordering`, `approval` and so on.", REQUIRED),
        "by": Argument(TimesBy, "What they are told apart by.", REQUIRED),
        "since": Argument(datetime, "Ended at this moment or later.", REQUIRED),
        "until": Argument(datetime | None, "Ended before this moment; now if not given."),
        "step": Argument(str | None, "Of the steps of this name; of whole processes if not given."),
    },
)
