"""How the system is told which fields, and which order, a question wants."""

import json
from collections.abc import Sequence
from typing import Any

from connectors.rest.filters import Parameters, field_name, joined
from connectors.rest.settings import Spec

Tree = dict[str, "Tree"]


def column_parameters(spec: Spec, columns: Sequence[str], key: Sequence[str]) -> Parameters:
    """The parameters that ask for these columns and the key alone; none if it cannot be asked."""
    style = spec.columns
    if style.style == "none" or not columns:
        return []
    paths = list(dict.fromkeys((*style.always, *key, *columns)))
    match style.style:
        case "nested_json":
            text = json.dumps(_nested(_tree(paths)), separators=(",", ":"), ensure_ascii=False)
        case "top":
            text = style.separator.join(dict.fromkeys(path.split(".")[0] for path in paths))
        case _:
            text = style.separator.join(joined(path, style.join) for path in paths)
    return [(style.parameter, text)]


def sorts(spec: Spec, sort: tuple[tuple[str, bool], ...]) -> bool:
    """Tell whether the declared style can express an order."""
    style = spec.sort
    if not style.send or (len(sort) > 1 and not style.several):
        return False
    return style.fields is None or all(path in style.fields for path, _ in sort)


def sort_parameters(spec: Spec, sort: Sequence[tuple[str, bool]]) -> Parameters:
    """The parameters that ask for an order."""
    if not sort:
        return []
    style = spec.sort
    names = [(field_name(spec, path), descending) for path, descending in sort]
    keys = [(style.descending if down else style.ascending).format(name=n) for n, down in names]
    name, down = names[0]
    values = {
        "keys": style.separator.join(keys),
        "name": name,
        "direction": style.directions[1 if down else 0],
    }
    templates = (template.partition("=") for template in style.send)
    return [(parameter, value.format(**values)) for parameter, _, value in templates]


def _tree(paths: Sequence[str]) -> Tree:
    tree: Tree = {}
    for path in paths:
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, {})
    return tree


def _nested(tree: Tree) -> list[Any]:
    return [{name: _nested(inner)} if inner else name for name, inner in tree.items()]
