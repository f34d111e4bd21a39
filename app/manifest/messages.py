"""What pydantic found, in words that say what to do; and the key path that a person wrote, not the one of the model."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic_core import ErrorDetails

from app.manifest.document import Document
from app.manifest.known import Known
from app.manifest.problems import Path, Problem, suggestion

_KEY: Final = "[key]"
_BRANCHES: Final = frozenset({"str", "Reference", "none"})
_BOUNDS: Final = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_QUOTE: Final = "put it in quotes"
_KEYS: Final = "keys below it"
_WANTED: Final = {
    ("dict_type", "model_type", "mapping_type", "model_attributes_type"): _KEYS,
    ("tuple_type", "list_type"): "a list (`[...]`, or lines that begin with `- `)",
    ("int_type", "int_parsing", "int_from_float"): "a whole number",
    ("float_type", "float_parsing", "decimal_type", "decimal_parsing"): "a number",
    ("bool_type", "bool_parsing"): "true or false",
    ("string_type",): "a text",
}
_SHOWABLE: Final = frozenset({"a whole number", "a number", "true or false"})  # never secrets


def problems_of(
    errors: Iterable[ErrorDetails], document: Document, known: Known, base: Path = ()
) -> list[Problem]:
    """Problems for a model's errors, one for each key that is wrong.

    Args:
        errors: What pydantic found in the part of the document at `base`.
        document: Where it was written.
        known: Which keys the model knows where.
        base: Path of the part.
    """
    found: dict[Path, str] = {}
    for error in _without_other_branches(list(errors), document.data, base):
        path = _path_written(error, document.data, base)
        message = _message(error, path, document.data, known)
        if path not in found or error["type"] in ("missing", "extra_forbidden"):
            found[path] = message
    return [document.problem(path, message) for path, message in found.items()]


def at(data: Any, path: Path) -> Any:
    """The value at a path; None if there is none."""
    for name in path:
        if isinstance(data, Mapping) and name in data:
            data = data[name]
        elif isinstance(data, list) and isinstance(name, int) and 0 <= name < len(data):
            data = data[name]
        else:
            return None
    return data


def _path_written(error: ErrorDetails, data: Any, base: Path) -> Path:
    """The keys of the document that an error's place goes through; a missing key comes last."""
    path, here = base, at(data, base)
    loc = [name for name in error["loc"] if name != _KEY]
    for i, name in enumerate(loc):
        inside = (
            name in here
            if isinstance(here, Mapping)
            else isinstance(here, list) and isinstance(name, int) and name < len(here)
        )
        if inside:
            path, here = (*path, name), here[name]
        elif i == len(loc) - 1 and error["type"] == "missing":
            path = (*path, name)
    if error["type"] == "union_tag_invalid" and isinstance(here, Mapping):
        kind = str(error.get("ctx", {}).get("discriminator", "")).strip("'")
        return (*path, kind) if kind in here else path
    return path


def _without_other_branches(
    errors: Sequence[ErrorDetails], data: Any, base: Path
) -> Iterable[ErrorDetails]:
    """Errors of `text or reference` fields only for the branch that was meant."""
    for error in errors:
        branch = next((n for n in reversed(error["loc"]) if n in _BRANCHES), None)
        value = at(data, _path_written(error, data, base))
        meant_reference = isinstance(value, Mapping) or error["type"] in (
            "missing",
            "extra_forbidden",
        )
        other = meant_reference if branch == "str" else error["type"] == "model_type"
        if branch not in ("str", "Reference") or not other:
            yield error


def _message(error: ErrorDetails, path: Path, data: Any, known: Known) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        what = known.description(data, path)
        return f"is missing{': ' + what[0].lower() + what[1:] if what else ''}"
    if kind == "extra_forbidden":
        return f"there is no such key{suggestion(path[-1], known.keys(data, path[:-1]))}"
    if error["loc"] and error["loc"][-1] == _KEY:
        return _key_message(error, path, known, data)
    if kind in ("enum", "literal_error", "union_tag_invalid"):
        return _choice_message(error, path, data)
    if kind == "union_tag_not_found":
        name = str(context.get("discriminator", "kind")).strip("'")
        return f"does not say its {name!r}; {_listed(context, known.choices(data, (*path, name)))}"
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"must be {words} {context[name]:g}{_wanted(known, data, path)}"
    return _plain(error, path, data, known)


def _plain(error: ErrorDetails, path: Path, data: Any, known: Known) -> str:
    kind, value = error["type"], at(data, path)
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f"wants a text, and YAML reads {_shown(value)} as {_kind(value)}; {_QUOTE}"
    if kind == "value_error":
        return error["msg"].removeprefix("Value error, ")
    if kind == "finite_number":
        return f"must be finite{_wanted(known, data, path)}"
    wanted = next((w for kinds, w in _WANTED.items() if kind in kinds), None)
    if wanted is not None:
        keys = known.keys(data, path)[:8] if wanted == _KEYS else []
        below = f" ({', '.join(keys)})" if keys else ""
        found = _shown(value) if wanted in _SHOWABLE else _kind(value)
        return f"wants {wanted}{below}, found {found}{_wanted(known, data, path)}"
    message = re.sub(r"^Input should (be|have)", r"should \1", error["msg"])
    return f"{message[0].lower()}{message[1:]}{_wanted(known, data, path)}"


def _key_message(error: ErrorDetails, path: Path, known: Known, data: Any) -> str:
    name = path[-1] if path else error["loc"][-2]
    if error["type"] == "enum":
        what = "entity" if path[:-1] and path[-2] in ("entities", "crosswalks") else "key"
        return f"there is no {what} {str(name)!r}{suggestion(name, known.names(data, path[:-1]))}"
    if error["type"] == "string_type":
        return f"as a key wants a text; {_QUOTE}"
    if error["type"] == "string_pattern_mismatch":
        return "is no name here; begin with a letter, go on with letters, digits, `_`, `-`, `.`"
    return error["msg"]


def _choice_message(error: ErrorDetails, path: Path, data: Any) -> str:
    context = error.get("ctx", {})
    if error["type"] == "union_tag_invalid":
        name = str(context.get("discriminator", "'kind'")).strip("'")
        wrong = context.get("tag", "")
        return f"there is no {name} {wrong!r}{suggestion(wrong, _names(context['expected_tags']))}"
    value = at(data, path)
    return f"cannot be {_shown(value)}{suggestion(value, _names(str(context.get('expected', ''))))}"


def _names(text: str) -> list[str]:
    """Names out of pydantic's list: `'a', 'b' or 'c'`."""
    return re.findall(r"'([^']*)'", text)


def _listed(context: Mapping[str, Any], choices: Sequence[str]) -> str:
    names = _names(str(context.get("expected_tags", ""))) or list(choices)
    return f"there is: {', '.join(names)}" if names else ""


def _wanted(known: Known, data: Any, path: Path) -> str:
    what = known.description(data, path)
    return f"; this is: {what[0].lower()}{what[1:]}" if what else ""


def _shown(value: Any) -> str:
    text = "true" if value is True else "false" if value is False else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004  # as much as fits a line


def _kind(value: Any) -> str:
    names = (
        (bool, "true or false"),
        (int | float, "a number"),
        (str, "a text"),
        (list, "a list"),
        (Mapping, "keys"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "nothing")
