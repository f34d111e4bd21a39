"""How claims of a token become words of ours: which claim, what of it, and what that means here.

    claim -> its texts -> those that the pattern takes -> what the map says of them -> words

Whatever a rule does not take is dropped: an identity provider may name groups that are nothing
here.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from canonical.errors import UnauthenticatedError
from runtime.security.principal import Role

_SPACED: Final = frozenset({"scope", "scp"})
"""Claims that are a list written as one text (RFC 8693)."""


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Words = Annotated[
    tuple[str, ...],
    BeforeValidator(_several, json_schema_input_type=str | tuple[str, ...]),
]
"""Several words; a bare one is short for a list of it."""
Roles = Annotated[
    tuple[Role, ...],
    BeforeValidator(_several, json_schema_input_type=Role | tuple[Role, ...]),
]


class ClaimRule(BaseModel):
    """How a claim becomes words."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )

    claim: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Name of the claim; dots go into objects, as realm_access.roles. A text is "
            "one value, but `scope` and `scp` are split at spaces.",
        ),
    ] = None
    pattern: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Regular expression that a value must match whole; its group, if it has "
            "one, is what is gone on with: /suppliers/(.+)",
        ),
    ] = None
    map: Annotated[
        Mapping[str, Words] | None,
        Field(description="What values mean here; others mean nothing. Left out: themselves."),
    ] = None
    always: Annotated[
        Words, Field(description="What every token of the issuer has, whatever it says.")
    ] = ()
    required: Annotated[
        bool, Field(description="Whether a token that comes to nothing here is refused.")
    ] = False

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        if self.claim is None and not self.always:
            raise ValueError("say where it comes from: `claim`, or `always` for fixed values")
        if self.claim is None and (self.pattern is not None or self.map is not None):
            raise ValueError("`pattern` and `map` are about the values of a claim: name it")
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groups
            except re.error as exc:
                raise ValueError(f"the pattern cannot be read: {exc}") from None
            if groups > 1:
                raise ValueError("the pattern may have one group; write others as (?:...)")
        return self

    @property
    def meant(self) -> frozenset[str]:
        """Words that it names itself."""
        mapped = () if self.map is None else self.map.values()
        return frozenset(self.always).union(*mapped)

    def words(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        """What a token's claims come to; None if it has no such claim, and nothing is fixed.

        Raises:
            UnauthenticatedError: if the claim is neither a text nor a list of texts.
        """
        found = None if self.claim is None else _at(claims, self.claim)
        if found is None:
            return frozenset(self.always) or None
        values = {value for text in self._texts(found) for value in self._taken(text) if value}
        if self.map is not None:
            values = {word for value in values for word in self.map.get(value, ())}
        return frozenset(values).union(self.always)

    def _texts(self, value: Any) -> list[str]:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise UnauthenticatedError(
                f"the token is malformed: claim '{self.claim}' must be a text or a list of texts"
            )
        if self.claim in _SPACED:
            return [word for text in texts for word in text.split(" ")]
        return texts

    def _taken(self, value: str) -> tuple[str, ...]:
        if self.pattern is None:
            return (value,)
        match = re.fullmatch(self.pattern, value)
        return () if match is None else (match[match.re.groups] or "",)


class RolesRule(ClaimRule):
    """How a claim becomes roles."""

    map: Annotated[
        Mapping[str, Roles] | None,
        Field(
            description="Roles by value of the claim; other values mean nothing. Left out: values "
            "are names of roles."
        ),
    ] = None
    always: Annotated[Roles, Field(description="Roles of every token of the issuer.")] = ()


def _rule(value: Any) -> Any:
    return {"claim": value} if isinstance(value, str) else value


Rule = Annotated[ClaimRule, BeforeValidator(_rule, json_schema_input_type=str | ClaimRule)]
"""A rule. The bare name of a claim is short for `{claim: name}`."""
RoleRule = Annotated[RolesRule, BeforeValidator(_rule, json_schema_input_type=str | RolesRule)]


def _at(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its whole name, else by a path into objects."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found
