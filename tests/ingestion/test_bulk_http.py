"""`POST /ingest/{system}/bulk`: believed, whole, once; and what else senders are told."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from app.ingest.believing import Signing
from app.ingest.bulk import BulkDesk, bulk_routes
from app.ingest.files import RowFiles
from app.manifest.loading import load_manifest
from canonical.entities import EntityName
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from runtime.security.signatures import STANDARD, key_of
from sandbox.kit.sending import BulkTarget, send_file
from sandbox.kit.signing import signed_headers
from tests.fixtures.server import served
from tests.ingestion.declared import HEAD, declared_in, line, run_of, written
from workflows.ingestion.bulk import Bulk
from workflows.ingestion.intake import Intake

SECRET = "whsec_c3VwcGx5Z3JhcGg="
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@asynccontextmanager
async def receiving(ledger: Ledger, folder: Path) -> AsyncIterator[str]:
    file, environ = declared_in(folder)
    desk = BulkDesk(
        bulk=Bulk(
            Intake(ledger), Leases(ledger.store, now=lambda: NOW), holder="a", clock=time.monotonic
        ),
        files=RowFiles(load_manifest(file, environ)),
        signing={"planning": Signing(STANDARD, (key_of(SECRET, STANDARD),))},
    )
    async with served(Starlette(routes=bulk_routes(lambda: desk))) as server:
        yield f"{server.url}/ingest/planning/bulk"


async def post(url: str, body: bytes, **more: Any) -> httpx.Response:
    secret = more.get("secret", SECRET)
    sent_at = int(time.time()) - more.get("age_s", 0)
    headers = signed_headers("standard", secret, "msg_1", sent_at, [more.get("signed", body)])
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(url, content=body, headers=headers)


async def test_a_file_of_the_sandbox_is_taken_in_once(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text(HEAD + "".join(line(f"I{n}", "5") for n in range(1_500)), encoding="utf-8")
    async with receiving(ledger, tmp_path) as url:
        for _ in range(2):
            _, status = await send_file(file, "text/csv", BulkTarget(url, SECRET))
            assert status == 202
        answer = await post(url, file.read_bytes())
    told = answer.json()
    assert (told["rows"], told["new"], told["bad"]) == (1_500, 1_500, 0)
    events = await ledger.read(EntityName.FORECAST, 0, 2_000)
    assert len(events) == 1_500
    assert events[0].traceparent is not None


async def test_options_are_part_of_the_address(ledger: Ledger, tmp_path: Path) -> None:
    body = (HEAD + line("A", "5")).encode()
    async with receiving(ledger, tmp_path) as url:
        first = await post(f"{url}?entity=forecast&run=one&baseline=true", body)
        other = await post(f"{url}?run=one", body + line("B", "6").encode())
    assert (first.status_code, first.json()["run"], first.json()["new"]) == (202, "one", 1)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "CONFLICT")
    assert await ledger.read(EntityName.FORECAST, 0, 1) == []


async def test_what_is_not_believed_changes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    body = (HEAD + line("A", "5")).encode()
    async with receiving(ledger, tmp_path) as url:
        answers = [
            await post(url, body, secret="whsec_b3RoZXI="),
            await post(url, body, signed=body + b"x"),
            await post(url, body, age_s=3_600),
            await post(url, b"", signed=body),
        ]
    assert [a.status_code for a in answers] == [401, 401, 401, 401]
    assert "time of sending" in answers[2].text
    assert await ledger.read(EntityName.FORECAST, 0, 1) == []


async def test_senders_are_told_what_is_wrong(ledger: Ledger, tmp_path: Path) -> None:
    body = (HEAD + line("A", "5")).encode()
    async with receiving(ledger, tmp_path) as url:
        answers = {
            404: await post(url.replace("planning", "erp"), body),
            413: await post(url, HEAD.encode() + line("A", "5").encode() * 20_000),
            422: await post(url, b"item,location\nA,B\n"),
        }
        unknown = await post(f"{url}?entity=item", body)
    assert {status: a.status_code for status, a in answers.items()} == {s: s for s in answers}
    assert unknown.status_code == 404
    assert "no files of 'item' are declared, only of forecast" in unknown.text
    assert "has no column" in answers[422].json()["error"]["message"]


async def get(url: str, secret: str = SECRET) -> httpx.Response:
    headers = signed_headers("standard", secret, "msg_2", int(time.time()), [b""])
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url, headers=headers)


async def test_how_far_a_run_has_come_is_told_to_whoever_signs(
    ledger: Ledger, tmp_path: Path
) -> None:
    body = (HEAD + line("I1", "5") + line("I2", "x")).encode()
    run = hashlib.sha256(body).hexdigest()[:24]
    async with receiving(ledger, tmp_path) as url:
        before = await get(f"{url}/{run}")
        posted = (await post(url, body)).json()
        told = await get(f"{url}/{run}")
        refused = [await get(f"{url}/{run}", "whsec_AAAA"), await get(f"{url}/{run}?entity=item")]
    assert (before.status_code, before.json()["error"]["message"]) == (
        404,
        f"there is no run '{run}' of planning",
    )
    assert told.json() == {"state": "done", "bytes": len(body), **posted}
    assert (posted["rows"], posted["bad"]) == (2, 1)
    assert [one.status_code for one in refused] == [401, 404]


async def test_a_run_that_broke_off_is_told_from_one_that_goes_on(
    ledger: Ledger, tmp_path: Path
) -> None:
    run = run_of(written(tmp_path, HEAD + "".join(line(f"I{n}", "1") for n in range(50))), run="n")
    leases, begun = Leases(ledger.store, now=lambda: NOW), asyncio.Event()
    bulk = Bulk(Intake(ledger), leases, holder="b", clock=time.monotonic, chunk=10)
    task = asyncio.create_task(bulk.ingest(run, lambda _: begun.set()))
    await begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with receiving(ledger, tmp_path) as url:
        stopped = (await get(f"{url}/n")).json()
        await leases.acquire(run.name, "c", 10)
        running = (await get(f"{url}/n")).json()
    assert (stopped["state"], running["state"]) == ("stopped", "running")
    assert 10 <= stopped["rows"] == running["rows"] < 50
