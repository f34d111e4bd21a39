"""What a manifest says about how changes come in from each system."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.manifest.bulk import BulkConfig


class SystemIngestion(BaseModel):
    """How changes come in from one system."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    bulk: Annotated[BulkConfig, Field(description="Files of rows, by entity.")] = {}
