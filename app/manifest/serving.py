"""What a manifest says about how answers are kept and sent."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class AnswersConfig(BaseModel):
    """Whole answers that are kept, until something in them changes or is no longer fresh."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    enabled: Annotated[
        bool, Field(description="Whether answers are kept, in each process and in Redis.")
    ] = True
    megabytes: Annotated[
        int, Field(ge=1, le=65_536, description="Memory for answers within each process.")
    ] = 64
    share_in_flight: Annotated[
        bool,
        Field(
            description="Whether callers with the same rights who ask the same at the same time "
            "wait for one execution."
        ),
    ] = True

    @property
    def max_bytes(self) -> int:
        """Memory for answers within each process; 0 where none are kept."""
        return self.megabytes * 1_000_000 if self.enabled else 0


class HTTPConfig(BaseModel):
    """How answers are sent."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    gzip_from_kilobytes: Annotated[
        int | None,
        Field(
            ge=1,
            le=1_048_576,
            description="Length from which answers are compressed for clients that take gzip; null "
            "never compresses: right where all clients are near, or a proxy in front does it.",
        ),
    ] = 64

    @property
    def gzip_from_bytes(self) -> int | None:
        """The same in bytes."""
        return None if self.gzip_from_kilobytes is None else self.gzip_from_kilobytes * 1024
