"""`supplygraph keys`: API keys for machines."""

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from app.cli.durations import seconds
from app.cli.grants import Companies, Regions, RoleNames, Scopes, Suppliers, grants_of
from app.cli.opening import actor
from app.cli.options import DEFAULT_MANIFEST, AsJSON, Manifest
from app.cli.printing import print_data

if TYPE_CHECKING:
    from app.manifest.loading import Declaration
    from runtime.security.key_records import Grants, KeyDesk, KeyRecord, NewKey

T = TypeVar("T")

keys = typer.Typer(
    name="keys",
    help="Make, list, revoke and replace API keys for machines.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
KeyId = Annotated[str, typer.Argument(help="Id of the key: the 12 characters behind `sg_`.")]
Expires = Annotated[
    str | None, typer.Option(help="How long it is valid: 30d, 12h; 90d unless that is too long.")
]
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_ID: Final = re.compile(r"(?:sg_)?([0-9A-Za-z]{12})")
_DAYS: Final = 90
_WIDTH: Final = 160


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="The machine that will hold it, as wms-eu.")],
    manifest: Manifest = DEFAULT_MANIFEST,
    role: RoleNames = None,
    scope: Scopes = None,
    supplier: Suppliers = None,
    region: Regions = None,
    company: Companies = None,
    expires: Expires = None,
) -> None:
    """Make a key; it is printed this once, and kept nowhere."""
    if not _NAME.fullmatch(name):
        message = "small letters, digits, `.`, `_` and `-`, 63 at most"
        raise typer.BadParameter(message, param_hint="NAME")
    grants = grants_of(role or ["machine"], scope, supplier, region, company)
    if not scope and {r.value for r in grants.roles} == {"machine"}:
        message = "a machine may do what its scopes say: name some, as orders:read"
        raise typer.BadParameter(message, param_hint="--scope")

    async def made(desk: "KeyDesk", declared: "Declaration", now: datetime) -> "NewKey":
        from runtime.security.key_records import KeyOrder

        ends = _end(declared, expires, now)
        order = KeyOrder(name=name, grants=grants, expires_at=ends, actor=actor())
        return await desk.create(order)

    _tell(_at_desk(manifest, made))


@keys.command("list")
def list_keys(
    manifest: Manifest = DEFAULT_MANIFEST,
    every: Annotated[
        bool, typer.Option("--all", help="Those too that have expired or were revoked.")
    ] = False,
    as_json: AsJSON = False,
) -> None:
    """Print the keys there are, by name; of a key itself there is nothing to print."""

    async def found(
        desk: "KeyDesk", _: "Declaration", now: datetime
    ) -> "tuple[Sequence[KeyRecord], datetime]":
        return await desk.all(), now

    records, now = _at_desk(manifest, found)
    shown = [r for r in records if every or r.state(now) == "active"]
    if as_json:
        for record in shown:
            print_data(_data(record, now), as_json=True)
    else:
        _print(shown, now)


@keys.command()
def revoke(
    key_id: KeyId,
    reason: Annotated[str, typer.Option(help="Why, for the audit.")],
    manifest: Manifest = DEFAULT_MANIFEST,
) -> None:
    """Revoke a key; every process refuses it within a minute."""
    if not reason.strip():
        raise typer.BadParameter("say why", param_hint="--reason")

    async def done(desk: "KeyDesk", _: "Declaration", __: datetime) -> "KeyRecord":
        return await desk.revoke(_id(key_id), actor=actor(), reason=reason)

    record = _at_desk(manifest, done)
    typer.echo(
        f"Key {record.key_id} of {record.name} is revoked: it is refused within a minute, and "
        "connections that it has opened end within fifteen."
    )


@keys.command()
def rotate(
    key_id: KeyId,
    manifest: Manifest = DEFAULT_MANIFEST,
    expires: Expires = None,
    grace: Annotated[str, typer.Option(help="How long the old key is still valid: 2d, 0.")] = "1d",
) -> None:
    """Make a key that may do what another does, which ends after the grace."""

    async def made(desk: "KeyDesk", declared: "Declaration", now: datetime) -> "NewKey":
        ends, until = _end(declared, expires, now), now + timedelta(seconds=seconds(grace))
        return await desk.rotate(_id(key_id), expires_at=ends, old_until=until, actor=actor())

    _tell(_at_desk(manifest, made))


def _at_desk(manifest: Path, work: "Callable[[KeyDesk, Declaration, datetime], Awaitable[T]]") -> T:
    """Do work on the keys of a manifest's installation."""
    from app.event_log import open_ledger
    from app.manifest.loading import load_manifest
    from runtime.security.key_records import KeyDesk

    declared = load_manifest(manifest, os.environ)

    async def done() -> T:
        async with open_ledger(declared.store) as ledger:
            return await work(KeyDesk(ledger), declared, ledger.now())

    return asyncio.run(done())


def _end(declared: "Declaration", expires: str | None, now: datetime) -> datetime:
    most = declared.manifest.identity.api_keys.max_days
    life = timedelta(seconds=seconds(expires or f"{min(most, _DAYS)}d"))
    if not timedelta() < life <= timedelta(days=most):
        message = f"a key is valid for up to {most} days (identity.api_keys.max_days)"
        raise typer.BadParameter(message, param_hint="--expires")
    return now + life


def _id(text: str) -> str:
    found = _ID.fullmatch(text)
    if found is None:
        message = "the id is the 12 characters behind `sg_`; never give the whole key"
        raise typer.BadParameter(message, param_hint="KEY_ID")
    return found[1]


def _tell(new: "NewKey") -> None:
    """The key alone on standard output, so that it can be put into a vault at once."""
    record = new.record
    until = f"{record.expires_at:%Y-%m-%d %H:%M} UTC"
    told = f"Key {record.key_id} of {record.name}, valid until {until}; it is shown this once:"
    typer.echo(told, err=True)
    typer.echo(new.text)


def _data(record: "KeyRecord", now: datetime) -> dict[str, Any]:
    import msgspec

    data = msgspec.structs.asdict(record)
    del data["digest"]
    return data | {"state": record.state(now)}


def _print(records: "Sequence[KeyRecord]", now: datetime) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for head in ("id", "name", "may", "made by", "expires", "last used", "state"):
        table.add_column(head, overflow="fold")
    for r in records:
        used = "never" if r.last_used_at is None else f"{r.last_used_at:%Y-%m-%d %H:%M}"
        ends = f"{r.expires_at:%Y-%m-%d}"
        cells = (r.key_id, r.name, _may(r.grants), r.created_by, ends, used, r.state(now))
        table.add_row(*map(Text, cells))
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)


def _may(grants: "Grants") -> str:
    bounds = {"of": grants.suppliers, "in": grants.regions, "for": grants.companies}
    words = [*sorted(grants.roles), *sorted(grants.scopes)]
    return " ".join(
        words + [f"{word} {','.join(b)}" for word, b in bounds.items() if b is not None]
    )
