"""What people read who are told of a recommendation."""

import pytest

from tests.fakes.proposals import recommended
from workflows.approval.telling import notice
from workflows.notifications.ports import NoticeKind


def test_it_says_what_is_wanted_why_and_until_when() -> None:
    told = notice(NoticeKind.APPROVAL_REQUESTED, recommended(), "role:buyer", 0)
    assert (told.to, told.about) == (("role:buyer",), "recommendation:r-1")
    assert told.key == "recommendation:r-1/approval.requested/0"
    assert told.correlation_id == "c-SKU-1"
    assert told.facts["category"] == "Tools"
    assert told.subject == "To decide: 240 EA of SKU-1 for L-1, 1,200.00 EUR"
    assert told.text == (
        "240 EA of SKU-1 for L-1, 1,200.00 EUR, from supplier S-1, needed by 2026-12-07.\n"
        "Why: stock of SKU-1 falls under its safety stock on 2026-12-07.\n"
        "Waiting since 2026-11-23 08:00 UTC.\n"
        "Approve or reject recommendation r-1; it expires at 2026-12-07 08:00 UTC."
    )


@pytest.mark.parametrize(
    "kind, beginning, end",
    [
        (NoticeKind.APPROVAL_REMINDER, "Still to decide: ", "it expires at 2026-12-07 08:00 UTC."),
        (
            NoticeKind.APPROVAL_ESCALATED,
            "Nobody has decided: ",
            "it expires at 2026-12-07 08:00 UTC.",
        ),
        (
            NoticeKind.APPROVAL_EXPIRED,
            "Expired, for nobody has decided: ",
            "It is proposed again when it is found to be needed still.",
        ),
    ],
)
def test_each_kind_says_what_it_is(kind: NoticeKind, beginning: str, end: str) -> None:
    told = notice(kind, recommended(urgent=True, estimated_cost=None), "role:buyer", 3)
    assert told.subject == f"{beginning}240 EA of SKU-1 for L-1"
    assert told.text.endswith(end)
    assert "Even an order of today comes too late" in told.text
