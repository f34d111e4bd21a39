"""Entities: records of this subgraph that others of a federation point at by their keys.

A gateway sends representations, `{"__typename": "Item", "sku": "..."}` with whatever else it knows.
The key alone is read of them. Each type's records are read together, and within what the caller may
see; no record and one that may not be seen are both null.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from canonical.errors import InvalidInputError, SupplygraphError
from canonical.ids import GlobalId, decode_global_id
from execution.fields import Asked
from execution.operation import Partial
from resolvers.context import RequestContext
from resolvers.nodes import read

KEYS: Final[Mapping[str, str]] = {
    "Item": "sku",
    "Location": "code",
    "PurchaseOrder": "id",
    "Supplier": "code",
}
"""The entities, with the field that is the key of each."""

_BY_ID: Final = frozenset({"PurchaseOrder"})
_SHOWN: Final = 60


async def entities(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    representations: Sequence[Any],
) -> list[Any]:
    """The records that some representations stand for, in their order.

    Null stands for those that do not exist or may not be seen, an error for a representation that
    cannot be read, or whose record could not be.

    Raises:
        InvalidInputError: if there are too many representations.
    """
    context.caller  # noqa: B018  # refuses who has not said who they are
    most = context.limits.max_representations
    if len(representations) > most:
        raise InvalidInputError(
            f"{len(representations)} representations at once; at most {most} are read. Ask in parts"
        )
    named = [_named(r) for r in representations]
    ids = [n for n in named if isinstance(n, GlobalId)]
    found = dict(zip(ids, await read(context, ids, asked), strict=True))
    problems = tuple(p for f in found.values() if isinstance(f, Partial) for p in f.problems)
    results = [found[n] if isinstance(n, GlobalId) else n for n in named]
    whole = [r.value if isinstance(r, Partial) else r for r in results]
    return [Partial(whole, problems) if problems else whole for _ in parents]


def _named(representation: Any) -> GlobalId | InvalidInputError:
    """The record that a representation stands for, or why that cannot be told."""
    if not isinstance(representation, Mapping):
        return InvalidInputError('a representation is an object like {"__typename": "Item", ...}')
    type_name = representation.get("__typename")
    if not isinstance(type_name, str) or type_name not in KEYS:
        names = ", ".join(KEYS)
        return InvalidInputError(f"`__typename` of a representation must be one of {names}")
    key = representation.get(KEYS[type_name])
    if not isinstance(key, str):
        return InvalidInputError(
            f"a representation of {type_name} needs its key `{KEYS[type_name]}`, which is a string"
        )
    return _by_id(type_name, key) if type_name in _BY_ID else GlobalId(type_name, (key,))


def _by_id(type_name: str, text: str) -> GlobalId | InvalidInputError:
    try:
        known = decode_global_id(text)
    except SupplygraphError as exc:
        return InvalidInputError(exc.message)
    if known.type_name != type_name or len(known.parts) != 2:  # noqa: PLR2004  # system and key
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        return InvalidInputError(f"{shown!r} is not the id of a {type_name}")
    return known
