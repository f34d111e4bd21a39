"""Printing what programs read: the GraphQL schema, the manifest's JSON Schema, and data."""

import json
from typing import Any

import typer


def sdl() -> None:
    """Print the GraphQL schema."""
    from schema.api import build_schema

    typer.echo(build_schema().as_str())


def schema_json() -> None:
    """Print the JSON Schema of manifests, for editors."""
    from app.manifest.schema import manifest_schema

    typer.echo(json.dumps(manifest_schema(), indent=2, ensure_ascii=False))


def print_data(data: dict[str, Any], *, as_json: bool) -> None:
    """Print what programs read on one line, or the same for people on many."""
    import msgspec

    encoded = msgspec.json.encode(data)
    typer.echo((encoded if as_json else msgspec.json.format(encoded, indent=2)).decode())
