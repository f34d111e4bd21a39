"""How deliveries of a system are believed, as a manifest says it."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from app.manifest.part import Part
from connectors.kit.secrets import SecretRef, Vault
from runtime.security.signatures import COUPA, STANDARD, TOLERANCE_S, Encoding, Scheme, key_of

_SCHEMES: Final = {"standard": STANDARD, "coupa": COUPA}


class HMACConfig(Part):
    """A signature in a header, over the body."""

    signature: Annotated[str, Field(min_length=1, description="Header with the signature.")]
    timestamp: Annotated[
        str | None, Field(min_length=1, description="Header with the time of sending, if any.")
    ] = None
    delivery_id: Annotated[
        str | None, Field(min_length=1, description="Header with the delivery's id, if any.")
    ] = None
    before_body: Annotated[
        str,
        Field(description="What is signed before the body, with {id} and {timestamp} filled in."),
    ] = ""
    algorithm: Annotated[Literal["sha256", "sha384", "sha512"], Field(description="The hash.")] = (
        "sha256"
    )
    encoding: Annotated[Literal["hex", "base64"], Field(description="How it is written.")] = "hex"
    prefix: Annotated[str, Field(description="What stands before it, such as `sha256=`.")] = ""

    def scheme(self) -> Scheme:
        """The same, for checking."""
        return Scheme(
            signature=self.signature.lower(),
            timestamp=self.timestamp and self.timestamp.lower(),
            delivery_id=self.delivery_id and self.delivery_id.lower(),
            before_body=self.before_body,
            algorithm=self.algorithm,
            encoding=Encoding(self.encoding),
            prefix=self.prefix,
        )


class SigningConfig(Part):
    """How deliveries of a system are believed."""

    scheme: Annotated[
        Literal["standard", "coupa"],
        Field(
            description="standard: Standard Webhooks, secrets are whsec_<base64>; coupa: as the "
            "procurement service signs."
        ),
    ] = "standard"
    hmac: Annotated[
        HMACConfig | None, Field(description="A signature in a header of another name.")
    ] = None
    secrets: Annotated[
        tuple[SecretRef, ...],
        Field(min_length=1, description="Secrets in use, by reference; each of them is taken."),
    ]
    tolerance_s: Annotated[
        float,
        Field(gt=0, le=86_400, description="Seconds that the time of sending may lie off ours."),
    ] = TOLERANCE_S

    @model_validator(mode="after")
    def _one_scheme(self) -> Self:
        if self.hmac is not None and "scheme" in self.model_fields_set:
            raise ValueError("give the scheme by `scheme` or by `hmac`, not by both")
        return self

    def declared(self) -> Scheme:
        """How it is signed."""
        return _SCHEMES[self.scheme] if self.hmac is None else self.hmac.scheme()

    def keys(self, vault: Vault) -> Sequence[bytes]:
        """Keys in use.

        Raises:
            SecretMissingError: if a reference leads nowhere.
            ValueError: if a secret does not fit the scheme.
        """
        scheme = self.declared()
        return [key_of(vault.read(s).get_secret_value(), scheme) for s in self.secrets]
