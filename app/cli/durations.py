"""How long something lasts, as options say it."""

import re
from typing import Final

import typer

_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds(text: str) -> float:
    """Seconds of a duration as 3600, 30m, 8h or 2d.

    Raises:
        typer.BadParameter: if it is none.
    """
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no duration; write 3600, 30m, 8h or 2d")
    return float(found[1]) * _SECONDS[found[2]]
