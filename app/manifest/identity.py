"""Whose tokens are accepted, as the manifest writes it: keys by reference."""

from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.manifest.part import Part
from canonical.errors import InvalidInputError
from connectors.kit.secrets import Reference, SecretRef, Vault
from runtime.security import api_keys, development
from runtime.security.config import Issuer, IssuerTerms, TokenConfig

_OURS: Final = frozenset({api_keys.ISSUER, development.ISSUER})
_NAME: Final = r"^[A-Za-z][A-Za-z0-9_.-]{0,62}$"


class IssuerConfig(IssuerTerms):
    """Somebody whose tokens are accepted.

    Its keys are published at `jwks_url`, or shared as `static_key`; where neither is given, its
    OpenID configuration says where they are.
    """

    jwks_url: Annotated[
        str | Reference | None,
        Field(
            description="Where it publishes its keys (JWKS); left out: where its own "
            "/.well-known/openid-configuration says."
        ),
    ] = None
    static_key: Annotated[
        SecretRef | None,
        Field(description="Key shared with it, for HS256, by reference; 32 bytes at least."),
    ] = None

    @model_validator(mode="after")
    def _is_not_ours(self) -> Self:
        if self.issuer in _OURS:
            raise ValueError(f"{self.issuer} is the issuer of keys and tokens that are made here")
        return self

    def with_keys(self, name: str, vault: Vault) -> Issuer:
        """The issuer, its keys read.

        Raises:
            SecretMissingError: if a reference leads nowhere.
            InvalidInputError: if a key is not fit for its purpose; the message says why.
        """
        written: dict[str, Any] = {field: getattr(self, field) for field in self.model_fields_set}
        if self.jwks_url is not None:
            written["jwks_url"] = vault.text(self.jwks_url)
        if self.static_key is not None:
            written["static_key"] = vault.read(self.static_key)
        try:
            return Issuer(name=name, **written)
        except ValidationError as exc:
            raise InvalidInputError(f"issuer {name}: {_words(exc)}") from None


class APIKeysConfig(BaseModel):
    """Keys for machines, which `supplygraph keys` makes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_days: Annotated[
        int, Field(ge=1, le=3_650, description="Longest that a new key may be valid, in days.")
    ] = 366


class IdentityConfig(Part):
    """Who is let in: callers for whom an issuer vouches, and machines with keys of ours."""

    development_key: Annotated[
        SecretRef | None,
        Field(
            description="Key of the tokens that `supplygraph token` makes, by reference; it begins "
            "with `development-only-`. Only served with --development; never for real data."
        ),
    ] = None
    issuers: Annotated[
        dict[Annotated[str, Field(pattern=_NAME)], IssuerConfig] | None,
        Field(
            description="Who vouches for callers, each under a name of ours; {} where all callers "
            "are machines with keys of ours."
        ),
    ] = None
    api_keys: Annotated[APIKeysConfig, Field(description="Keys for machines.")] = APIKeysConfig()
    max_token_bytes: Annotated[
        int, Field(ge=256, le=65_536, description="Longest token that is looked at.")
    ] = 8_192

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.development_key is None) == (self.issuers is None):
            raise ValueError(
                "say whose tokens are accepted by exactly one of development_key, issuers"
            )
        return self

    def token_config(self, vault: Vault) -> TokenConfig:
        """What tokens are checked against, with its keys read.

        Raises:
            SecretMissingError: if a reference leads nowhere.
            InvalidInputError: if a key is not fit for its purpose; the message says why.
        """
        if self.development_key is not None:
            return development.development_config(
                vault.read(self.development_key).get_secret_value()
            )
        issuers = tuple(each.with_keys(n, vault) for n, each in (self.issuers or {}).items())
        try:
            return TokenConfig(issuers=issuers, max_token_bytes=self.max_token_bytes)
        except ValidationError as exc:
            raise InvalidInputError(_words(exc)) from None


def _words(exc: ValidationError) -> str:
    return "; ".join(e["msg"].removeprefix("Value error, ") for e in exc.errors())
