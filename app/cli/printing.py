"""Printing what programs read: the GraphQL schema, the manifest's JSON Schema, and data."""

import json
from typing import Annotated, Any

import typer


def sdl(
    federation: Annotated[
        bool,
        typer.Option(
            "--federation", help="As a subgraph of a federation: what a gateway composes."
        ),
    ] = False,
) -> None:
    """Print the GraphQL schema."""
    from schema.api import build_schema
    from schema.federation import subgraph_sdl

    text = build_schema().as_str()
    typer.echo(subgraph_sdl(text) if federation else text)


def schema_json() -> None:
    """Print the JSON Schema of manifests, for editors."""
    from app.manifest.schema import manifest_schema

    typer.echo(json.dumps(manifest_schema(), indent=2, ensure_ascii=False))


def print_data(data: dict[str, Any], *, as_json: bool) -> None:
    """Print what programs read on one line, or the same for people on many."""
    import msgspec

    encoded = msgspec.json.encode(data)
    typer.echo((encoded if as_json else msgspec.json.format(encoded, indent=2)).decode())
