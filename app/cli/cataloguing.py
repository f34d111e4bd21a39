"""Commands that print the catalogue of events, or hold it against what was published."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.errors import FAILED
from app.cli.options import DEFAULT_MANIFEST, Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMAS_WANTED = (
    "is not a file of event schemas: pass what `supplygraph event-schemas` printed for the "
    "published version"
)


def asyncapi_json(
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print YAML.")] = False,
) -> None:
    """Print the AsyncAPI document of the events."""
    from app.asyncapi import asyncapi

    if as_yaml:
        import yaml

        typer.echo(
            yaml.safe_dump(_plain(asyncapi()), sort_keys=False, allow_unicode=True), nl=False
        )
    else:
        typer.echo(_text(asyncapi()))


def catalog(manifest: Manifest = DEFAULT_MANIFEST) -> None:
    """Print the catalogue of an installation as JSON: types, owners, sources, events."""
    import asyncio
    import os

    import msgspec

    from app.governance.catalogue import InstallationCatalogue
    from app.manifest.loading import load_manifest

    declared = load_manifest(manifest, os.environ)
    found = InstallationCatalogue(declared.manifest)
    typer.echo(_text(msgspec.to_builtins(asyncio.run(found.content()))))


def event_schemas(
    event_type: Annotated[
        str | None, typer.Option("--type", help="Only of this type of event.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(file_okay=False, help="Write a file for each into this folder.")
    ] = None,
    check: Annotated[
        typer.FileText | None,
        typer.Option(help="Published schemas to hold these against; - reads them from the input."),
    ] = None,
) -> None:
    """Print the JSON Schemas of the events, or check that readers can go on reading.

    A check ends with 1 if events would change in a way that breaks readers, and says how.
    """
    from canonical.event_schemas import event_schemas as all_schemas

    schemas = all_schemas()
    if event_type is not None and event_type not in schemas:
        msg = f"there is no type {event_type!r}; there are: {', '.join(schemas)}"
        raise typer.BadParameter(msg, param_hint="--type")
    if check is not None:
        if event_type is not None or out is not None:
            msg = "checks all types and writes nothing: leave out --type and --out"
            raise typer.BadParameter(msg, param_hint="--check")
        _check(check, schemas)
    elif out is not None:
        _write(out, [event_type] if event_type else list(schemas))
    else:
        typer.echo(_text(schemas[event_type] if event_type else schemas))


def _check(file: typer.FileText, schemas: "Mapping[str, Mapping[str, object]]") -> None:
    from canonical.event_compatibility import breaking_changes

    try:
        published = json.load(file)
    except ValueError as exc:
        raise typer.BadParameter(_SCHEMAS_WANTED, param_hint="--check") from exc
    if not isinstance(published, dict) or not all(isinstance(s, dict) for s in published.values()):
        raise typer.BadParameter(_SCHEMAS_WANTED, param_hint="--check")
    changes = breaking_changes(published, schemas)
    for change in changes:
        typer.echo(change, err=True)
    if changes:
        raise typer.Exit(FAILED)
    typer.echo(f"Readers of {len(published)} types can go on reading.")


def _write(folder: Path, names: list[str]) -> None:
    from canonical.event_schemas import data_schema, event_schema
    from canonical.events import EVENT_TYPES

    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        kind = EVENT_TYPES[name]
        for file, schema in ((name, event_schema(kind)), (f"{name}.data", data_schema(kind))):
            (folder / f"{file}.json").write_text(_text(schema) + "\n", encoding="utf-8")


def _text(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False)


def _plain(content: object) -> object:
    """Without objects in two places, which YAML would write as anchors."""
    return json.loads(json.dumps(content))
