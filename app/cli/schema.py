"""`supplygraph schema`: what a new version changes, whom it breaks, and who asks for what."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.errors import FAILED
from app.cli.options import DEFAULT_MANIFEST, AsJSON, Manifest
from app.cli.printing import print_data

if TYPE_CHECKING:
    from app.governance.impact import Impact
    from canonical.usage import CoordinateUse, OperationUse
    from resolvers.usage import SchemaUsage

schema = typer.Typer(
    name="schema",
    help="See what a new version of the schema changes, and who asks for what.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_NAMED = 5


@schema.command()
def check(
    previous: Annotated[
        typer.FileText, typer.Argument(help="SDL of the previous version; - reads the input.")
    ],
    against: Annotated[
        typer.FileText | None, typer.Option(help="SDL of the new version, if not this release's.")
    ] = None,
    usage: Annotated[
        bool, typer.Option("--usage", help="Say whom it breaks, by the store of the manifest.")
    ] = False,
    days: Annotated[int, typer.Option(min=1, help="With --usage: in so many last days.")] = 90,
    allow_unused: Annotated[
        bool,
        typer.Option("--allow-unused", help="With --usage: what nobody asked for breaks nobody."),
    ] = False,
    manifest: Manifest = DEFAULT_MANIFEST,
    as_json: AsJSON = False,
) -> None:
    """Tell breaking, dangerous and safe changes since a previous version.

    Ends with 1 if something breaks clients.
    """
    from app.governance.changes import changes, schema_of
    from app.governance.impact import impacts
    from schema.api import build_schema

    if allow_unused and not usage:
        raise typer.BadParameter("works with --usage alone", param_hint="--allow-unused")
    before = schema_of(previous.read())
    after = schema_of(build_schema().as_str() if against is None else against.read())
    uses = _uses(manifest, days) if usage else None
    found = impacts(changes(before, after), before, datetime.now(UTC).date(), uses)
    failed = any(i.change.level.value == "breaking" for i in found)
    if allow_unused:
        failed = any(impact.breaks for impact in found)
    if as_json:
        told = {"breaks": failed, "days": days if usage else None}
        print_data(told | {"changes": [_told(impact) for impact in found]}, as_json=True)
    else:
        _print_impacts(found, days)
    if failed:
        raise typer.Exit(FAILED)


@schema.command("usage")
def show_usage(
    manifest: Manifest = DEFAULT_MANIFEST,
    field: Annotated[
        list[str] | None,
        typer.Option(help="Only of this, as Item.sku or `Query.items(first:)`; may repeat."),
    ] = None,
    client: Annotated[str | None, typer.Option(help="Only by this client.")] = None,
    days: Annotated[int, typer.Option(min=1, help="In so many last days.")] = 30,
    unused: Annotated[
        bool, typer.Option("--unused", help="Instead, the fields that nobody asked for.")
    ] = False,
    as_json: AsJSON = False,
) -> None:
    """Print how often what was asked for, and by whom."""
    from graphql import GraphQLInterfaceType, GraphQLObjectType

    from resolvers.usage import UsageFilter, summed
    from schema.api import published
    from schema.ownership import own_types

    coordinates = None if field is None else tuple(field)
    wanted = UsageFilter(coordinates=coordinates, client=client, days=days, unused=unused)
    known: list[str] = []
    if unused:
        for named in own_types(published()):
            if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
                known += (f"{named.name}.{name}" for name in named.fields)
    found = summed(_uses(manifest, days), wanted, _first_day(days), sorted(known))
    _print_usage(found, as_json=as_json)


def _uses(manifest: Path, days: int) -> "Sequence[OperationUse]":
    from app.event_log import open_ledger
    from app.manifest.loading import load_manifest
    from runtime.usage.stored import StoredUsage

    declared = load_manifest(manifest, os.environ)

    async def work() -> "Sequence[OperationUse]":
        async with open_ledger(declared.store) as ledger:
            return await StoredUsage(ledger.store).uses(_first_day(days))

    return asyncio.run(work())


def _first_day(days: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=days - 1)


def _print_impacts(found: "Sequence[Impact]", days: int) -> None:
    for impact in found:
        change = impact.change
        typer.echo(f"{change.level.value:<10} {change.kind:<30} {change.message}")
        if impact.early is not None:
            typer.echo(f"           it was promised to stay until {impact.early}")
        if impact.uses is not None:
            typer.echo(f"           {_by_whom(impact.uses, days)}")
    counts = dict.fromkeys(("breaking", "dangerous", "safe"), 0)
    for impact in found:
        counts[impact.change.level.value] += 1
    typer.echo(", ".join(f"{count} {level}" for level, count in counts.items()))


def _by_whom(use: "CoordinateUse", days: int) -> str:
    if not use.count:
        return f"nobody asked for it in {days} days"
    who = [f"{c.name} {c.version}".strip() + f" ({c.count})" for c in use.clients]
    what = [o.name or o.operation[:12] or "those not told apart" for o in use.operations]
    return f"asked for {use.count} times, last on {use.last_day}, by {_some(who)}; in {_some(what)}"


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _told(impact: "Impact") -> dict[str, Any]:
    import msgspec

    told = msgspec.to_builtins(impact.change)
    told["promised_until"] = None if impact.early is None else impact.early.isoformat()
    told["usage"] = None if impact.uses is None else msgspec.to_builtins(impact.uses)
    return dict(told)


def _print_usage(found: "SchemaUsage", *, as_json: bool) -> None:
    import msgspec

    if as_json:
        print_data(msgspec.to_builtins(found), as_json=True)
        return
    for use in found.coordinates:
        if use.count:
            who = [f"{c.name} {c.version}".strip() + f" ({c.count})" for c in use.clients]
            typer.echo(f"{use.count:>10}  {use.coordinate}  last on {use.last_day}  {_some(who)}")
        else:
            typer.echo(f"{0:>10}  {use.coordinate}")
    said = f"{found.operations} operations since {found.since}"
    if found.not_told_apart:
        said += f", of {found.not_told_apart} of which it is not known what they asked for"
    typer.echo(said, err=True)
