"""Shipped presets, and what a manifest changes in them."""

import copy
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from canonical.errors import InvalidInputError
from connectors.kit.mapping.model import PresetModel

PRESETS: Final = Path(__file__).parents[2] / "presets"

_BY_ENTRY: Final = frozenset({"fields", "related", "lookups", "writes"})
_DEEP: Final = frozenset({"", "settings", "policy", "units", "entities", "entity", "options"})


def preset_names() -> tuple[str, ...]:
    """Names of the shipped presets, sorted."""
    return tuple(sorted(p.stem for p in PRESETS.glob("*.yaml")))


@cache
def _text(name: str) -> str:
    path = PRESETS / f"{name}.yaml"
    if name not in preset_names():
        known = ", ".join(preset_names()) or "none"
        raise InvalidInputError(f"there is no preset {name!r}; shipped presets: {known}")
    return path.read_text(encoding="utf-8")


@cache
def _document(name: str) -> dict[str, Any]:
    document = yaml.safe_load(_text(name))
    if not isinstance(document, dict):
        raise InvalidInputError(f"preset {name!r} is not a mapping")
    return document


def preset_document(name: str) -> dict[str, Any]:
    """A shipped preset as plain data, to be merged with a manifest's overrides.

    Raises:
        InvalidInputError: if there is none of this name.
    """
    return copy.deepcopy(_document(name))


def load_preset(name: str) -> PresetModel:
    """A shipped preset, validated.

    Raises:
        InvalidInputError: if there is none of this name.
        pydantic.ValidationError: if it is wrong; the message names the place.
    """
    return PresetModel.model_validate(preset_document(name))


def merge(preset: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A preset document with a manifest's overrides, both left as they are.

    `settings`, `policy`, `units`, `options` and the entities are merged key by key. Under `fields`,
    `related`, `lookups` and `writes` each entry replaces the preset's entry of that name.
    Everything else is replaced. Null removes a key.
    """
    return _merged(preset, overrides, "")


def _merged(base: Mapping[str, Any], over: Mapping[str, Any], place: str) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
            continue
        inner = "entity" if place == "entities" else key
        old = result.get(key)
        deep = inner in _DEEP or inner in _BY_ENTRY or place in ("settings", "policy")
        if (
            deep
            and place not in _BY_ENTRY
            and isinstance(old, Mapping)
            and isinstance(value, Mapping)
        ):
            result[key] = _merged(old, value, inner)
        else:
            result[key] = value
    return result
