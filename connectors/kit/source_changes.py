"""What has changed in a system that keeps track of it, as records."""

from typing import Final

from canonical.entities import KEY
from canonical.errors import UnsupportedError
from canonical.ports import Ask, Changes
from connectors.kit.mapping.expr import ALL, both
from connectors.kit.rows import RowChanges, RowQuery, RowTracker
from connectors.kit.source_core import Core
from connectors.kit.source_keys import read_by_keys, read_rows

_UNTOLD: Final = Changes()


def tracks_changes(core: Core) -> bool:
    """Whether the system can be asked what has changed."""
    return isinstance(core.reader, RowTracker) and core.reader.tracks(core.dataset)


async def read_changes(
    core: Core, link: str | None, columns: frozenset[str], limit: int, ask: Ask
) -> Changes:
    """What has changed behind a link; all that there is without one.

    A delta names rows, perhaps in part: what they are now is read by their keys.

    Raises:
        UnsupportedError: if the system does not keep track of changes.
    """
    if not isinstance(core.reader, RowTracker):
        raise UnsupportedError(f"{core.system} keeps no track of changes of {core.entity}")
    query = RowQuery(
        core.dataset,
        core.push(both(ALL, core.where)).where,
        columns=core.builder(columns).plan.columns,
        limit=limit,
    )
    found = await core.reader.changes(query, link, ask)
    if found.link is None:
        return _UNTOLD
    if found.whole:
        batch = await read_rows(core, found.rows, columns, ask)
        return Changes(batch.records, (), batch.failures, found.link, found.more)
    return await _named(core, found, columns, ask)


async def _named(core: Core, found: RowChanges, columns: frozenset[str], ask: Ask) -> Changes:
    """The records that a delta names, as they are now."""
    named = [core.key_of(row) for row in found.rows]
    removed = [core.key_of(row) for row in found.removed]
    if core.mapping.group:  # others of its rows may still be there
        named, removed = named + removed, []
    keys = list(dict.fromkeys(named))
    batch = await read_by_keys(core, KEY, keys, columns, ask)
    there = {record.provenance.key for record in batch.records}
    missing = [key for key in keys if key not in there and key not in batch.failures]
    gone = list(dict.fromkeys([*missing, *removed]))
    return Changes(batch.records, gone, batch.failures, found.link, found.more)
