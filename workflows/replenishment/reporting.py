"""What people are told: stock that runs out whatever is done, and what cannot be evaluated.

A risk is one of an item at a location. What stands in the way of evaluating an item is told once,
wherever it does.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from canonical.errors import NotFoundError, SupplygraphError, UnitMismatchError
from canonical.exceptions import ExceptionCategory, Trouble
from canonical.replenishment import Evaluated
from workflows.replenishment.calculation import Risk
from workflows.replenishment.inputs import Inputs
from workflows.replenishment.texts import count_text, day_text, plain

OUR_MISTAKE: Final = "it could not be calculated: a mistake of ours, which the log shows"
_NAMED: Final = 10


def problem_cause_of(item: str) -> str:
    """Names the trouble that an item cannot be evaluated."""
    return f"replenishment:{item}/problem"


def problem_of(evaluated: Sequence[Evaluated], error: SupplygraphError | None) -> Trouble:
    """What people are told of an item that cannot be evaluated at some locations.

    Args:
        evaluated: There is at least one, and each has a problem.
        error: The first one's; None for a mistake of ours.
    """
    first = evaluated[0]
    others = len(evaluated) - 1
    where = f"{first.location} and {others} more" if others else first.location
    category = ExceptionCategory.VALIDATION_REFUSED
    if error is None:
        category = ExceptionCategory.INTERNAL
    elif isinstance(error, UnitMismatchError | NotFoundError):
        category = ExceptionCategory.MAPPING_MISSING
    problem = (first.problem or "").removesuffix(".")
    return Trouble(
        cause=problem_cause_of(first.item),
        category=category,
        message=f"Item {first.item} cannot be evaluated at {where}: {problem}. Nothing is "
        f"recommended to be bought there until then.",
        correlation_id=first.correlation_id,
        subjects=(
            f"item:{first.item}",
            *(f"location:{each.location}" for each in evaluated[:_NAMED]),
        ),
    )


def cause_of(item: str, location: str) -> str:
    """Names the risk that an item runs out at a location."""
    return f"replenishment:{item}@{location}/stockout"


def trouble_of(inputs: Inputs, risk: Risk, correlation_id: str) -> Trouble:
    """What people are told of a risk."""
    item, location, today = inputs.item, inputs.location, inputs.today
    named = {
        "item": item,
        "location": location,
        "supplier": risk.supplier,
        "region": inputs.region,
        "category": inputs.category,
    }
    days = count_text(risk.days_lost, "day")
    return Trouble(
        cause=cause_of(item, location),
        category=ExceptionCategory.STOCKOUT_RISK,
        message=f"Stock of {item} at {location} runs out on {day_text(risk.stockout_on, today)} "
        f"and {plain(risk.short)} {inputs.unit} are missing until "
        f"{day_text(risk.back_on, today)}, {days} later; an order of today from {risk.supplier} "
        f"comes too late. Have an open order brought forward, or move stock from elsewhere.",
        correlation_id=correlation_id,
        subjects=tuple(f"{kind}:{name}" for kind, name in named.items() if name is not None),
        value_at_risk=risk.value,
        days_of_cover_lost=Decimal(risk.days_lost),
        details={
            "stockout_on": risk.stockout_on.isoformat(),
            "back_on": risk.back_on.isoformat(),
            "missing": f"{plain(risk.short)} {inputs.unit}",
        },
    )
