"""`supplygraph token`: tokens for development."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from runtime.security.principal import Role

KEY_VARIABLE: Final = "SUPPLYGRAPH_DEVELOPMENT_KEY"
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


def token(
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role",
            "-r",
            help="planner, buyer, supplier, operator, auditor or machine; may repeat.",
        ),
    ] = None,
    supplier: Annotated[
        list[str] | None,
        typer.Option("--supplier", "-s", help="Code of a supplier it is bound to; may repeat."),
    ] = None,
    subject: Annotated[str, typer.Option(help="Who it is for.")] = "developer",
    ttl: Annotated[str, typer.Option(help="How long it lasts: 3600, 30m, 8h, 2d.")] = "8h",
    key_env: Annotated[
        str, typer.Option(help="Environment variable with the development key.")
    ] = KEY_VARIABLE,
    key_file: Annotated[
        Path | None, typer.Option(help="File with the development key, instead.")
    ] = None,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Print a new development key, and nothing else.")
    ] = False,
) -> None:
    """Make a token for development; real ones come from your identity provider."""
    from runtime.security.development import mint_development_token, new_development_key

    if new_key:
        typer.echo(new_development_key())
        return
    roles = _roles(role or [])
    if any(r.value == "supplier" for r in roles) and not supplier:
        raise typer.BadParameter("say which supplier: --supplier CODE", param_hint="--role")
    seconds, key = _seconds(ttl), _key(key_env, key_file)
    typer.echo(mint_development_token(key, subject, roles, supplier, seconds))


def _roles(names: list[str]) -> list["Role"]:
    from runtime.security.principal import Role

    known = [r.value for r in Role]
    wrong = [n for n in names if n not in known]
    if wrong or not names:
        said = f"there is no role {wrong[0]!r}" if wrong else "say which"
        raise typer.BadParameter(f"{said}; roles are {', '.join(known)}", param_hint="--role")
    return [Role(n) for n in names]


def _seconds(ttl: str) -> float:
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", ttl)
    if found is None:
        raise typer.BadParameter(f"{ttl!r} is no duration; write 3600, 30m, 8h or 2d")
    return float(found[1]) * _SECONDS[found[2]]


def _key(variable: str, file: Path | None) -> str:
    from canonical.errors import InvalidInputError
    from connectors.kit.secrets import Reference, SecretMissingError, Vault

    reference = Reference(env=variable) if file is None else Reference(file=str(file))
    try:
        return Vault(os.environ, Path()).read(reference).get_secret_value()
    except SecretMissingError as exc:
        raise InvalidInputError(
            f"{exc}; tokens are made with a development key, which `supplygraph token --new-key` "
            "prints and the manifest names under identity.development_key"
        ) from exc
