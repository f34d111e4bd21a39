"""`supplygraph ingest`: takes a file of rows in, and goes on where it stopped."""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import DEFAULT_MANIFEST, Manifest

if TYPE_CHECKING:
    from app.manifest.loading import Declaration
    from workflows.ingestion.bulk import BulkRun, Progress


def ingest(
    system: Annotated[str, typer.Argument(help="The backend that the file comes from.")],
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, readable=True, help="CSV or NDJSON; gzip is understood."
        ),
    ],
    entity: Annotated[str, typer.Option(help="What a row is.")] = "forecast",
    manifest: Manifest = DEFAULT_MANIFEST,
    run: Annotated[
        str | None, typer.Option(help="Name of the run; left out: by what the file holds.")
    ] = None,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Take note of records not known yet; tell no news.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Take a file of rows in: what is new in it becomes events.

    Repeated, it goes on where it stopped. Ends with 0 if all rows were read, 1 if it stopped or a
    row was bad (it lies among the dead letters then), 2 if the manifest is not valid.
    """
    from app.cli.errors import FAILED
    from app.ingest.bulk import shown
    from app.ingest.files import RowFiles, RunOptions, digest_of
    from app.manifest.loading import load_manifest
    from runtime.telemetry.logs import configure_logs

    configure_logs("console", "ERROR")
    declared = load_manifest(manifest, os.environ)
    options = RunOptions(run=run, baseline=baseline)
    wanted = RowFiles(declared).run_of(system, entity, file, digest_of(file), options)
    progress = asyncio.run(_ingested(declared, wanted, file, quiet=as_json))
    if as_json:
        typer.echo(json.dumps(shown(progress)))
    else:
        _print(progress)
    if progress.counts.bad:
        raise typer.Exit(FAILED)


async def _ingested(
    declared: "Declaration", run: "BulkRun", file: Path, *, quiet: bool
) -> "Progress":
    from contextlib import AsyncExitStack
    from uuid import uuid4

    from app.installation import open_installation
    from workflows.ingestion.bulk import Bulk

    async with AsyncExitStack() as stack:
        installation = await stack.enter_async_context(open_installation(declared))
        log = installation.log
        if declared.redis_url is not None:  # else those who listen look into the log themselves
            log.ledger.on_commit(log.channel.publish)
        bulk = Bulk(
            installation.intake,
            log.leases,
            holder=uuid4().hex,
            clock=time.monotonic,
            lease_s=declared.manifest.events.takeover_s,
        )
        if quiet:
            return await bulk.ingest(run)
        size = await asyncio.to_thread(lambda: file.stat().st_size)
        bar = stack.enter_context(_bar())
        task = bar.add_task("", total=size, rows=0, revised=0)

        def told(progress: "Progress") -> None:
            counts = progress.counts
            news = counts.new + counts.revised + counts.late
            bar.update(task, completed=progress.offset, rows=counts.rows, revised=news)

        return await bulk.ingest(run, told)


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[revised]:,} new or revised"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _print(progress: "Progress") -> None:
    counts = progress.counts
    rate = round(counts.rows / progress.seconds) if progress.seconds else counts.rows
    typer.echo(
        f"{counts.rows:,} rows in {progress.seconds:g} s ({rate:,} a second): {counts.new:,} new, "
        f"{counts.revised:,} revised, {counts.unchanged:,} unchanged, {counts.late:,} late, "
        f"{counts.bad:,} bad"
    )
    if counts.bad:
        typer.echo("The bad rows lie among the dead letters, each with its reason.", err=True)
