"""A backend as the manifest writes it: what speaks, where, as whom, how often, and what differs."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from connectors.kit.auth_kinds import Auth, NoAuth
from connectors.kit.policy import CallPolicy
from connectors.kit.secrets import Reference

ProtocolName = Literal["odata", "rest", "jsonrpc", "sql"]


class BackendConfig(BaseModel):
    """One system instance."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    preset: Annotated[
        str | None, Field(min_length=1, description="Shipped mapping of the product.")
    ] = None
    protocol: Annotated[
        ProtocolName | None, Field(description="How it speaks, where no preset says so.")
    ] = None
    url: Annotated[
        str | Reference,
        Field(
            description="Its address: text, {env: NAME} or {file: PATH}. Without credentials, "
            "except for `sql`, where an address with a password stands in a reference."
        ),
    ]
    auth: Annotated[Auth, Field(description="Who we are to it.")] = NoAuth()
    ca_file: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Certificates (PEM) to trust instead of the usual ones; relative to the "
            "manifest's folder.",
        ),
    ] = None
    proxy: Annotated[
        str | None,
        Field(pattern=r"^https?://[^@]+$", description="HTTP proxy on the way, without password."),
    ] = None
    settings: Annotated[
        Mapping[str, Any], Field(description="Settings of its protocol, over the preset's.")
    ] = {}
    policy: Annotated[CallPolicy, Field(description="How it may be asked, over the preset's.")] = (
        CallPolicy()
    )
    units: Annotated[
        Mapping[str, str | None],
        Field(description="Its unit codes to ours, over the preset's; null removes one."),
    ] = {}
    entities: Annotated[
        Mapping[EntityName, Mapping[str, Any] | None],
        Field(
            description="What it supplies, over the preset's: fields may be added or replaced, and "
            "null removes a field or an entity."
        ),
    ] = {}

    @model_validator(mode="after")
    def _speaks(self) -> "BackendConfig":
        if (self.preset is None) == (self.protocol is None):
            msg = "say how the system speaks by exactly one of `preset` and `protocol`"
            raise ValueError(msg)
        return self

    def overrides(self) -> dict[str, Any]:
        """What the manifest says itself, without defaults, as presets write it."""
        written = self.policy.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return {
            "settings": dict(self.settings),
            "policy": written,
            "units": dict(self.units),
            "entities": {name.value: entity for name, entity in self.entities.items()},
        }


class Mistake(BaseModel):
    """One thing that is wrong with a backend's configuration."""

    model_config = ConfigDict(frozen=True)

    path: Annotated[
        tuple[str | int, ...], Field(description="Where: keys within the backend's part.")
    ]
    message: Annotated[str, Field(description="What is wrong, and what to do.")]
    kind: Annotated[str, Field(description="Its kind, as pydantic names it.")] = "value_error"
    context: Annotated[Mapping[str, Any], Field(description="What belongs to the kind.")] = {}


class BackendConfigError(InvalidInputError):
    """A backend cannot be opened as it is configured.

    Attributes:
        backend: Its name.
        mistakes: Everything that was found.
    """

    def __init__(self, backend: str, mistakes: tuple[Mistake, ...]) -> None:
        lines = "; ".join(f"{'.'.join(map(str, m.path)) or 'it'}: {m.message}" for m in mistakes)
        super().__init__(f"backend {backend}: {lines}")
        self.backend = backend
        self.mistakes = mistakes
