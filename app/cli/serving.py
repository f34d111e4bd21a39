"""`supplygraph serve`: answers GraphQL over the systems of a manifest."""

from enum import StrEnum
from typing import Annotated

import typer

from app.cli.options import DEFAULT_MANIFEST, Manifest


class LogFormat(StrEnum):
    """How logs are written."""

    JSON = "json"
    CONSOLE = "console"


def serve(
    manifest: Manifest = DEFAULT_MANIFEST,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 for any free one.")
    ] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Number of processes.")] = 1,
    graphiql: Annotated[bool, typer.Option(help="Serve GraphiQL at /graphiql too.")] = True,
    log_format: Annotated[LogFormat, typer.Option(help="How logs are written.")] = LogFormat.JSON,
    development: Annotated[
        bool,
        typer.Option(
            "--development",
            envvar="SUPPLYGRAPH_DEVELOPMENT",
            help="Take tokens that `supplygraph token` makes, where the manifest names their key.",
        ),
    ] = False,
) -> None:
    """Answer GraphQL over the systems of a manifest."""
    from app.serve import Service
    from app.serve import serve as serve_until_stopped

    def ready(address: str) -> None:
        typer.echo(f"Supplygraph listens on {address}/graphql; Ctrl-C stops it", err=True)

    service = Service(
        manifest=manifest,
        host=host,
        port=port,
        workers=workers,
        graphiql=graphiql,
        log_format=log_format.value,
        development=development,
    )
    serve_until_stopped(service, ready)
