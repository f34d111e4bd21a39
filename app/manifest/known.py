"""Which keys a JSON Schema knows at a place, with the document as a guide through alternatives."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.manifest.problems import Path

Schema = Mapping[str, Any]


class Known:
    """The keys of one schema.

    Args:
        schema: JSON Schema with its definitions under `$defs`.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def keys(self, data: Any, path: Path) -> list[str]:
        """Names of the keys that may stand at a path."""
        return sorted({k for s in self._at(data, path) for k in s.get("properties", {})})

    def names(self, data: Any, path: Path) -> list[str]:
        """Names that a mapping's keys are restricted to, where it says so."""
        found: set[str] = set()
        for schema in self._at(data, path):
            for names in self._alternatives(schema.get("propertyNames", {}), None):
                found.update(names.get("enum", ()))
        return sorted(found)

    def choices(self, data: Any, path: Path) -> list[str]:
        """Fixed values that may stand at a path."""
        found: set[str] = set()
        for parent in self._at(data, path[:-1], any_kind=True):
            for schema in self._alternatives(parent.get("properties", {}).get(path[-1], {}), None):
                found.update(v for v in (schema.get("const"), *schema.get("enum", ())) if v)
        return sorted(found)

    def description(self, data: Any, path: Path) -> str:
        """What stands at a path, in the words of its field."""
        if not path:
            return ""
        for schema in self._at(data, path[:-1]):
            field = schema.get("properties", {}).get(path[-1])
            if field is not None and "description" in field:
                return str(field["description"]).rstrip(".")
        return ""

    def _at(self, data: Any, path: Path, *, any_kind: bool = False) -> list[Schema]:
        """The object schemas that may govern the value at a path."""
        guide = None if any_kind and not path else data
        found = list(self._alternatives(self._schema, guide))
        for i, name in enumerate(path):
            data = _inside(data, name)
            guide = None if any_kind and i == len(path) - 1 else data
            found = [
                one
                for schema in found
                for inner in _steps(schema, name)
                for one in self._alternatives(inner, guide)
            ]
        return found

    def _alternatives(self, schema: Any, data: Any) -> Iterator[Schema]:
        """A schema's alternatives, resolved; with data, only those that it can be meant for."""
        if not isinstance(schema, Mapping):
            return
        if "$ref" in schema:
            name = str(schema["$ref"]).rsplit("/", 1)[-1]
            yield from self._alternatives(self._schema["$defs"][name], data)
            return
        if "properties" in schema:
            yield schema
            for rule in schema.get("allOf", ()):
                if _applies(rule, data):
                    yield from self._alternatives(rule["then"], data)
            return
        branches = [b for word in ("anyOf", "oneOf") for b in schema.get(word, ())]
        if not branches:
            yield schema
            return
        found = [s for branch in branches for s in self._alternatives(branch, data)]
        yield from _fitting(found, data) if isinstance(data, Mapping) else found


def _fitting(schemas: list[Schema], data: Mapping[Any, Any]) -> list[Schema]:
    """Those with the data's fixed values and required keys, as far as there are any."""
    objects = [s for s in schemas if "properties" in s or "additionalProperties" in s]
    same = [s for s in objects if _same_kind(s, data)]
    complete = [s for s in same if set(s.get("required", ())) <= set(data)]
    return complete or same or objects


def _applies(rule: Schema, data: Any) -> bool:
    """Whether the condition of an `if` holds: keys with one of some values."""
    return isinstance(data, Mapping) and all(
        data.get(name) in wanted["enum"] for name, wanted in rule["if"]["properties"].items()
    )


def _same_kind(schema: Schema, data: Mapping[Any, Any]) -> bool:
    fixed = {n: p["const"] for n, p in schema.get("properties", {}).items() if "const" in p}
    return all(data.get(name, value) == value for name, value in fixed.items())


def _steps(schema: Schema, name: str | int) -> Iterator[Any]:
    if isinstance(name, int) and ("items" in schema or "prefixItems" in schema):
        yield schema.get("items", {})
        return
    properties = schema.get("properties", {})
    if name in properties:
        yield properties[name]
    elif isinstance(schema.get("additionalProperties"), Mapping):
        yield schema["additionalProperties"]
    else:
        yield from schema.get("patternProperties", {}).values()


def _inside(data: Any, name: str | int) -> Any:
    if isinstance(data, Mapping):
        return data.get(name)
    if isinstance(data, list) and isinstance(name, int) and name < len(data):
        return data[name]
    return None
