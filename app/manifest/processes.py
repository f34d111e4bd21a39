"""What a manifest says about processes that cross systems. A part that it does not name is off."""

from typing import Annotated, Final

from pydantic import Field

from app.manifest.engine import EngineConfig
from app.manifest.extensions import ExtensionConfig
from app.manifest.part import Part

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
    extensions: Annotated[
        dict[Annotated[str, Field(pattern=_NAME)], ExtensionConfig],
        Field(description="What regions and companies add to them, by name, in this order."),
    ] = {}
    forecasts: Annotated[
        ForecastsConfig | None, Field(description="Publishing forecasts to planning.")
    ] = None
