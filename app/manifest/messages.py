"""What pydantic found, in words that say what to do, at the key that a person wrote."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from pydantic_core import ErrorDetails

from app.manifest.document import Document
from app.manifest.known import Known
from app.manifest.problems import Path, Problem, listed, suggestion

_KEY: Final = "[key]"
_BRANCHES: Final = frozenset({"str", "Reference", "none"})
_BOUNDS: Final = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_LONGEST_VALUE: Final = 60
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
        message = _message(_Case(error, path, document.data, known))
        if path not in found or error["type"] in ("missing", "extra_forbidden"):
            found[path] = message
    return [document.problem(path, message) for path, message in found.items()]


def at(data: Any, path: Path) -> Any:
    """The value at a path; None if there is none."""
    for name in path:
        if not _is_in(data, name):
            return None
        data = data[name]
    return data


def _path_written(error: ErrorDetails, data: Any, base: Path) -> Path:
    """The keys of the document that an error's place goes through; a missing key comes last."""
    path, here = base, at(data, base)
    loc = [name for name in error["loc"] if name != _KEY]
    for i, name in enumerate(loc):
        if _is_in(here, name):
            path, here = (*path, name), here[name]
        elif i == len(loc) - 1 and error["type"] == "missing":
            path = (*path, name)
    if error["type"] == "union_tag_invalid" and isinstance(here, Mapping):
        kind = str(error.get("ctx", {}).get("discriminator", "")).strip("'")
        return (*path, kind) if kind in here else path
    return path


def _is_in(written: Any, name: Any) -> bool:
    if isinstance(written, Mapping):
        return name in written
    return isinstance(written, list) and isinstance(name, int) and 0 <= name < len(written)


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


class _Case(Struct, frozen=True):
    """One error with its place, and what is known there."""

    error: ErrorDetails
    path: Path
    data: Any
    known: Known

    @property
    def value(self) -> Any:
        return at(self.data, self.path)

    @property
    def context(self) -> Mapping[str, Any]:
        return self.error.get("ctx", {})

    @property
    def discriminator(self) -> str:
        return str(self.context.get("discriminator", "kind")).strip("'")

    def meant(self) -> str:
        """What stands here, to stand behind a message; empty if nobody knows."""
        what = self.known.description(self.data, self.path)
        return f"; this is: {what[0].lower()}{what[1:]}" if what else ""


def _message(case: _Case) -> str:
    if case.error["loc"] and case.error["loc"][-1] == _KEY:
        return _key_message(case)
    say = _SAYINGS.get(case.error["type"])
    if say is not None:
        return say(case)
    message = re.sub(r"^Input should (be|have)", r"should \1", case.error["msg"])
    return f"{message[0].lower()}{message[1:]}{case.meant()}"


def _unknown_key(case: _Case) -> str:
    known = case.known.keys(case.data, case.path[:-1])
    return f"there is no such key{suggestion(case.path[-1], known)}"


def _bound(case: _Case) -> str:
    name, words = _BOUNDS[case.error["type"]]
    return f"must be {words} {case.context[name]:g}{case.meant()}"


def _wrong_type(case: _Case) -> str:
    value, kind = case.value, case.error["type"]
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f"wants a text, and YAML reads {_shown(value)} as {_kind(value)}; {_QUOTE}"
    wanted = next(w for kinds, w in _WANTED.items() if kind in kinds)
    keys = case.known.keys(case.data, case.path)[:8] if wanted == _KEYS else []
    below = f" ({', '.join(keys)})" if keys else ""
    found = _shown(value) if wanted in _SHOWABLE else _kind(value)
    return f"wants {wanted}{below}, found {found}{case.meant()}"


def _unknown_tag(case: _Case) -> str:
    tag, names = case.context.get("tag", ""), _names(case.context["expected_tags"])
    return f"there is no {case.discriminator} {tag!r}{suggestion(tag, names)}"


def _no_tag(case: _Case) -> str:
    choices = case.known.choices(case.data, (*case.path, case.discriminator))
    return f"does not say its {case.discriminator!r}; {listed(choices)}"


def _wrong_choice(case: _Case) -> str:
    names = _names(str(case.context.get("expected", "")))
    return f"cannot be {_shown(case.value)}{suggestion(case.value, names)}"


def _key_message(case: _Case) -> str:
    kind, name = case.error["type"], case.error["loc"][-2]
    parent = case.path[:-1] if case.path[-1:] == (name,) else case.path
    if kind == "enum":
        what = "entity" if parent[-1:] in (("entities",), ("crosswalks",)) else "key"
        near = suggestion(name, case.known.names(case.data, parent))
        return f"there is no {what} {str(name)!r}{near}"
    if kind == "string_type":
        return f"as a key wants a text; {_QUOTE}"
    return "is no name here; begin with a letter, go on with letters, digits, `_`, `-`, `.`"


_SAYINGS: Final[Mapping[str, Callable[[_Case], str]]] = {
    "missing": lambda case: f"is missing{case.meant()}",
    "extra_forbidden": _unknown_key,
    "value_error": lambda case: case.error["msg"].removeprefix("Value error, "),
    "finite_number": lambda case: f"must be finite{case.meant()}",
    "enum": _wrong_choice,
    "literal_error": _wrong_choice,
    "union_tag_invalid": _unknown_tag,
    "union_tag_not_found": _no_tag,
    **dict.fromkeys(_BOUNDS, _bound),
    **{kind: _wrong_type for kinds in _WANTED for kind in kinds},
}


def _names(text: str) -> list[str]:
    """Names out of pydantic's list: `'a', 'b' or 'c'`."""
    return re.findall(r"'([^']*)'", text)


def _shown(value: Any) -> str:
    text = "true" if value is True else "false" if value is False else repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def _kind(value: Any) -> str:
    names = (
        (bool, "true or false"),
        (int | float, "a number"),
        (str, "a text"),
        (list, "a list"),
        (Mapping, "keys"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "nothing")
