"""The commands: what they print, where, and how they end."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from graphql import build_schema
from typer.testing import CliRunner

from app.asgi import application
from app.cli import app
from app.manifest.document import read_document
from canonical.errors import InvalidInputError
from runtime.security.development import development_config, new_development_key
from runtime.security.principal import Principal, Role
from runtime.security.tokens import TokenVerifier
from tests.app.installed import LaidOut

ROOT = Path(__file__).parents[3]
WRONG_PASSWORD = {"DEMO_PLANNING_PASSWORD": "wrong"}


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner(env={"SUPPLYGRAPH_MANIFEST": None, "SUPPLYGRAPH_DEVELOPMENT_KEY": None})


def test_without_a_command_it_says_what_there_is(runner: CliRunner) -> None:
    result = runner.invoke(app, [])

    for command in ("serve", "check", "sdl", "schema-json", "token", "demo"):
        assert command in result.output


def test_help_comes_without_loading_what_commands_need() -> None:
    heavy = "{'strawberry', 'httpx', 'redis', 'pydantic', 'rich.table'}"
    code = f"import sys, app.cli; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)

    assert done.stdout.strip() == b"[]"


def test_sdl_prints_the_schema(runner: CliRunner) -> None:
    result = runner.invoke(app, ["sdl"])

    assert result.exit_code == 0
    assert build_schema(result.stdout).query_type is not None


def test_sdl_prints_what_a_gateway_composes(runner: CliRunner) -> None:
    result = runner.invoke(app, ["sdl", "--federation"])

    assert result.exit_code == 0
    item = next(x for x in result.stdout.splitlines() if x.startswith("type Item implements Node "))
    assert '@key(fields: "sku")' in item


def test_schema_json_prints_a_schema_of_manifests(runner: CliRunner) -> None:
    schema = json.loads(runner.invoke(app, ["schema-json"]).stdout)

    jsonschema.Draft202012Validator.check_schema(schema)
    demo = read_document((ROOT / "app" / "demo_manifest.yaml").read_bytes(), "demo")
    jsonschema.Draft202012Validator(schema).validate(demo.data)


def test_check_of_a_sound_installation_ends_with_0(runner: CliRunner, installed: LaidOut) -> None:
    result = _check(runner, installed)

    assert result.exit_code == 0, result.output
    assert "All is well." in result.stdout
    assert "erp: 7 checked and fine" in result.stdout


def test_check_ends_with_1_where_a_system_must_be_seen_to(
    runner: CliRunner, installed: LaidOut
) -> None:
    result = _check(runner, installed, WRONG_PASSWORD)

    assert result.exit_code == 1
    for cell in ("planning", "auth", "Check `auth`", "1 error\n"):
        assert cell in result.stdout


def test_check_ends_with_2_where_the_manifest_is_not_valid(
    runner: CliRunner, installed: LaidOut
) -> None:
    installed.rewritten({"version: 1": "version: 1\nlimts: {}"})
    result = _check(runner, installed)

    assert result.exit_code == 2
    assert "did you mean 'limits'?" in result.stdout


def test_check_speaks_json_to_programs(runner: CliRunner, installed: LaidOut) -> None:
    result = _check(runner, installed, WRONG_PASSWORD, "--json")

    report = json.loads(result.stdout)
    wrong = [f for f in report["findings"] if f["severity"] == "error"]
    assert not report["ok"]
    assert [(f["system"], f["where"]) for f in wrong] == [("planning", "auth")]


def test_a_manifest_that_is_not_there_is_said_in_words(runner: CliRunner, tmp_path: Path) -> None:
    result = runner.invoke(app, ["serve", "--manifest", str(tmp_path / "none.yaml")])

    assert result.exit_code == 2
    assert "none.yaml:1: cannot be read: No such file" in result.stderr
    assert "Traceback" not in result.output


def test_serve_tells_every_problem_of_the_manifest(runner: CliRunner, tmp_path: Path) -> None:
    manifest = tmp_path / "bad.yaml"
    manifest.write_text("version: 2\nbackends: {}\nwhatever: 1\n", encoding="utf-8")
    result = runner.invoke(app, ["serve", "--manifest", str(manifest)])

    assert result.exit_code == 2
    assert "5 problems found" in result.stderr
    assert f"{manifest}:3: whatever: there is no such key" in result.stderr


@pytest.mark.parametrize("said", ["", "0", None])
def test_serve_takes_no_tokens_for_development_unless_told_so(
    runner: CliRunner, installed: LaidOut, said: str | None
) -> None:
    environ = {**installed.environ, "SUPPLYGRAPH_DEVELOPMENT": said}
    result = runner.invoke(app, ["serve", "-m", str(installed.manifest)], env=environ)

    assert result.exit_code == 1
    assert "identity.development_key is for development" in result.stderr
    assert "`supplygraph serve --development` (or set SUPPLYGRAPH_DEVELOPMENT=1)" in result.stderr


def test_workers_take_no_tokens_for_development_unless_told_so(
    installed: LaidOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {**installed.environ, "SUPPLYGRAPH_MANIFEST": str(installed.manifest)}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SUPPLYGRAPH_DEVELOPMENT")

    with pytest.raises(InvalidInputError, match="development_key is for development"):
        application()


def test_debug_shows_where_an_error_came_from(runner: CliRunner, tmp_path: Path) -> None:
    result = runner.invoke(app, ["--debug", "serve", "--manifest", str(tmp_path / "none.yaml")])

    assert result.exception is not None
    assert "cannot be read" in str(result.exception)


@pytest.mark.parametrize("key_as", ["env", "file"])
def test_token_makes_tokens_that_a_service_with_the_key_accepts(
    runner: CliRunner, tmp_path: Path, key_as: str
) -> None:
    key = new_development_key()
    (tmp_path / "key").write_text(key + "\n", encoding="utf-8")
    given = {"env": ["--key-env", "K"], "file": ["--key-file", str(tmp_path / "key")]}[key_as]
    bounds = ["-s", "S-1", "--region", "EU", "--company", "10", "--scope", "orders:read"]
    command = ["token", "-r", "supplier", *bounds, "--subject", "me", "--ttl", "30m", *given]
    result = runner.invoke(app, command, env={"K": key})

    principal = _verified(key, result.stdout.strip())
    assert principal.subject == "me"
    assert principal.roles == {Role.SUPPLIER}
    assert principal.suppliers == ("S-1",)
    assert (principal.regions, principal.companies) == (("EU",), ("10",))
    assert principal.scopes == {"orders:read"}


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["-r", "planner"], "token --new-key"),
        (["-r", "planer"], "there is no role 'planer'; roles are planner"),
        ([], "say which; roles are"),
        (["-r", "supplier"], "--supplier CODE"),
        (["-r", "planner", "--ttl", "soon"], "no duration"),
        (["-r", "planner", "--key-env", "WEAK"], "development-only-"),
        (["-r", "planner", "--key-env", "GOOD", "--ttl", "31d"], "30 days"),
    ],
)
def test_token_refuses_and_says_why(runner: CliRunner, arguments: list[str], said: str) -> None:
    environ = {"WEAK": "secret", "GOOD": new_development_key()}
    result = runner.invoke(app, ["token", *arguments], env=environ)

    assert result.exit_code in (1, 2)
    assert said in " ".join(result.output.replace("│", " ").split())
    assert "Traceback" not in result.output


def test_token_makes_keys(runner: CliRunner) -> None:
    key = runner.invoke(app, ["token", "--new-key"]).stdout.strip()

    assert development_config(key).issuers[0].audience == "supplygraph"


def _check(
    runner: CliRunner, installed: LaidOut, changes: Mapping[str, str] | None = None, *more: str
) -> Any:
    environ = {**installed.environ, **(changes or {})}
    return runner.invoke(app, ["check", "-m", str(installed.manifest), *more], env=environ)


def _verified(key: str, token: str) -> Principal:
    return asyncio.run(TokenVerifier(development_config(key)).verify(token))
