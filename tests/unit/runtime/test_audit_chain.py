"""Whatever is done to a chain of audit entries is found, and what was rightly removed is not."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.audit import AuditEntry, AuditKind
from runtime.audit.chain import GENESIS, Head, Verification, Verifier, entry_of, sealed

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
START = Head(0, GENESIS)
Row = dict[str, Any]


def entry(number: int, **more: Any) -> AuditEntry:
    return AuditEntry(
        **{"kind": AuditKind.CHANGE_BEGUN, "action": "Order", "actor": f"p-{number % 3}"} | more,
        entry_id=f"e-{number}",
        at=NOON + timedelta(seconds=number),
    )


ROWS, HEAD = sealed([entry(n, details={"n": n}) for n in range(8)], START)


def verified(rows: Sequence[Row], head: Head | None = HEAD, anchor: Any = None) -> Verification:
    verifier = Verifier(anchor)
    for row in rows:
        verifier.take(row)
    return verifier.finish(head)


def told(found: Verification) -> list[tuple[int, str]]:
    return [(p.position, p.message) for p in found.problems]


def test_an_untouched_chain_is_sound_and_gives_its_entries_back() -> None:
    found = verified(ROWS)
    assert (found.entries, found.first, found.head, told(found)) == (8, 1, HEAD, [])
    assert [entry_of(row).details["n"] for row in ROWS] == list(range(8))
    assert entry_of(ROWS[3]).hash == ROWS[3]["hash"]
    assert verified([], None).entries == 0


@given(st.integers(0, 7), st.sampled_from(sorted(ROWS[0])), st.data())
@settings(max_examples=200)
def test_any_change_of_a_character_is_found(number: int, column: str, data: Any) -> None:
    rows, value = [dict(row) for row in ROWS], ROWS[number][column]
    if isinstance(value, str):
        place = data.draw(st.integers(0, len(value)))
        new = data.draw(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
        changed = value[:place] + new + value[place + 1 :]
        # An empty text may have become one, or a character another.
        rows[number][column] = changed if changed != value else value + new
    elif isinstance(value, datetime):
        rows[number][column] = value + timedelta(microseconds=1)
    else:
        rows[number][column] = value + 1 if isinstance(value, int) else "x"
    assert verified(rows).count >= 1


@given(st.integers(0, 7), st.integers(0, 7))
def test_any_removal_and_any_exchange_is_found(one: int, other: int) -> None:
    assert verified(ROWS[:one] + ROWS[one + 1 :]).count >= 1
    if one != other:
        moved = [dict(row) for row in ROWS]
        moved[one], moved[other] = moved[other], moved[one]
        assert verified(moved).count >= 1
        for row, position in zip(moved, range(1, 9), strict=True):
            row["position"] = position
        assert verified(moved).count >= 1


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda rows: rows[:3] + rows[5:], "missing before it: entries 4 to 5"),
        (lambda rows: rows[1:], "missing before it: entry 1, and no checkpoint tells"),
        (lambda rows: rows[:-1], f"and it is said to be {HEAD}"),
        (lambda rows: rows[:0], f"the end of the chain is {START}"),
    ],
)
def test_what_is_missing_is_said(
    spoil: Callable[[Sequence[Row]], Sequence[Row]], message: str
) -> None:
    assert any(message in said for _, said in told(verified(spoil(ROWS))))


def test_only_an_anchor_finds_a_chain_that_was_written_anew() -> None:
    anew, head = sealed([entry(n) for n in range(5)], START)
    assert verified(anew, head).problems == []
    for anchor in (HEAD, Head(0, HEAD.hash), Head(3, ROWS[2]["hash"])):
        assert verified(ROWS, anchor=anchor).problems == []
        [problem] = verified(anew, head, anchor).problems
        assert "cut off or written anew" in problem.message
    assert verified(ROWS, anchor=Head(2, ROWS[2]["hash"])).count == 1


def test_what_was_removed_because_of_its_age_is_told_by_a_checkpoint() -> None:
    def pruned(through: int, last: str) -> tuple[list[Row], Head]:
        details = {"through": through, "hash": last}
        more, head = sealed([entry(9, kind=AuditKind.CHECKPOINT, details=details)], HEAD)
        return [*ROWS[through:], *more], head

    rows, head = pruned(3, ROWS[2]["hash"])
    found = verified(rows, head, Head(3, ROWS[2]["hash"]))
    assert (found.problems, found.first, found.entries) == ([], 4, 6)
    wrong, head = pruned(3, ROWS[1]["hash"])
    assert told(verified(wrong, head)) == [
        (4, "it was changed, or does not follow what was removed")
    ]
    assert verified(rows[1:], head).count >= 1
