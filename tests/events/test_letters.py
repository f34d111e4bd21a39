"""What could not be understood is kept byte for byte until somebody decides, on the record."""

from collections.abc import Sequence

import pytest

from canonical.audit import AuditEntry
from canonical.dead_letters import DeadLetter, LetterFilter, LetterStatus
from canonical.errors import ConflictError
from runtime.events.ledger import Ledger
from runtime.events.letters import Decision, Letters
from runtime.events.writing import Writing
from runtime.store.store import Store
from runtime.telemetry.metrics import render
from tests.events.making import NOON
from tests.fakes.acts import audited

BODY = bytes(range(256))


async def bury(ledger: Ledger, *systems: str) -> Sequence[str]:
    letters = [
        DeadLetter(
            system=system,
            way="webhook",
            reason="schema",
            message="`status` is missing",
            body=BODY,
            content_type="application/json",
            headers={"ce-id": "7"},
        )
        for system in systems
    ]
    return await ledger.write(lambda writing: writing.bury(letters))


async def test_a_letter_is_kept_byte_for_byte(store: Store) -> None:
    ledger, letters = Ledger(store, now=lambda: NOON), Letters(store)
    (name,) = await bury(ledger, "erp")
    assert await letters.get(name) == DeadLetter(
        letter_id=name,
        system="erp",
        way="webhook",
        reason="schema",
        message="`status` is missing",
        body=BODY,
        size=256,
        content_type="application/json",
        headers={"ce-id": "7"},
        received_at=NOON,
    )
    assert await letters.get("?") is None


async def test_letters_are_listed_newest_first_by_what_is_asked(store: Store) -> None:
    ledger, letters = Ledger(store), Letters(store)
    names = sorted(await bury(ledger, "erp", "crm", "erp"), reverse=True)

    listed = await letters.newest(limit=2)
    assert [each.letter_id for each in listed] == names[:2]
    assert [(each.body, each.size) for each in listed] == [(b"", 256)] * 2
    rest = await letters.newest(before=names[1])
    assert [each.letter_id for each in rest] == names[2:]
    assert await letters.count(LetterFilter(system=("erp",))) == 2
    assert await letters.count(LetterFilter(system=("erp",), reason=("size",))) == 0
    assert await letters.measure() == 3
    assert b"supplygraph_dead_letters_open 3.0" in render()


async def test_a_letter_is_decided_once_and_audited_with_it(store: Store) -> None:
    ledger, letters = Ledger(store), Letters(store)
    (name,) = await bury(ledger, "erp")

    async def discard(writing: Writing) -> None:
        await writing.audit(
            AuditEntry(actor="ann", action="dead_letter.discarded", subject=name, details={"n": 1})
        )
        await writing.decide(
            Decision(letter_id=name, status=LetterStatus.DISCARDED, actor="ann", note="a test")
        )

    await ledger.write(discard)
    decided = await letters.get(name)
    assert decided is not None
    assert (decided.status, decided.decided_by, decided.note) == ("discarded", "ann", "a test")
    with pytest.raises(ConflictError, match="is not open"):
        await ledger.write(discard)

    (entry,) = await audited(store)
    assert (entry.actor, entry.action, entry.subject) == ("ann", "dead_letter.discarded", name)
    assert entry.details == {"n": 1}
    assert await audited(store, subject="another") == []
    assert await audited(store, before=entry.position) == []
    assert await letters.count(LetterFilter(status=(LetterStatus.OPEN,))) == 0
