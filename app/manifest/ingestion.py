"""What a manifest says about how changes come in from each system."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from app.manifest.bulk import BulkConfig
from app.manifest.part import Part
from app.manifest.signing import SigningConfig
from app.manifest.watching import Watched
from canonical.entities import EntityName


class WebhookConfig(Part):
    """What a system sends by itself when something changes."""

    entity: Annotated[
        EntityName | None,
        Field(
            description="What the system's own bodies hold, in the form of its API. Left out: only "
            "CloudEvents of our own types are taken."
        ),
    ] = None
    rows: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Dotted path to the record or the list of records in a body; the whole of "
            "it where left out.",
        ),
    ] = None
    times: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(
            description="Dotted paths to times in a record, through lists too, such as "
            "`order-lines.updated-at`: the newest of them, or of `updated_at`, is when it became "
            "so. For systems whose records do not move their own time when a part of them changes."
        ),
    ] = ()
    max_kilobytes: Annotated[int, Field(ge=1, le=65_536, description="Longest body.")] = 1_024
    per_minute: Annotated[
        int, Field(ge=1, le=10_000_000, description="Deliveries that each process takes a minute.")
    ] = 60_000


class SystemIngestion(Part):
    """How changes come in from one system."""

    signing: Annotated[
        SigningConfig | None, Field(description="How what it sends is believed.")
    ] = None
    webhook: Annotated[
        WebhookConfig | None, Field(description="What it sends to POST /ingest/<backend>.")
    ] = None
    watch: Annotated[
        Watched, Field(description="What is asked for changes from time to time, by entity.")
    ] = {}
    bulk: Annotated[BulkConfig, Field(description="Files of rows, by entity.")] = {}

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.webhook is not None and self.signing is None:
            raise ValueError(
                "a webhook wants `signing`: nobody could tell who has sent what comes there"
            )
        return self
