"""The manifest's JSON Schema: for editors, and for saying which keys there are.

It says what the models say, and besides: the short forms, the settings of each protocol, and the
mapping language under a backend's `entities`, where nothing is required because the rest comes from
the preset.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from app.manifest.model import Manifest
from connectors.factory import SETTINGS
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.mapping.presets import preset_document, preset_names

_TITLE: Final = "Supplygraph manifest"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final = {"type": "string"}
_EXACTLY_ONE: Final[Mapping[str, tuple[str, ...]]] = {
    "Reference": ("env", "file"),
    "BackendConfig": ("preset", "protocol"),
    "CrosswalkConfig": ("file", "rows"),
    "IdentityConfig": ("development_key", "issuers"),
}
_LISTS_OR_ONE: Final = {
    "EntityMapping": ("key",),
    "Related": ("key", "local", "remote"),
    "Lookup": ("key", "parent"),
}


@cache
def manifest_schema() -> dict[str, Any]:
    """The JSON Schema of a manifest, draft 2020-12. Not to be changed by callers."""
    schema = Manifest.model_json_schema()
    mapping = EntityMapping.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    definitions |= mapping.pop("$defs")
    definitions["EntityMapping"] = mapping
    for name, keys in _EXACTLY_ONE.items():
        definitions[name]["oneOf"] = [
            {"required": [k], "properties": {k: _not_null()}} for k in keys
        ]
    for name, keys in _LISTS_OR_ONE.items():
        for key in keys:
            _also_one(definitions[name]["properties"], key)
    _allow_bare_paths(definitions)
    definitions["EntityOverride"] = _override(mapping)
    backend = definitions["BackendConfig"]["properties"]
    backend["entities"]["additionalProperties"] = {
        "anyOf": [{"$ref": "#/$defs/EntityOverride"}, {"type": "null"}]
    }
    backend["preset"]["anyOf"][0]["enum"] = list(preset_names())
    definitions["BackendConfig"]["allOf"] = list(_settings_rules())
    schema["properties"]["backends"]["additionalProperties"] = False
    issuers = definitions["IdentityConfig"]["properties"]["issuers"]
    issuers["anyOf"][0]["additionalProperties"] = False
    return {"$schema": _DIALECT, **schema, "title": _TITLE}


def _settings_rules() -> Iterator[dict[str, Any]]:
    """For each protocol and its presets, which settings there are."""
    protocols: dict[str, list[str]] = {protocol: [] for protocol in SETTINGS}
    for name in preset_names():
        protocols[preset_document(name)["protocol"]].append(name)
    for protocol, presets in protocols.items():
        settings = {
            "type": "object",
            "properties": {**_flat(SETTINGS[protocol]), **_flat(MappingSettings)},
            "additionalProperties": False,
        }
        for key, wanted in (("protocol", [protocol]), ("preset", presets)):
            yield {
                "if": {"properties": {key: {"enum": wanted}}, "required": [key]},
                "then": {"properties": {"settings": settings}},
            }


def _flat(model: type[BaseModel]) -> dict[str, Any]:
    """The keys of settings. What stands below them is merged with the preset's, and left open."""
    properties = model.model_json_schema()["properties"]
    properties.pop("units", None)  # they stand beside the settings
    return {
        name: field if "$ref" not in json.dumps(field) else {"description": _words(model, name)}
        for name, field in properties.items()
    }


def _words(model: type[BaseModel], name: str) -> str:
    return model.model_fields[name].description or ""


def _not_null() -> dict[str, Any]:
    return {"not": {"type": "null"}}


def _also_one(properties: dict[str, Any], key: str) -> None:
    """Let a list be written as its only element."""
    several = properties[key]
    description = several.pop("description", "")
    properties[key] = {"anyOf": [_TEXT, several], "description": description}


def _allow_bare_paths(node: Any) -> None:
    """Let a text stand for `{path: text}` wherever a field or a part of a key is wanted."""
    if isinstance(node, list):
        for inner in node:
            _allow_bare_paths(inner)
        return
    if not isinstance(node, dict):
        return
    for inner in node.values():
        _allow_bare_paths(inner)
    forms = node.get("oneOf", ())
    if {"$ref": "#/$defs/PathField"} in forms:
        node["anyOf"] = [_TEXT, *node.pop("oneOf")]
        node.pop("discriminator", None)
    elif node.get("items") == {"$ref": "#/$defs/KeyPart"}:
        node["items"] = {"anyOf": [_TEXT, node["items"]]}


def _override(mapping: dict[str, Any]) -> dict[str, Any]:
    """An entity whose rest comes from a preset: nothing is required, and null removes a part."""
    override = copy.deepcopy(mapping)
    override.pop("required", None)
    for name, part in override["properties"].items():
        inner = part.get("additionalProperties")
        if name in ("fields", "related", "lookups") and inner is not None:
            part["additionalProperties"] = {"anyOf": [inner, {"type": "null"}]}
        part.pop("minProperties", None)
        override["properties"][name] = {"anyOf": [part, {"type": "null"}]}
        if "description" in part:
            override["properties"][name]["description"] = part["description"]
    return override
