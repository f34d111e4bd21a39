"""What becomes of recommendations is seen at once: caches and streams hear of it."""

from collections.abc import Sequence
from datetime import date

from canonical.entities import EntityName
from canonical.events import Event
from resolvers.context import Processing
from resolvers.events import Shown
from tests.fakes.desk import Desk
from tests.fakes.distributor import Distributor
from tests.fakes.proposals import evaluated
from tests.fakes.sources import FakeSource
from tests.processes.approval.house import Approving

LATER = date(2026, 12, 8)
OPEN = """{ recommendations(filter: {status: [PROPOSED]}) {
    totalCount nodes { id item { sku } firstApprovedBy } } }"""
DECIDE = """mutation ($input: DecideRecommendationInput!) { approveRecommendation(input: $input) {
    recommendation { status decidedBy } userErrors { message } } }"""
ONE = """query ($id: ID!) { node(id: $id) { ... on ReplenishmentRecommendation {
    status decidedBy purchaseOrder { number } } } }"""
HEAR = """subscription { recommendationChanged {
    recommendation { status item { sku } } correlationId } }"""


async def test_a_decision_is_seen_at_once_by_everybody(approving: Approving) -> None:
    approving.comes_of_it = approving.made("procurement", "K22")
    desk = Desk(
        *Distributor().sources,
        FakeSource("planning", EntityName.RECOMMENDATION, []),
        approving.source,
    )
    desk.processing = Processing(recommendations=approving.desk)
    heard: list[Event] = []

    async def publish(events: Sequence[Event]) -> None:
        await desk.keyed.questions.apply(events)
        heard.extend(events)

    approving.ledger.on_commit(publish)
    assert (await desk.ask(OPEN)).data["recommendations"]["totalCount"] == 0
    await approving.proposed(
        evaluated("I1", "L1", supplier="S1"), evaluated("I2", "L1", need_by=LATER)
    )

    found = (await desk.ask(OPEN)).data["recommendations"]
    assert [n["item"]["sku"] for n in found["nodes"]] == ["I1", "I2"]
    one = found["nodes"][0]["id"]
    assert (await desk.ask(ONE, id=one)).data["node"]["status"] == "PROPOSED"
    decided = (await desk.ask(DECIDE, input={"id": one})).data["approveRecommendation"]
    assert decided == {
        "recommendation": {"status": "APPROVED", "decidedBy": "pia"},
        "userErrors": [],
    }
    await approving.engine.quiet()

    assert (await desk.ask(ONE, id=one)).data["node"] == {
        "status": "ORDERED",
        "decidedBy": "pia",
        "purchaseOrder": {"number": "PO22"},
    }
    assert (await desk.ask(OPEN)).data["recommendations"]["totalCount"] == 1
    [answer] = await desk.hear(HEAR, [Shown(heard[-1], "c")])
    assert answer.data["recommendationChanged"] == {
        "recommendation": {"status": "ORDERED", "item": {"sku": "I1"}},
        "correlationId": "c-I1",
    }
