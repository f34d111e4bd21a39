"""A YAML file as plain data that remembers its lines.

Scalars are read as YAML 1.2's core schema has them: `NO` is a text and not false, `22:00` a text
and not a number, and so is `0100`. Keys that stand twice are refused. Nothing in a file can make
objects.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml
from msgspec import Struct

from app.manifest.problems import ManifestError, Path, Problem, dotted

MAX_BYTES: Final = 4_000_000
_HALVES: Final = re.compile("[\ud800-\udfff]")
_MAX_NODES: Final = 200_000
_NULL: Final = "tag:yaml.org,2002:null"
_MERGE: Final = "tag:yaml.org,2002:merge"
_PLAIN_TAG: Final = re.compile(r"^tag:yaml\.org,2002:(str|int|float|bool|null|seq|map)$")


class Document(Struct, frozen=True):
    """A file's content.

    Attributes:
        name: The file's name, for messages.
        data: Mappings, lists and scalars.
        lines: Line of each key and list element, by path; 1 under the empty path.
    """

    name: str
    data: Any
    lines: Mapping[Path, int]

    def line_of(self, path: Path) -> int:
        """The line of a path, or of the nearest part of it that is there."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: Path, message: str) -> Problem:
        """A problem at a path."""
        return Problem(self.line_of(path), dotted(path), message)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: Mapping[str, Any] = {}  # type: ignore[assignment]  # filled below, for this class alone


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^(?:[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+)$", "-+0123456789"),
    (
        "float",
        r"^(?:[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+.0123456789",
    ),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def read_document(content: bytes, name: str) -> Document:
    """Read a YAML file.

    Raises:
        ManifestError: if it is no YAML with a mapping at its top, or keys stand twice.
    """
    text = _decoded(content, name)
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            reading = _Reading(loader)
            data = reading.value(root, (), ()) if root is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as exc:
        raise ManifestError(name, [_syntax(exc)]) from exc
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, exc.position) + 1
        message = f"holds the character {exc.character!r}, which YAML does not allow: remove it"
        raise ManifestError(name, [Problem(line, "", message)]) from exc
    except RecursionError as exc:
        raise ManifestError(name, [Problem(1, "", "is nested too deeply to be read")]) from exc
    if reading.problems:
        raise ManifestError(name, reading.problems)
    if not isinstance(data, dict):
        message = "wants keys such as `version`, `backends` and `entities` at its top"
        raise ManifestError(name, [Problem(1, "", message)])
    return Document(name, data, reading.lines)


def _decoded(content: bytes, name: str) -> str:
    if len(content) > MAX_BYTES:
        message = f"is larger than {MAX_BYTES:,} bytes: this is no manifest"
        raise ManifestError(name, [Problem(1, "", message)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        message = "is not UTF-8 text from here on: save the file in UTF-8"
        raise ManifestError(name, [Problem(line, "", message)]) from exc


def _syntax(exc: yaml.MarkedYAMLError) -> Problem:
    mark = exc.problem_mark or exc.context_mark
    said = exc.problem or exc.context or "cannot be read"
    remedy = "indent with blanks" if r"'\t'" in said else "mend the YAML near here"
    context = f" {exc.context}" if exc.context and exc.problem else ""
    return Problem(mark.line + 1 if mark else 1, "", f"no valid YAML: {said}{context}; {remedy}")


class _Reading:
    """One file's nodes becoming values."""

    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self._nodes = 0
        self.lines: dict[Path, int] = {(): 1}
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, path: Path, above: tuple[yaml.Node, ...]) -> Any:
        """The value of a node; what cannot be read becomes None and a problem."""
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise yaml.MarkedYAMLError(
                problem="aliases multiply it beyond measure", problem_mark=node.start_mark
            )
        if any(node is one for one in above):
            self._wrong(node, path, "contains itself through an alias: write it out")
            return None
        if not _PLAIN_TAG.match(node.tag):
            self._wrong(node, path, f"the tag {node.tag!r} is not understood: leave it out")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, (*above, node))
        if isinstance(node, yaml.SequenceNode):
            inner = (*above, node)
            return [self._at(item, (*path, i), inner) for i, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _at(
        self, node: yaml.Node, path: Path, above: tuple[yaml.Node, ...], mark: Any = None
    ) -> Any:
        self.lines[path] = (mark or node.start_mark).line + 1
        return self.value(node, path, above)

    def _mapping(
        self, node: yaml.MappingNode, path: Path, above: tuple[yaml.Node, ...]
    ) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        first: dict[Any, int] = {}
        merged: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged |= self._merged(value_node, path, above)
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            line = key_node.start_mark.line + 1
            if key in first:
                message = f"stands twice, first in line {first[key]}: keep one"
                self.problems.append(Problem(line, dotted((*path, key)), message))
                continue
            first[key] = line
            found[key] = self._at(value_node, (*path, key), above, key_node.start_mark)
        return merged | found

    def _merged(self, node: yaml.Node, path: Path, above: tuple[yaml.Node, ...]) -> dict[Any, Any]:
        """What `<<` brings in; its lines are those where it stands written out."""
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[Any, Any] = {}
        for part in reversed(parts):
            if isinstance(part, yaml.MappingNode):
                found |= self.value(part, path, above) or {}
            else:
                self._wrong(node, path, "`<<` wants an alias of a mapping")
        return found

    def _key(self, node: yaml.Node, path: Path) -> Any:
        if isinstance(node, yaml.ScalarNode):
            # `null` is a word of the mapping language: {path: {null: true}}
            key = node.value or None if node.tag == _NULL else self.value(node, path, ())
            if key is not None and not isinstance(key, float):
                return key
        self._wrong(node, path, "has a key that is neither a text nor a whole number: quote it")
        return None

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        try:
            value = self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            self._wrong(node, path, "cannot be read as the number it looks like: quote it")
            return None
        if isinstance(value, str) and _HALVES.search(value):
            self._wrong(node, path, "holds half a character (\\ud800 to \\udfff): remove it")
        return value

    def _wrong(self, node: yaml.Node, path: Path, message: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, dotted(path), message))
