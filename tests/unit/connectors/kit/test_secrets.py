"""Secrets come by reference alone and are not shown."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from connectors.config import BackendConfig
from connectors.kit.auth import Token
from connectors.kit.auth_kinds import Auth
from connectors.kit.secrets import Reference, SecretMissingError, SecretRef, Vault
from connectors.kit.services import Services


class Login(BaseModel):
    password: SecretRef


@pytest.mark.parametrize("value", ["hunter2", 12345, ["hunter2"], None])
def test_plain_text_is_refused_with_the_remedy(value: Any) -> None:
    with pytest.raises(ValidationError, match=r"use \{env: NAME\}") as caught:
        Login.model_validate({"password": value})
    assert caught.value.errors()[0]["loc"] == ("password",)


@pytest.mark.parametrize("value", [{}, {"env": "A", "file": "b"}, {"env": ""}, {"vault": "x"}])
def test_a_reference_names_one_place(value: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Login.model_validate({"password": value})


def test_a_refused_secret_is_not_in_the_message() -> None:
    auth = {"kind": "basic", "username": "ann", "password": "hunter2"}
    backend = {"preset": "coupa", "url": "https://x.example", "auth": auth}
    for refused, given in ((TypeAdapter(Auth), auth), (TypeAdapter(BackendConfig), backend)):
        with pytest.raises(ValidationError) as caught:
            refused.validate_python(given)
        assert "use {env: NAME}" in str(caught.value)
        assert "hunter2" not in str(caught.value)
        assert "hunter2" not in str(caught.value.errors())


def test_environment_and_files_are_read_afresh(tmp_path: Path) -> None:
    environ = {"A": "one"}
    vault = Vault(environ, tmp_path)
    (tmp_path / "secret").write_text("two\n")
    assert vault.read(Reference(env="A")).get_secret_value() == "one"
    assert vault.read(Reference(file="secret")).get_secret_value() == "two"
    assert vault.text("plain") == "plain"
    environ["A"] = "three"
    assert vault.text(Reference(env="A")) == "three"


@pytest.mark.parametrize(
    "reference, message",
    [
        (Reference(env="B"), "environment variable B is not set"),
        (Reference(env="EMPTY"), "environment variable EMPTY is not set"),
        (Reference(file="none"), "file none cannot be read: No such file or directory"),
        (Reference(file="empty"), "file empty is empty"),
        (Reference(file="binary"), "not UTF-8"),
        (Reference(file="large"), "too large"),
        (Reference(file="."), "cannot be read"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, reference: Reference, message: str) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    with pytest.raises(SecretMissingError, match=message):
        Vault({"EMPTY": ""}, tmp_path).read(reference)


def test_nothing_shows_a_secret() -> None:
    services = Services(environ={"A": "hunter2"}, base_dir=Path())
    shown = [
        repr(services),
        repr(services.vault),
        repr(services.vault.read(Reference(env="A"))),
        repr(Token({"Authorization": "hunter2"})),
    ]
    assert not any("hunter2" in text for text in shown)
