"""What a manifest says about thresholds of stock."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from app.manifest.part import Part
from workflows.ingestion.thresholds import Level, Rule

_LEVELS: Final = tuple(level.value for level in Level)
_CONDITIONS: Final = ("items", "categories", "locations", "regions")


def _below(value: Any) -> Any:
    if isinstance(value, str):
        if value in _LEVELS:
            return Level(value)
        raise ValueError(f"give {' or '.join(_LEVELS)}, or a quantity as a number")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or value < 0:
        raise ValueError(f"give {' or '.join(_LEVELS)}, or a quantity of 0 or more")
    return Decimal(str(value))


Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(max_length=10_000)]


class ThresholdConfig(Part):
    """A threshold of stock, and the positions that it is for."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9_]{0,62}$",
            description="What events call it. Of several rules of a name the first that is for a "
            "position counts.",
        ),
    ]
    below: Annotated[
        Level | Decimal,
        BeforeValidator(_below, json_schema_input_type=Level | float),
        Field(
            description="What available stock may not fall below: the item's own safety_stock or "
            "reorder_point, or a quantity in the item's base unit."
        ),
    ] = Level.SAFETY_STOCK
    recover_at: Annotated[
        Decimal,
        Field(
            ge=1,
            le=100,
            description="How many times the threshold must be there before a breach is over.",
        ),
    ] = Decimal("1.1")
    items: Annotated[Names, Field(description="Skus that it is for; all if left out.")] = ()
    categories: Annotated[
        Names, Field(description="Categories of items that it is for; all if left out.")
    ] = ()
    locations: Annotated[
        Names, Field(description="Codes of locations that it is for; all if left out.")
    ] = ()
    regions: Annotated[
        Names, Field(description="Regions of locations that it is for; all if left out.")
    ] = ()

    def rule(self) -> Rule:
        """The same, for those who decide."""
        return Rule(
            name=self.name,
            below=self.below,
            recover_at=self.recover_at,
            items=frozenset(self.items),
            categories=frozenset(self.categories),
            locations=frozenset(self.locations),
            regions=frozenset(self.regions),
        )


def _each_counts(rules: tuple[ThresholdConfig, ...]) -> tuple[ThresholdConfig, ...]:
    """Refuse rules that no position can ever come to."""
    for_all: set[str] = set()
    for rule in rules:
        if rule.name in for_all:
            raise ValueError(
                f"{rule.name}: an earlier rule of this name is for all positions, so this one "
                f"never counts; put it first, or give it another name"
            )
        if not any(getattr(rule, condition) for condition in _CONDITIONS):
            for_all.add(rule.name)
    return rules


ThresholdsConfig = Annotated[
    tuple[ThresholdConfig, ...],
    AfterValidator(_each_counts),
    Field(
        max_length=100,
        description="Thresholds of stock that are told of when they are crossed. Left out: each "
        "item's safety stock. An empty list: none.",
    ),
]
DEFAULT_THRESHOLDS: Final = (ThresholdConfig(name=Level.SAFETY_STOCK.value),)


def rules_of(thresholds: Iterable[ThresholdConfig]) -> list[Rule]:
    """The rules, for those who decide."""
    return [each.rule() for each in thresholds]
