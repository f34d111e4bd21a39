"""`supplygraph migrate`: brings the tables of the event log up to date."""

import asyncio
import os

import typer

from app.cli.options import DEFAULT_MANIFEST, Manifest


def migrate(manifest: Manifest = DEFAULT_MANIFEST) -> None:
    """Bring the tables of the event log up to date, before a new release is started."""
    from app.event_log import migrated
    from app.manifest.loading import load_manifest

    declared = load_manifest(manifest, os.environ)
    before, after = asyncio.run(migrated(declared.store))
    if before == after:
        typer.echo(f"The tables are up to date: revision {after}.")
    else:
        made = "made: " if before is None else f"brought from revision {before} to "
        typer.echo(f"The tables were {made}revision {after}.")
