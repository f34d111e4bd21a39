"""Questions to begin with, as GraphiQL's first tabs hold them; one file each, in order."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from app.server.ports import GraphiQLTab

_FOLDER = Path(__file__).parent


def tabs(variables: Mapping[str, object]) -> tuple[GraphiQLTab, ...]:
    """The questions with a title each.

    Args:
        variables: Values by the variables' names; a question gets those that it declares.
    """
    found = []
    for file in sorted(_FOLDER.glob("*.graphql")):
        head, _, query = file.read_text(encoding="utf-8").partition("\n")
        declared = {name: value for name, value in variables.items() if f"${name}:" in query}
        shown = msgspec.json.format(msgspec.json.encode(declared)).decode() if declared else ""
        found.append(GraphiQLTab(head.removeprefix("# "), query, shown))
    return tuple(found)
