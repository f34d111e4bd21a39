"""Pages cut from records that are all at hand, with the cursors of lists."""

from collections.abc import Sequence

from canonical.completeness import State
from canonical.criteria import Criteria, Sort, compare, in_order, position_of
from canonical.entities import EntityName
from canonical.records import Record
from loaders.cursors import Cursors, Position, decode_cursor
from loaders.lists import Contribution, Listed
from loaders.shelf import digest


def page_of(
    entity: EntityName,
    records: Sequence[Record],
    criteria: Criteria,
    order: tuple[Sort, ...],
    first: int,
    after: str | None,
) -> Listed:
    """One page of the records.

    Raises:
        InvalidInputError: if the cursor is not one of this list.
    """
    name = digest(criteria, order, entity.value)
    seen: dict[str, Position] = {}
    if after is not None:
        seen = dict(decode_cursor(after, name, entity, order).positions)
    left = [r for r in in_order(records, order) if _beyond(r, seen, order)]
    stands: list[dict[str, Position]] = []
    for record in left[:first]:
        seen = {**seen, record.provenance.system: position_of(record, order)}
        stands.append(seen)
    systems = sorted({r.provenance.system for r in records})
    return Listed(
        left[:first],
        Cursors(name, len(stands), stands.__getitem__),
        more=len(left) > first,
        total=len(records),
        contributions=[Contribution(s, State.LIVE) for s in systems],
        started=after is not None,
    )


def _beyond(record: Record, seen: dict[str, Position], order: tuple[Sort, ...]) -> bool:
    last = seen.get(record.provenance.system)
    return last is None or compare(position_of(record, order), last, order) > 0
