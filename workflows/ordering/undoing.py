"""Calling an order off in the systems that have it; what cannot be is listed for people."""

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from canonical.exceptions import ExceptionCategory, Trouble
from canonical.ordering import OrderReference
from workflows.ordering.handing import place_subject
from workflows.ordering.systems import REFUSALS, OrderSystems
from workflows.process import CancelledByOperatorError, Process, SettledByOperatorError


class Place(Struct, frozen=True):
    """Where an order is, or may be.

    Attributes:
        system: The system.
        key: Our key of the order.
        record: The system's own; None if it is not known.
        in_doubt: Whether the system was told to make it, and nobody knows whether it did.
    """

    system: str
    key: str
    record: str | None
    in_doubt: bool = False


class _Nothing(Struct, frozen=True):
    """What nobody sends: waiting for it is waiting for a moment."""


async def undo(
    process: Process,
    systems: OrderSystems,
    places: Sequence[Place],
    reason: str,
    about: Sequence[str],
) -> tuple[str, ...]:
    """Call an order off, place by place.

    Args:
        process: Does it.
        systems: The systems.
        places: Where the order is, or may be, in this order.
        reason: Why, for whoever looks there.
        about: What the order is about, for those who are told of what is left.

    Returns:
        The systems that have it still; each is reported.
    """
    left: list[str] = []
    for place in places:
        said = await _call_off(process, systems, place, reason)
        if said is not None:
            trouble = _trouble(process, place, reason, said)
            about_it = (*trouble.subjects, *about)
            await process.report(replace(trouble, subjects=about_it))
            left.append(place.system)
    return tuple(left)


async def _call_off(
    process: Process, systems: OrderSystems, place: Place, reason: str
) -> str | None:
    """Call it off in one place; what is said against it."""
    try:
        if place.in_doubt:
            # What was sent before may arrive still: nobody could find it yet.
            until = await process.now() + timedelta(seconds=systems.patience_s)
            await process.wait(f"certainty about {place.system}", until, _Nothing)
        gone = await systems.call_off(
            process, place.system, reason, key=place.key, record=place.record
        )
        if gone is not None:
            order = OrderReference(place.system, gone.key, gone.number)
            await systems.tell(process, order, "called off")
    except REFUSALS as refused:
        return refused.message
    except CancelledByOperatorError as given_up:
        return f"{given_up.actor} did not wait until it was called off"
    except SettledByOperatorError:
        return None
    return None


def _trouble(process: Process, place: Place, reason: str, said: str) -> Trouble:
    named = place.record or place.key
    return Trouble(
        cause=f"order:{place.system}:{named}/not called off",
        category=ExceptionCategory.CONFLICT,
        message=f"order {named} in {place.system} is to be called off ({reason}), and is not: "
        f"{said}. Call it off there by hand, or agree with the supplier",
        correlation_id=process.correlation_id,
        subjects=(place_subject(place.system, named),),
    )
