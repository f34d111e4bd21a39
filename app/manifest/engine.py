"""What a manifest says about how processes are run."""

from typing import Annotated, Final

from pydantic import Field

from app.manifest.part import Part
from workflows.engine.settings import EngineSettings

_DEFAULT: Final = EngineSettings()


class EngineConfig(Part):
    """How processes are run."""

    takeover_s: Annotated[
        float,
        Field(
            ge=1,
            le=600,
            description="Seconds after which the processes of a server that died go on elsewhere, "
            "or here once it is started again.",
        ),
    ] = _DEFAULT.takeover_s
    first_pause_s: Annotated[
        float,
        Field(
            gt=0,
            le=60,
            description="Seconds until a system that was unavailable is asked again; twice as many "
            "each time.",
        ),
    ] = _DEFAULT.first_pause_s
    stuck_after_s: Annotated[
        float,
        Field(
            ge=1,
            le=86_400,
            description="Seconds that a system may be unavailable, or in doubt, before somebody is "
            "told. It is tried all the same, every `slow_pause_s`.",
        ),
    ] = _DEFAULT.stuck_after_s
    slow_pause_s: Annotated[
        float, Field(ge=1, le=86_400, description="Seconds between such tries.")
    ] = _DEFAULT.slow_pause_s
    tell_within_s: Annotated[
        float,
        Field(ge=1, le=600, description="Seconds that a system may take to be told something."),
    ] = _DEFAULT.tell_within_s

    def settings(self) -> EngineSettings:
        """The same, for the engine."""
        return EngineSettings(
            takeover_s=self.takeover_s,
            first_pause_s=self.first_pause_s,
            stuck_after_s=self.stuck_after_s,
            slow_pause_s=self.slow_pause_s,
            tell_within_s=self.tell_within_s,
        )
