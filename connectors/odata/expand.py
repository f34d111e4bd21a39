"""Columns as `$select` and `$expand`, so that the system sends these and no others."""

from collections.abc import Callable, Sequence

from connectors.odata.settings import Version

_Tree = dict[str, "_Tree"]


def select_expand(
    columns: Sequence[str], version: Version, is_structure: Callable[[str], bool]
) -> list[tuple[str, str]]:
    """Write dotted paths as query parameters.

    Args:
        columns: Paths wanted, keys included. None at all means all that the set itself has.
        version: V2 writes `$select=A,to_X/B` with `$expand=to_X`, V4 `$expand=to_X($select=B)`.
        is_structure: Whether a path is a structured property; other paths with dots lead through
            links.

    Returns:
        `$select` and `$expand`, each where it says something; the same columns give the same text.
    """
    if not columns:
        return []
    tree: _Tree = {}
    for column in sorted(set(columns)):
        node = tree
        for step in column.split("."):
            node = node.setdefault(step, {})
    if version == "v2":
        return _v2(tree, is_structure)
    select, expand = _v4(tree, "", is_structure)
    return [(n, v) for n, v in (("$select", select), ("$expand", expand)) if v]


def _v2(tree: _Tree, is_structure: Callable[[str], bool]) -> list[tuple[str, str]]:
    select: list[str] = []
    expand: list[str] = []

    def walk(node: _Tree, prefix: str) -> None:
        for name, inner in node.items():
            path = f"{prefix}/{name}" if prefix else name
            if not inner or is_structure(path.replace("/", ".")):
                select.append(path)
                continue
            expand.append(path)
            walk(inner, path)

    walk(tree, "")
    return [(n, ",".join(v)) for n, v in (("$select", select), ("$expand", expand)) if v]


def _v4(node: _Tree, prefix: str, is_structure: Callable[[str], bool]) -> tuple[str, str]:
    select: list[str] = []
    expand: list[str] = []
    for name, inner in node.items():
        path = f"{prefix}.{name}" if prefix else name
        if not inner:
            select.append(name)
        elif is_structure(path):
            select += [f"{name}/{part}" for part in inner]
        else:
            chosen, further = _v4(inner, path, is_structure)
            options = [f"{n}={v}" for n, v in (("$select", chosen), ("$expand", further)) if v]
            expand.append(f"{name}({';'.join(options)})")
    return ",".join(select), ",".join(expand)
