"""`supplygraph token`: tokens for development."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.durations import seconds
from app.cli.grants import Companies, Regions, RoleNames, Scopes, Suppliers, grants_of

KEY_VARIABLE: Final = "SUPPLYGRAPH_DEVELOPMENT_KEY"


def token(
    role: RoleNames = None,
    supplier: Suppliers = None,
    scope: Scopes = None,
    region: Regions = None,
    company: Companies = None,
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
    from runtime.security.development import development_token, life, new_development_key
    from runtime.security.principal import Principal

    if new_key:
        typer.echo(new_development_key())
        return
    grants = grants_of(role, scope, supplier, region, company)
    now = time.time()
    ends = datetime.fromtimestamp(int(now + life(seconds(ttl))), UTC)
    principal = Principal(
        subject,
        grants.roles,
        grants.suppliers,
        ends,
        scopes=grants.scopes,
        regions=grants.regions,
        companies=grants.companies,
    )
    typer.echo(development_token(_key(key_env, key_file), principal, now))


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
