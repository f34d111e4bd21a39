"""What a manifest says about processes that cross systems. A part that it does not name is off."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from app.manifest.approval import ApprovalConfig
from app.manifest.confirmation import ConfirmationConfig
from app.manifest.engine import EngineConfig
from app.manifest.exceptions import ExceptionsConfig
from app.manifest.extensions import ExtensionConfig
from app.manifest.notifications import NotificationsConfig
from app.manifest.ordering import OrderingConfig
from app.manifest.part import Part
from app.manifest.replenishment import ReplenishmentConfig

_NAME: Final = r"^[A-Za-z][A-Za-z0-9_.-]{0,62}$"


class ForecastsConfig(Part):
    """Publishing forecasts."""

    system: Annotated[
        str,
        Field(min_length=1, description="Backend of the planning system that they are told to."),
    ]


class ProcessesConfig(Part):
    """Processes that cross systems."""

    engine: Annotated[EngineConfig, Field(description="How processes are run.")] = EngineConfig()
    ordering: Annotated[OrderingConfig | None, Field(description="Making orders in systems.")] = (
        None
    )
    confirmation: Annotated[
        ConfirmationConfig | None,
        Field(description="Having suppliers confirm orders; goes with `ordering`."),
    ] = None
    replenishment: Annotated[
        ReplenishmentConfig | None,
        Field(description="Recommending what to buy; goes with `ordering`."),
    ] = None
    approval: Annotated[
        ApprovalConfig, Field(description="Who approves what is recommended, and until when.")
    ] = ApprovalConfig()
    exceptions: Annotated[
        ExceptionsConfig, Field(description="What a person has to look at: how bad, whose.")
    ] = ExceptionsConfig()
    notifications: Annotated[
        NotificationsConfig | None,
        Field(description="Who is told of what, by webhook and by e-mail."),
    ] = None
    extensions: Annotated[
        dict[Annotated[str, Field(pattern=_NAME)], ExtensionConfig],
        Field(description="What regions and companies add to them, by name, in this order."),
    ] = {}
    forecasts: Annotated[
        ForecastsConfig | None, Field(description="Publishing forecasts to planning.")
    ] = None

    @model_validator(mode="after")
    def _orders_are_made(self) -> Self:
        for name in ("confirmation", "replenishment"):
            if getattr(self, name) is not None and self.ordering is None:
                raise ValueError(f"`{name}` goes with `ordering`: say there where orders are made")
        return self
