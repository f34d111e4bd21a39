"""What a manifest says about processes that cross systems. A part that it does not name is off."""

from typing import Annotated

from pydantic import Field

from app.manifest.engine import EngineConfig
from app.manifest.part import Part


class ForecastsConfig(Part):
    """Publishing forecasts."""

    system: Annotated[
        str,
        Field(min_length=1, description="Backend of the planning system that they are told to."),
    ]


class ProcessesConfig(Part):
    """Processes that cross systems."""

    engine: Annotated[EngineConfig, Field(description="How processes are run.")] = EngineConfig()
    forecasts: Annotated[
        ForecastsConfig | None, Field(description="Publishing forecasts to planning.")
    ] = None
