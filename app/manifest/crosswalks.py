"""Crosswalk tables as the manifest gives them, in a CSV file or as rows; checked line by line."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from app.manifest.document import Document
from app.manifest.model import CrosswalkConfig
from app.manifest.problems import Path as KeyPath
from app.manifest.problems import Problem, suggestion
from canonical.entities import ENTITIES, EntityName
from loaders.crosswalks import Crosswalk

CANONICAL: Final = "canonical"
TRANSLATED: Final = frozenset(e for x in ENTITIES.values() for e in x.references.values())
"""Entities whose keys other records hold, hence those that crosswalks are for."""

_MAX_BYTES: Final = 256_000_000


class Row(Struct, frozen=True):
    """One thing's keys.

    Attributes:
        canonical: Its canonical key.
        local: Its key by backend; backends that do not have it are left out.
        line: Where it stands, for messages.
        file: The CSV file, or the empty text for the manifest itself.
    """

    canonical: str
    local: Mapping[str, str]
    line: int
    file: str = ""


Tables = Mapping[EntityName, tuple[Row, ...]]


def walks_of(system: str, tables: Tables) -> dict[EntityName, Crosswalk]:
    """The crosswalks of one system, from tables without problems."""
    return {
        entity: Crosswalk(
            system, [(r.canonical, r.local[system]) for r in rows if system in r.local]
        )
        for entity, rows in tables.items()
    }


def read_table(
    config: CrosswalkConfig,
    path: KeyPath,
    document: Document,
    base_dir: Path,
    backends: Iterable[str],
) -> tuple[tuple[Row, ...], list[Problem]]:
    """One entity's table, and what is wrong with it."""
    columns = frozenset(backends)
    if config.rows is not None:
        problems = _row_columns(config.rows, (*path, "rows"), document, columns)
        rows = tuple(_rows(config.rows, (*path, "rows"), document))
    else:
        rows, problems = _file(str(config.file), (*path, "file"), document, base_dir, columns)
    return rows, [*problems, *_twice(rows)]


def _row_columns(
    rows: Iterable[Mapping[str, str]], path: KeyPath, document: Document, backends: frozenset[str]
) -> list[Problem]:
    found: list[Problem] = []
    for i, row in enumerate(rows):
        if not row.get(CANONICAL):
            found.append(document.problem((*path, i), f"has no {CANONICAL!r} key: add it"))
        found += [
            document.problem((*path, i, name), _no_backend(name, backends))
            for name in row
            if name != CANONICAL and name not in backends
        ]
    return found


def _rows(rows: Iterable[Mapping[str, str]], path: KeyPath, document: Document) -> Iterator[Row]:
    for i, row in enumerate(rows):
        local = {name: key for name, key in row.items() if name != CANONICAL and key}
        if row.get(CANONICAL):
            yield Row(row[CANONICAL], local, document.line_of((*path, i)))


def _file(
    name: str, path: KeyPath, document: Document, base_dir: Path, backends: frozenset[str]
) -> tuple[tuple[Row, ...], list[Problem]]:
    try:
        with (base_dir / name).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            return (), [document.problem(path, f"{name} is larger than {_MAX_BYTES:,} bytes")]
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return (), [document.problem(path, f"{name} is not UTF-8 text: save it in UTF-8")]
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or "the name cannot be one of a file"
        message = f"{name} cannot be read: {why}; the path starts at the manifest's folder"
        return (), [document.problem(path, message)]
    return _parsed(text, name, backends)


def _parsed(
    text: str, name: str, backends: frozenset[str]
) -> tuple[tuple[Row, ...], list[Problem]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    problems: list[Problem] = []
    try:
        head = [cell.strip() for cell in next(reader, [])]
        problems += [Problem(1, "", message, name) for message in _head(head, backends)]
        if problems:
            return (), problems
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(head):
                message = f"has {len(cells)} cells where the first line has {len(head)}"
                problems.append(Problem(reader.line_num, "", message, name))
                continue
            keys: dict[str, Any] = dict(zip(head, cells, strict=True))
            canonical = keys.pop(CANONICAL)
            if canonical:
                local = {n: k for n, k in keys.items() if k}
                rows.append(Row(canonical, local, reader.line_num, name))
            else:
                message = f"has no key in the column {CANONICAL!r}: fill it in, or remove the line"
                problems.append(Problem(reader.line_num, "", message, name))
    except csv.Error as exc:
        problems.append(Problem(reader.line_num, "", f"is no valid CSV: {exc}", name))
    return tuple(rows), problems


def _head(head: list[str], backends: frozenset[str]) -> Iterator[str]:
    if CANONICAL not in head:
        yield f"the first line names no column {CANONICAL!r}{suggestion(CANONICAL, head)}"
        return
    for column in dict.fromkeys(head):
        if head.count(column) > 1:
            yield f"the column {column!r} stands twice: keep one"
        elif column != CANONICAL and column not in backends:
            yield f"column {column!r}: {_no_backend(column, backends)}"


def _no_backend(name: str, backends: frozenset[str]) -> str:
    return f"there is no backend {name!r}{suggestion(name, backends)}"


def _twice(rows: Iterable[Row]) -> list[Problem]:
    """Keys that stand twice: one thing may have one key in a system, and one key mean one thing."""
    first: dict[tuple[str, str], Row] = {}
    found: list[Problem] = []
    for row in rows:
        for side, key in {CANONICAL: row.canonical, **row.local}.items():
            before = first.setdefault((side, key), row)
            if before is not row:
                message = (
                    f"{side} key {key!r} stood in line {before.line} already: keep one of them"
                )
                found.append(Problem(row.line, "", message, row.file))
    return found
