"""`supplygraph audit`: who did what, and whether anybody has changed what is written of it."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.cli.errors import FAILED
from app.cli.options import DEFAULT_MANIFEST, AsJSON, Manifest
from app.cli.printing import print_data

if TYPE_CHECKING:
    from canonical.audit import AuditEntry
    from runtime.audit.chain import Head, Verification
    from runtime.audit.reading import StoredAudit

audit = typer.Typer(
    name="audit",
    help="Look into the audit, and verify that nobody has changed it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_ANCHOR: Final = re.compile(r"(?:([0-9]{1,18}):)?([0-9a-f]{64})")


@audit.command()
def verify(
    manifest: Manifest = DEFAULT_MANIFEST,
    anchor: Annotated[
        str | None,
        typer.Option(
            help="A head that was printed before and kept elsewhere, POSITION:HASH or HASH: finds "
            "an end that was cut off, and a chain that was written anew."
        ),
    ] = None,
    as_json: AsJSON = False,
) -> None:
    """Go over the whole chain, and print its head. Ends with 1 if anything was changed."""
    kept = None if anchor is None else _anchor(anchor)

    async def work() -> "Verification":
        async with _opened(manifest) as trail:
            return await trail.verify(kept)

    found = asyncio.run(work())
    if as_json:
        print_data(_verified(found), as_json=True)
    else:
        for problem in found.problems:
            typer.echo(f"entry {problem.position}: {problem.message}", err=True)
        if found.count > len(found.problems):
            typer.echo(f"and {found.count - len(found.problems)} more", err=True)
        span = f", {found.first} to {found.head.position}" if found.entries else ""
        typer.echo(f"{found.entries} entries{span}: {'changed' if found.count else 'unchanged'}")
        typer.echo(f"head {found.head}")
    if found.count:
        raise typer.Exit(FAILED)


@audit.command()
def tail(
    manifest: Manifest = DEFAULT_MANIFEST,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="At most so many.")] = 20,
    actor: Annotated[list[str] | None, typer.Option(help="Only by these; may repeat.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only of this kind, as `export`; may repeat.")
    ] = None,
    decision: Annotated[
        list[str] | None, typer.Option(help="`allowed`, or a code as FORBIDDEN; may repeat.")
    ] = None,
    about: Annotated[
        str | None, typer.Option(help="Only what names this, as `PurchaseOrder:4500001`.")
    ] = None,
    correlation: Annotated[
        str | None, typer.Option(help="Only what has this correlation id.")
    ] = None,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Only changes of which no outcome is known.")
    ] = False,
    as_json: AsJSON = False,
) -> None:
    """Print the last entries, the latest last."""
    from canonical.audit import AuditFilter

    wanted = AuditFilter(
        kinds=_kinds(kind),
        actors=None if actor is None else tuple(actor),
        decisions=None if decision is None else tuple(decision),
        about=about,
        correlation_id=correlation,
        unfinished=unfinished,
    )

    async def work() -> None:
        async with _opened(manifest) as trail:
            page = await trail.page(wanted, first=lines)
        for entry in reversed(page.entries):
            _print(entry, as_json=as_json)
        typer.echo(f"{page.total} in all", err=True)

    asyncio.run(work())


@audit.command()
def export(
    manifest: Manifest = DEFAULT_MANIFEST,
    after: Annotated[int, typer.Option(min=0, help="Only entries behind this position.")] = 0,
) -> None:
    """Print all entries with their hashes as JSON, a line each, the oldest first."""

    async def work() -> None:
        async with _opened(manifest) as trail:
            async for entries in trail.chunks(after):
                for entry in entries:
                    _print(entry, as_json=True)

    asyncio.run(work())


@asynccontextmanager
async def _opened(manifest: Path) -> "AsyncIterator[StoredAudit]":
    from app.event_log import open_ledger
    from app.manifest.loading import load_manifest
    from runtime.audit.reading import StoredAudit

    declared = load_manifest(manifest, os.environ)
    async with open_ledger(declared.store) as ledger:
        yield StoredAudit(ledger.store)


def _anchor(text: str) -> "Head":
    from runtime.audit.chain import Head

    found = _ANCHOR.fullmatch(text.strip())
    if found is None:
        message = f"{text!r} is no head as `audit verify` prints it"
        raise typer.BadParameter(message, param_hint="--anchor")
    return Head(int(found[1] or 0), found[2])


def _kinds(names: list[str] | None) -> tuple[str, ...] | None:
    from canonical.audit import AuditKind

    known = [kind.value for kind in AuditKind]
    for name in names or ():
        if name not in known:
            raise typer.BadParameter(f"there is no kind {name!r}; there are {', '.join(known)}")
    return None if names is None else tuple(names)


def _verified(found: "Verification") -> dict[str, Any]:
    return {
        "entries": found.entries,
        "first": found.first,
        "head": str(found.head),
        "unchanged": not found.count,
        "problems": [{"position": p.position, "message": p.message} for p in found.problems],
        "count": found.count,
    }


def _print(entry: "AuditEntry", *, as_json: bool) -> None:
    import msgspec

    from app.cli.showing import clean

    if as_json:
        print_data(msgspec.to_builtins(entry), as_json=True)
        return
    when = "" if entry.at is None else f"{entry.at:%Y-%m-%d %H:%M:%S%z}"
    who = entry.actor or "somebody"
    what = " ".join(part for part in (entry.action, entry.subject, *entry.objects[:5]) if part)
    said = f"#{entry.position} {when}  {entry.kind.value}  {who}  {entry.decision}  {what}"
    typer.echo(clean(f"{said}  {entry.correlation_id}".rstrip()))
