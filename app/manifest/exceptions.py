"""What a manifest says about exceptions: `processes.exceptions`."""

from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from app.manifest.part import Part
from canonical.exceptions import ExceptionCategory, ExceptionSeverity
from workflows.exceptions.rules import CATEGORIES, HOURS, OwnerRule, Rules, Thresholds

_COVER: Final = Rules().cover
Amount = Annotated[Decimal, Field(ge=0, le=Decimal(10) ** 15)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[frozenset[Name], Field(max_length=10_000)]


class ThresholdsConfig(Part):
    """From which amount on an exception is how bad. What is left out does not come about."""

    medium: Annotated[Amount | None, Field(description="From here on at least MEDIUM.")] = None
    high: Annotated[Amount | None, Field(description="From here on at least HIGH.")] = None
    critical: Annotated[Amount | None, Field(description="From here on CRITICAL.")] = None

    @model_validator(mode="after")
    def _rising(self) -> Self:
        given = [a for a in (self.medium, self.high, self.critical) if a is not None]
        if given != sorted(set(given)):
            raise ValueError("what is worse begins at a higher amount: medium < high < critical")
        return self

    def thresholds(self) -> Thresholds:
        """The same, for those who decide."""
        return Thresholds(self.medium, self.high, self.critical)


class OwnerConfig(Part):
    """Whose the exceptions are that satisfy all that it says."""

    owner: Annotated[Name, Field(description="A person or a team.")]
    categories: Annotated[
        frozenset[ExceptionCategory], Field(description="Of these categories; all if left out.")
    ] = frozenset()
    severities: Annotated[
        frozenset[ExceptionSeverity], Field(description="So bad; however bad if left out.")
    ] = frozenset()
    regions: Annotated[Names, Field(description="About one of these regions.")] = frozenset()
    suppliers: Annotated[Names, Field(description="About one of these suppliers.")] = frozenset()
    item_categories: Annotated[
        Names, Field(description="About items of one of these categories.")
    ] = frozenset()

    @property
    def takes_all(self) -> bool:
        """Whether it is for every exception."""
        wanted = (self.categories, self.severities, self.regions, self.suppliers)
        return not any((*wanted, self.item_categories))

    def rule(self) -> OwnerRule:
        """The same, for those who decide."""
        return OwnerRule(
            owner=self.owner,
            categories=self.categories,
            severities=self.severities,
            regions=self.regions,
            suppliers=self.suppliers,
            item_categories=self.item_categories,
        )


class ExceptionsConfig(Part):
    """How bad exceptions are, whose they are, and by when they are to be over."""

    severity: Annotated[
        dict[ExceptionCategory, ExceptionSeverity],
        Field(description="How bad they are at least, by category, where not as shipped."),
    ] = {}
    value_at_risk: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], ThresholdsConfig],
        Field(
            max_length=200,
            description="How bad a value at risk is, by currency (ISO 4217); in others it says "
            "nothing.",
        ),
    ] = {}
    days_of_cover_lost: Annotated[
        ThresholdsConfig, Field(description="How bad it is that stock ends so many days earlier.")
    ] = ThresholdsConfig(medium=_COVER.medium, high=_COVER.high, critical=_COVER.critical)
    owners: Annotated[
        tuple[OwnerConfig, ...],
        Field(max_length=1_000, description="Whose they are; the first that fits."),
    ] = ()
    owner: Annotated[Name | None, Field(description="Whose they are otherwise.")] = None
    due_hours: Annotated[
        dict[ExceptionSeverity, Annotated[Decimal, Field(gt=0, le=8_760)]],
        Field(
            description="Within how many hours they are to be over, by severity; what is not "
            "named may take any time."
        ),
    ] = dict(HOURS)

    @model_validator(mode="after")
    def _each_owner_counts(self) -> Self:
        for each in self.owners:
            if each.takes_all:
                raise ValueError(
                    f"{each.owner} takes all, so those behind it never count: say it as `owner`"
                )
        return self

    def rules(self) -> Rules:
        """The same, for those who decide."""
        return Rules(
            categories=MappingProxyType({**CATEGORIES, **self.severity}),
            values={c: t.thresholds() for c, t in self.value_at_risk.items()},
            cover=self.days_of_cover_lost.thresholds(),
            owners=[each.rule() for each in self.owners],
            owner=self.owner,
            hours=self.due_hours,
        )
