"""Commands that print what others read: the GraphQL schema, and the manifest's JSON Schema."""

import json

import typer


def sdl() -> None:
    """Print the GraphQL schema."""
    from schema.api import build_schema

    typer.echo(build_schema().as_str())


def schema_json() -> None:
    """Print the JSON Schema of manifests, for editors."""
    from app.manifest.schema import manifest_schema

    typer.echo(json.dumps(manifest_schema(), indent=2, ensure_ascii=False))
