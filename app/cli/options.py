"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

Manifest = Annotated[
    Path,
    typer.Option(
        "--manifest", "-m", envvar="SUPPLYGRAPH_MANIFEST", help="The manifest of the installation."
    ),
]
DEFAULT_MANIFEST = Path("supplygraph.yaml")
AsJSON = Annotated[bool, typer.Option("--json", help="Print JSON, a line each, for programs.")]
