"""What an installation says about the tokens it accepts: from whom, and what their claims mean."""

from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from runtime.security.principal import Role
from runtime.security.rules import ClaimRule, RoleRule, RolesRule, Rule
from runtime.security.scopes import KNOWN_SCOPES

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
    "HS256",
]  # fmt: skip

SYMMETRIC: Final[frozenset[str]] = frozenset({"HS256"})
PUBLISHED: Final[tuple[Algorithm, ...]] = ("RS256", "ES256")
SHARED: Final[tuple[Algorithm, ...]] = ("HS256",)
MIN_STATIC_KEY_BYTES: Final = 32
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def is_safe(url: str) -> bool:
    """Whether what is read from an address cannot be changed on the way."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return local or (parts.scheme == "https" and bool(parts.hostname))


class IssuerTerms(BaseModel):
    """On which terms tokens of one issuer are accepted, wherever its keys come from."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )

    issuer: Annotated[
        str, Field(min_length=1, description="What `iss` must be, to the letter: its address.")
    ]
    audience: Annotated[
        str, Field(min_length=1, description="What `aud` must be or contain: this service.")
    ]
    algorithms: Annotated[
        tuple[Algorithm, ...] | None,
        Field(
            min_length=1,
            description="Accepted ways of signing; RS256 and ES256 if left out, with static_key "
            "HS256.",
        ),
    ] = None
    leeway_s: Annotated[
        float, Field(ge=0, le=300, description="Clock difference that is forgiven, in seconds.")
    ] = 30.0
    may_be: Annotated[
        tuple[Role, ...],
        Field(min_length=1, description="The only roles that its tokens can give; all if left out"),
    ] = tuple(Role)
    roles: Annotated[RoleRule, Field(description="What a caller is here.")] = RolesRule(
        claim="roles"
    )
    scopes: Annotated[
        Rule, Field(description="What a caller was granted beside its roles, as orders:read.")
    ] = ClaimRule(claim="scope")
    suppliers: Annotated[
        Rule, Field(description="Codes of the suppliers whose data the caller may see.")
    ] = ClaimRule(claim="suppliers")
    regions: Annotated[
        Rule, Field(description="Regions whose data the caller may see; all if it has none.")
    ] = ClaimRule(claim="regions")
    companies: Annotated[
        Rule, Field(description="Companies whose data the caller may see; all if it has none.")
    ] = ClaimRule(claim="companies")

    @model_validator(mode="after")
    def _within(self) -> Self:
        beyond = sorted(self.roles.meant - {*self.may_be})
        if beyond:
            raise ValueError(f"roles names {beyond[0]}, which is not among may_be: its tokens "
                             "can never give it")  # fmt: skip
        unknown = sorted(self.scopes.meant - KNOWN_SCOPES)
        if unknown:
            known = ", ".join(sorted(KNOWN_SCOPES))
            raise ValueError(f"scopes names {unknown[0]!r}, which is no scope; there is: {known}")
        return self

    @model_validator(mode="after")
    def _keys_fit_algorithms(self) -> Self:
        url: Any = getattr(self, "jwks_url", None)
        shared = getattr(self, "static_key", None) is not None
        if shared and url is not None:
            raise ValueError("give jwks_url or static_key, and not both")
        if not shared and url is None and not is_safe(self.issuer):
            raise ValueError(
                "say where its keys are: jwks_url or static_key; they are asked for at the "
                "issuer only where that is an address with https://"
            )
        symmetric = SYMMETRIC.intersection(self.algorithms or ())
        if symmetric and not shared:
            raise ValueError(
                "HS256 needs static_key; for published keys use RS256, ES256 and others"
            )
        if shared and self.algorithms is not None and len(symmetric) != len(self.algorithms):
            raise ValueError("with static_key the only algorithm is HS256: algorithms: [HS256]")
        return self


class Issuer(IssuerTerms):
    """One issuer, with its keys.

    They are read from `jwks_url`, or from where the issuer's own OpenID configuration says, or both
    sides share `static_key` and tokens are signed with HS256. Never two of them, so that a public
    key cannot be passed off as a shared one.
    """

    name: Annotated[str, Field(min_length=1, description="What we call it.")]
    jwks_url: Annotated[str | None, Field(description="Where it publishes its keys (JWKS).")] = None
    static_key: Annotated[
        SecretStr | None,
        Field(description="Key shared with it, for HS256 alone; 32 bytes at least."),
    ] = None

    @model_validator(mode="after")
    def _sound_keys(self) -> Self:
        if self.jwks_url is not None and not is_safe(self.jwks_url):
            raise ValueError("jwks_url must begin with https:// (http:// only on this machine)")
        key = self.static_key
        if key is not None and len(key.get_secret_value().encode()) < MIN_STATIC_KEY_BYTES:
            raise ValueError(
                f"static_key is shorter than {MIN_STATIC_KEY_BYTES} bytes; make one with: "
                "openssl rand -base64 48"
            )
        return self

    @property
    def accepted(self) -> tuple[Algorithm, ...]:
        """Accepted ways of signing."""
        if self.algorithms is not None:
            return self.algorithms
        return PUBLISHED if self.static_key is None else SHARED


class TokenConfig(BaseModel):
    """Whose tokens are accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuers: Annotated[tuple[Issuer, ...], Field(description="Everybody who vouches for callers.")]
    max_token_bytes: Annotated[
        int, Field(ge=256, le=65_536, description="Longest token that is looked at.")
    ] = 8_192
    known_scopes: Annotated[
        frozenset[str], Field(description="Scopes that mean something; others are dropped.")
    ] = KNOWN_SCOPES

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        seen: dict[str, str] = {}
        for each in self.issuers:
            if each.issuer in seen:
                raise ValueError(
                    f"{seen[each.issuer]} and {each.name} are the same issuer: one `iss` has one "
                    "set of keys"
                )
            seen[each.issuer] = each.name
        return self
