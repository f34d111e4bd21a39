"""Publishing forecasts to the planning system."""

from collections.abc import Sequence

from msgspec import Struct

from canonical.errors import ConflictError, InvalidInputError
from canonical.forecast_publishing import ForecastFinding
from canonical.writing import NewForecast
from execution.fields import Asked
from resolvers.commands import UserError, refused
from resolvers.context import RequestContext


class ForecastsToPublish(Struct, frozen=True):
    """The forecasts, and the key under which they count once."""

    forecasts: tuple[NewForecast, ...]
    key: str


class PublishPayload(Struct, frozen=True):
    """What came of publishing."""

    accepted: int = 0
    user_errors: Sequence[UserError] = ()


async def publish_forecasts(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, input: ForecastsToPublish
) -> list[PublishPayload]:
    """Publish forecasts, and say why some were refused."""
    caller, desk = context.caller, context.processing.forecasts
    if desk is None:
        return [PublishPayload(user_errors=[refused()])]
    try:
        published = await desk.publish(
            input.forecasts,
            key=input.key,
            actor=f"{caller.issuer}/{caller.subject}",
            correlation_id=context.correlation_id,
        )
    except (InvalidInputError, ConflictError) as exc:
        return [PublishPayload(user_errors=[UserError(exc.code, exc.message, ["input"])])]
    return [PublishPayload(published.accepted, [_user_error(f) for f in published.findings])]


def _user_error(finding: ForecastFinding) -> UserError:
    place = ["input", "forecasts", str(finding.index), finding.field]
    return UserError(finding.code, finding.message, place)
