"""Roles, scopes and bounds, as options of commands say them."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from runtime.security.key_records import Grants
    from runtime.security.principal import Role

RoleNames = Annotated[
    list[str] | None,
    typer.Option(
        "--role", "-r", help="planner, buyer, supplier, operator, auditor or machine; may repeat."
    ),
]
Suppliers = Annotated[
    list[str] | None,
    typer.Option("--supplier", "-s", help="Code of a supplier it is bound to; may repeat."),
]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", help="What it is granted beside, as orders:read; may repeat."),
]
Regions = Annotated[
    list[str] | None, typer.Option("--region", help="Region it is bound to; may repeat.")
]
Companies = Annotated[
    list[str] | None, typer.Option("--company", help="Company it is bound to; may repeat.")
]


def grants_of(
    roles: list[str] | None,
    scopes: list[str] | None,
    suppliers: list[str] | None,
    regions: list[str] | None,
    companies: list[str] | None,
) -> "Grants":
    """What the options say that somebody is, and may see.

    Raises:
        typer.BadParameter: if there is no such role or scope, or a supplier is bound to none.
    """
    from runtime.security.key_records import Grants

    found = _roles(roles or [])
    if any(role.value == "supplier" for role in found) and not suppliers:
        raise typer.BadParameter("say which supplier: --supplier CODE", param_hint="--role")
    return Grants(
        roles=found,
        scopes=_scopes(scopes or []),
        suppliers=_bound(suppliers),
        regions=_bound(regions),
        companies=_bound(companies),
    )


def _roles(names: list[str]) -> "frozenset[Role]":
    from runtime.security.principal import Role

    known = [r.value for r in Role]
    wrong = [n for n in names if n not in known]
    if wrong or not names:
        said = f"there is no role {wrong[0]!r}" if wrong else "say which"
        raise typer.BadParameter(f"{said}; roles are {', '.join(known)}", param_hint="--role")
    return frozenset(Role(n) for n in names)


def _scopes(names: list[str]) -> frozenset[str]:
    from runtime.security.scopes import KNOWN_SCOPES

    wrong = [n for n in names if n not in KNOWN_SCOPES]
    if wrong:
        known = ", ".join(sorted(KNOWN_SCOPES))
        message = f"there is no scope {wrong[0]!r}; scopes are {known}"
        raise typer.BadParameter(message, param_hint="--scope")
    return frozenset(names)


def _bound(names: list[str] | None) -> tuple[str, ...] | None:
    return tuple(sorted({*names})) if names else None
