"""What an installation says about the tokens it accepts."""

from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
    "HS256",
]  # fmt: skip

SYMMETRIC: Final[frozenset[str]] = frozenset({"HS256"})
MIN_STATIC_KEY_BYTES: Final = 32
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class TokenConfig(BaseModel):
    """Whose tokens are accepted, for whom, and how they say what the caller is.

    Either the issuer's keys are read from `jwks_url` and tokens are signed with one of them, or
    both sides share `static_key` and tokens are signed with HS256. Never both, so that a public
    key cannot be passed off as a shared one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuers: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="Accepted values of `iss`, to the letter."),
    ]
    audience: Annotated[
        str, Field(min_length=1, description="What `aud` must be or contain: this service.")
    ]
    algorithms: Annotated[
        tuple[Algorithm, ...],
        Field(min_length=1, description="Accepted ways of signing."),
    ] = ("RS256", "ES256")
    jwks_url: Annotated[
        str | None, Field(description="Where the issuer publishes its keys (JWKS).")
    ] = None
    static_key: Annotated[
        SecretStr | None,
        Field(description="Key shared with the issuer, for HS256 alone; 32 bytes at least."),
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

    @field_validator("jwks_url")
    @classmethod
    def _encrypted(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            return url
        raise ValueError("jwks_url must begin with https:// (http:// only on this machine)")

    @model_validator(mode="after")
    def _keys_fit_algorithms(self) -> Self:
        if (self.jwks_url is None) == (self.static_key is None):
            raise ValueError("give either jwks_url or static_key, and not both")
        symmetric = SYMMETRIC.intersection(self.algorithms)
        if self.static_key is None:
            if symmetric:
                raise ValueError(
                    "HS256 needs static_key; with jwks_url use RS256, ES256 and others"
                )
            return self
        if len(symmetric) != len(self.algorithms):
            raise ValueError("with static_key the only algorithm is HS256: algorithms: [HS256]")
        if len(self.static_key.get_secret_value().encode()) < MIN_STATIC_KEY_BYTES:
            raise ValueError(
                f"static_key is shorter than {MIN_STATIC_KEY_BYTES} bytes; make one with: "
                "openssl rand -base64 48"
            )
        return self
