"""Secrets by reference: the manifest names an environment variable or a file, never the secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)
from typing_extensions import override

_MAX_BYTES: Final = 65_536


class SecretMissingError(ValueError):
    """A secret's environment variable or file is not there. The message never holds a secret."""


class _Withheld:
    """Stands for a refused secret in error messages."""

    @override
    def __repr__(self) -> str:
        return "(withheld)"


class Reference(BaseModel):
    """Where a value is kept: exactly one of an environment variable and a file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    env: Annotated[
        str | None, Field(min_length=1, description="Name of an environment variable.")
    ] = None
    file: Annotated[
        str | None,
        Field(min_length=1, description="Path of a file; relative to the manifest's folder."),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _no_plain_text(cls, value: Any) -> Any:
        if isinstance(value, _Withheld):
            msg = (
                "a secret is not written into the manifest: use {env: NAME} for an environment "
                "variable or {file: PATH} for a file"
            )
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> "Reference":
        if (self.env is None) == (self.file is None):
            msg = "name the place of the value by exactly one of `env` and `file`"
            raise ValueError(msg)
        return self


def _withhold(value: Any) -> Any:
    """Put aside what may be a secret before it is refused, as errors repeat what they refuse."""
    return value if isinstance(value, Reference | Mapping) else _Withheld()


SecretRef = Annotated[
    Reference,
    BeforeValidator(_withhold),
    Field(description="A secret: {env: NAME} or {file: PATH}."),
]
"""Type of manifest fields that hold a secret. Plain text is refused."""

Text = Annotated[
    str | Reference, Field(union_mode="left_to_right", description="Plain text, or a reference.")
]
"""Type of manifest fields that may differ by environment without being secret (a user name)."""


@dataclass(frozen=True)
class Vault:
    """Reads references.

    Attributes:
        environ: Environment variables.
        base_dir: Folder that relative paths start from.
    """

    environ: Mapping[str, str] = field(repr=False)
    base_dir: Path

    def read(self, ref: Reference) -> SecretStr:
        """The value, read afresh, without the line end that editors put into files.

        Raises:
            SecretMissingError: if there is none.
        """
        if ref.env is not None:
            found = self.environ.get(ref.env)
            if not found:
                msg = f"the environment variable {ref.env} is not set"
                raise SecretMissingError(msg)
            return SecretStr(found)
        return SecretStr(self._file(str(ref.file)))

    def text(self, value: str | Reference) -> str:
        """The value of what may be plain text."""
        return value if isinstance(value, str) else self.read(value).get_secret_value()

    def _file(self, name: str) -> str:
        try:
            with (self.base_dir / name).open("rb") as file:
                content = file.read(_MAX_BYTES + 1)
            found = content.decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
            msg = f"the file {name} cannot be read: {why}"
            raise SecretMissingError(msg) from exc
        if not found or len(content) > _MAX_BYTES:
            msg = f"the file {name} is {'empty' if not found else 'too large for a secret'}"
            raise SecretMissingError(msg)
        return found
