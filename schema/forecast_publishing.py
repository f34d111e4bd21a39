"""Publishing forecasts: what is given, and what comes of it."""

from datetime import date
from decimal import Decimal
from typing import Final

import strawberry

from canonical.writing import NewForecast
from execution.links import REQUIRED, Argument, column, link
from resolvers.forecast_publishing import ForecastsToPublish, publish_forecasts
from schema.refusals import UserError


@strawberry.input(description="A forecast.")
class ForecastInput:
    """A forecast."""

    item: str = strawberry.field(description="Sku of the item.")
    period_start: date = strawberry.field(description="First day of the period.")
    period_end: date = strawberry.field(description="Day after the last day of the period.")
    quantity: Decimal = strawberry.field(description="Expected demand, in the item's unit.")
    location: str | None = strawberry.field(default=None, description="Code of the location.")
    version: str | None = strawberry.field(default=None, description="Name of the version.")


@strawberry.input(description="Forecasts to publish.")
class PublishForecastsInput:
    """Forecasts."""

    forecasts: list[ForecastInput] = strawberry.field(description="The forecasts.")
    idempotency_key: str = strawberry.field(description="Makes a repeated request count once.")

    def canonical(self) -> ForecastsToPublish:
        """The input as the resolver takes it."""
        return ForecastsToPublish(
            tuple(
                NewForecast(
                    item=f.item,
                    location=f.location,
                    period_start=f.period_start,
                    period_end=f.period_end,
                    quantity=f.quantity,
                    version=f.version,
                )
                for f in self.forecasts
            ),
            self.idempotency_key,
        )


@strawberry.type(description="What came of publishing forecasts.")
class PublishForecastsPayload:
    """What came of it."""

    accepted: int = column("How many were taken.")
    user_errors: list[UserError] = column("Why others were refused.")


PUBLISH_FORECASTS: Final = link(
    publish_forecasts,
    PublishForecastsPayload,
    "Publish forecasts to the planning system.",
    arguments={"input": Argument(PublishForecastsInput, "The forecasts.", REQUIRED)},
)
