"""A letter of a webhook is read once more as the delivery was, alone and in structured mode."""

import json
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from app.ingest.bodies import Body, Reader
from app.ingest.files import RowFiles, RunOptions, digest_of
from app.ingest.rereading import HookRereading, RowRereading
from app.manifest.loading import load_manifest
from canonical.errors import InvalidInputError
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from runtime.events.letters import Letters
from tests.ingestion.declared import FORECAST, HEAD, NOW, declared_in, line, written
from tests.ingestion.rereading import letter
from workflows.ingestion.bulk import Bulk
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


@pytest.mark.parametrize("form", ["csv", "json"])
async def test_a_bad_row_of_a_file_is_corrected_as_it_would_stand_there(
    ledger: Ledger, tmp_path: Path, form: str
) -> None:
    good, bad = line("I1", "5"), line("I2", "x")
    if form == "csv":
        content = HEAD + good + bad
    else:
        names = HEAD.strip().split(",")
        good, bad = (
            json.dumps(dict(zip(names, row.strip().split(","), strict=True))) + "\n"
            for row in (good, bad)
        )
        content = good + bad
    file, environ = declared_in(tmp_path)
    files = RowFiles(load_manifest(file, environ))
    sent = written(tmp_path, content)
    run = files.run_of("planning", "forecast", sent, digest_of(sent), RunOptions(run="n"))
    leases = Leases(ledger.store, now=lambda: NOW)
    intake = Intake(ledger)
    await Bulk(intake, leases, holder="a", clock=time.monotonic).ingest(run)
    [lost] = await Letters(ledger.store).newest()
    desk = DeadLetterDesk(ledger, intake, {"bulk": RowRereading(files)})

    with pytest.raises(InvalidInputError, match="row 2, column forecasttotal"):
        await desk.replay(lost.letter_id, None, actor="olga", note=None)
    with pytest.raises(InvalidInputError, match="one row is wanted"):
        await desk.preview(lost.letter_id, (good + bad).encode())
    done = await desk.replay(
        lost.letter_id, bad.replace("x", "7", 1).encode(), actor="olga", note=None
    )
    assert [(e.data.item, int(e.data.quantity)) for e in done.events] == [("I2", 7)]
    assert len(await ledger.read(FORECAST, 0, 10)) == 2


async def test_a_row_that_was_kept_without_its_header_says_so(tmp_path: Path) -> None:
    file, environ = declared_in(tmp_path)
    old = replace(letter(), way="bulk", headers={"entity": "forecast", "run": "n"})
    with pytest.raises(InvalidInputError, match="send the file again"):
        await RowRereading(RowFiles(load_manifest(file, environ))).read(old, b"{}")
