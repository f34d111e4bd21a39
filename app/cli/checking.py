"""`supplygraph check`: what is wrong with an installation, and what to do; a table or JSON."""

import asyncio
import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.cli.errors import FAILED, INVALID_MANIFEST
from app.cli.options import DEFAULT_MANIFEST, Manifest

if TYPE_CHECKING:
    from app.check import Report

_WIDTH_IN_FILES: Final = 160


def check(
    ctx: typer.Context,
    manifest: Manifest = DEFAULT_MANIFEST,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    timeout: Annotated[
        float, typer.Option(min=1, max=600, help="Seconds that each system is probed at most.")
    ] = 60,
) -> None:
    """Check a manifest and probe every system that it names.

    Ends with 0 if all is well, 1 if a system must be seen to, 2 if the manifest is not valid.
    """
    from app.check import check_installation
    from runtime.telemetry.logs import configure_logs

    configure_logs("console", "DEBUG" if ctx.find_root().params.get("debug") else "ERROR")
    report = asyncio.run(check_installation(manifest, os.environ, timeout_s=timeout))
    if as_json:
        typer.echo(json.dumps(_as_data(report), indent=2, ensure_ascii=False))
    else:
        _print(report)
    if not report.ok:
        raise typer.Exit(INVALID_MANIFEST if report.problems else FAILED)


def _as_data(report: "Report") -> dict[str, object]:
    findings = [
        {
            "system": f.system,
            "where": f.where,
            "severity": f.severity.value,
            "message": f.message,
            "remedy": f.remedy,
        }
        for f in report.all_findings()
    ]
    return {"manifest": report.manifest, "ok": report.ok, "findings": findings}


def _print(report: "Report") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from canonical.ports import Severity

    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_IN_FILES)
    findings = report.all_findings()
    shown = [f for f in findings if f.severity is not Severity.OK]
    if shown:
        table = Table(title=report.manifest, title_justify="left", show_lines=True)
        for head in ("", "system", "where", "what is wrong", "what to do"):
            table.add_column(head, overflow="fold")
        for f in shown:
            colour = "red" if f.severity is Severity.ERROR else "yellow"
            cells = (f.system, f.where, f.message, f.remedy)
            table.add_row(Text(f.severity.value, style=colour), *map(Text, cells))
        console.print(table)
    fine = Counter(f.system for f in findings if f.severity is Severity.OK)
    for system, count in fine.items():
        console.print(f"{system}: {count} checked and fine", highlight=False, markup=False)
    counts = Counter(f.severity for f in findings)
    told = [f"{n} {s}{'' if n == 1 else 's'}" for s, n in counts.items() if s is not Severity.OK]
    console.print(", ".join(told) or "All is well.", highlight=False, markup=False)
