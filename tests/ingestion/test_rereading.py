"""A letter of a webhook is read once more as the delivery was, alone and in structured mode."""

import json

import pytest
from msgspec.structs import replace

from app.ingest.bodies import Body, Reader
from app.ingest.rereading import HookRereading
from canonical.errors import InvalidInputError
from runtime.events.ledger import Ledger
from tests.ingestion.rereading import letter
from workflows.ingestion.intake import Intake
from workflows.letters import DeadLetterDesk

EVENT = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/erp",
    "type": "supplygraph.purchase_order.status_changed.v1",
    "recordkey": "K1",
    "data": {"number": "PO1", "supplier": "S1", "status": "SNET"},
}


async def test_an_event_out_of_a_batch_is_corrected(ledger: Ledger) -> None:
    reader = Reader("erp")
    content = json.dumps([EVENT]).encode()
    body = Body(content, "application/cloudevents-batch+json", {}, None)
    [lost] = (await reader.read(body)).letters
    [name] = await ledger.write(lambda writing: writing.bury([lost]))
    desk = DeadLetterDesk(ledger, Intake(ledger), {"webhook": HookRereading({"erp": reader})})

    with pytest.raises(InvalidInputError, match="SNET"):
        await desk.preview(name, None)
    mended = lost.body.replace(b"SNET", b"SENT")
    done = await desk.replay(name, mended, actor="olga", note=None)
    assert [(e.key, e.data.status) for e in done.events] == [("K1", "SENT")]


async def test_what_is_not_taken_any_more_says_so() -> None:
    unmapped = replace(letter(), reason="unmapped", content_type="application/json")
    with pytest.raises(InvalidInputError, match="takes no webhooks from erp"):
        await HookRereading({}).read(unmapped, b"{}")
    with pytest.raises(InvalidInputError, match="send CloudEvents"):
        await HookRereading({"erp": Reader("erp")}).read(unmapped, b"{}")
