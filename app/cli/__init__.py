"""The command line: `supplygraph serve | check | token | keys | demo`, and what prints documents.

Commands import what they need when they run, so that help comes at once. Errors are told in words;
`--debug` shows where they came from.
"""

from typing import Annotated

import typer

from app.cli.audit import audit
from app.cli.cataloguing import asyncapi_json, catalog, event_schemas
from app.cli.checking import check
from app.cli.demonstrating import demo
from app.cli.errors import Group
from app.cli.events import events
from app.cli.ingesting import ingest
from app.cli.keys import keys
from app.cli.migrating import migrate
from app.cli.printing import schema_json, sdl
from app.cli.schema import schema
from app.cli.serving import serve
from app.cli.tokens import token

app = typer.Typer(
    name="supplygraph",
    cls=Group,
    help="One GraphQL question over a distributor's ERP, procurement and planning systems.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where in the program an error came from.")
    ] = False,
) -> None:
    """One GraphQL question over a distributor's ERP, procurement and planning systems."""


app.command()(serve)
app.command()(check)
app.command()(ingest)
app.command()(sdl)
app.command("schema-json")(schema_json)
app.command("asyncapi")(asyncapi_json)
app.command("event-schemas")(event_schemas)
app.command()(catalog)
app.command()(token)
app.command()(migrate)
app.command()(demo)
app.add_typer(events)
app.add_typer(keys)
app.add_typer(audit)
app.add_typer(schema)


def main() -> None:
    """The entry point."""
    app()
