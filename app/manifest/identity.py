"""Whose tokens are accepted, as the manifest writes it: keys by reference."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from canonical.errors import InvalidInputError
from connectors.kit.secrets import Reference, SecretRef, Vault
from runtime.security.config import Algorithm, TokenConfig
from runtime.security.development import development_config


class IdentityConfig(BaseModel):
    """Whose tokens are accepted. Exactly one of `jwks_url`, `static_key` and `development_key`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )

    development_key: Annotated[
        SecretRef | None,
        Field(
            description="Key of the tokens that `supplygraph token` makes, by reference; it begins "
            "with `development-only-`. Never for real data."
        ),
    ] = None
    jwks_url: Annotated[
        str | Reference | None,
        Field(description="Where the issuer publishes its keys (JWKS)."),
    ] = None
    static_key: Annotated[
        SecretRef | None,
        Field(
            description="Key shared with the issuer, for HS256, by reference; 32 bytes at least."
        ),
    ] = None
    issuers: Annotated[
        tuple[str, ...], Field(description="Accepted values of `iss`, to the letter.")
    ] = ()
    audience: Annotated[
        str | None,
        Field(min_length=1, description="What `aud` must be or contain: this service."),
    ] = None
    algorithms: Annotated[
        tuple[Algorithm, ...] | None,
        Field(min_length=1, description="Accepted ways of signing; RS256 and ES256 if left out."),
    ] = None
    leeway_s: Annotated[
        float, Field(ge=0, le=300, description="Clock difference that is forgiven, in seconds.")
    ] = 30.0
    roles_claim: Annotated[
        str, Field(description="Claim with the roles; dots go into objects: realm_access.roles.")
    ] = "roles"
    scope_claim: Annotated[
        str, Field(description="Claim that may name roles too, among other words.")
    ] = "scope"
    suppliers_claim: Annotated[
        str, Field(description="Claim with the supplier codes whose data the caller may see.")
    ] = "suppliers"
    max_token_bytes: Annotated[
        int, Field(ge=256, le=65_536, description="Longest token that is looked at.")
    ] = 8_192

    @model_validator(mode="after")
    def _whole(self) -> Self:
        keys = {
            "development_key": self.development_key,
            "jwks_url": self.jwks_url,
            "static_key": self.static_key,
        }
        given = [name for name, key in keys.items() if key is not None]
        if len(given) != 1:
            raise ValueError(f"say whose tokens are accepted by exactly one of {', '.join(keys)}")
        if given == ["development_key"]:
            further = self.model_fields_set - {"development_key"}
            if further:
                names = ", ".join(sorted(further))
                raise ValueError(f"with development_key nothing else is said: remove {names}")
        elif not self.issuers or self.audience is None:
            raise ValueError(f"with {given[0]} say whom it is from and for: `issuers`, `audience`")
        return self

    def token_config(self, vault: Vault) -> TokenConfig:
        """What tokens are checked against, with its keys read.

        Raises:
            SecretMissingError: if a reference leads nowhere.
            InvalidInputError: if a key is not fit for its purpose; the message says why.
        """
        if self.development_key is not None:
            return development_config(vault.read(self.development_key).get_secret_value())
        written: dict[str, Any] = self.model_dump(
            exclude_none=True, exclude={"development_key", "jwks_url", "static_key"}
        )
        if self.jwks_url is not None:
            written["jwks_url"] = vault.text(self.jwks_url)
        if self.static_key is not None:
            written["static_key"] = vault.read(self.static_key)
            written.setdefault("algorithms", ("HS256",))
        try:
            return TokenConfig.model_validate(written)
        except ValidationError as exc:
            words = "; ".join(e["msg"].removeprefix("Value error, ") for e in exc.errors())
            raise InvalidInputError(words) from None
