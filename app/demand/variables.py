"""What a request brings beside its document, measured before anything is done with it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.demand.bounds import Bounds
from canonical.errors import TooLargeError


def check_request(name: str | None, variables: Mapping[str, Any], bounds: Bounds) -> None:
    """See to it that a request is within bounds.

    Args:
        name: The operation's name, if one is given.
        variables: Values of variables, as JSON.
        bounds: The bounds.

    Raises:
        TooLargeError: if it is not.
    """
    if name is not None and len(name) > bounds.name_characters:
        raise TooLargeError(f"`operationName` is longer than {bounds.name_characters} characters")
    if not variables:
        return
    if len(variables) > bounds.variables:
        message = f"{len(variables)} variables are given; at most {bounds.variables} are read"
        raise TooLargeError(message)
    _check_values(variables, bounds)
    if _length(variables) > bounds.variable_bytes:
        most = bounds.variable_bytes // 1024
        raise TooLargeError(f"the values of the variables are longer than {most} KB")


def _check_values(variables: Mapping[str, Any], bounds: Bounds) -> None:
    found = 0
    open_ = [(v, 1) for v in variables.values() if isinstance(v, list | dict)]
    while open_:
        value, level = open_.pop()
        found += len(value)
        if found > bounds.values:
            raise TooLargeError(f"the variables hold more than {bounds.values} values")
        if level > bounds.literal_nesting:
            most = bounds.literal_nesting
            raise TooLargeError(f"the variables are nested too deeply: more than {most} levels")
        inner = value.values() if isinstance(value, dict) else value
        open_ += [(v, level + 1) for v in inner if isinstance(v, list | dict)]


def _length(variables: Mapping[str, Any]) -> float:
    try:
        return len(msgspec.json.encode(variables))
    except (ValueError, OverflowError):  # a number that no system could hold
        return float("inf")
