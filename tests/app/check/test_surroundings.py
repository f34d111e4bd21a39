"""Redis and the issuer's keys are looked at too, and what is wrong with the way to them is said."""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey
from typing_extensions import override

from app.check import check_installation
from app.check_identity import identity_findings
from app.jwks import keys_of
from app.manifest.loading import DEVELOPMENT
from app.residency import PROCESS_REGION
from canonical.errors import Reason, UnavailableError
from canonical.ports import Finding, Severity
from runtime.security.config import Issuer
from tests.app.installed import LaidOut
from tests.unit.app.manifest.sound import ENVIRON, SOUND, load

EC, OKP = ECKey.generate_key("P-256", {"kid": "1"}), OKPKey.generate_key("Ed25519", {"kid": "2"})
NOWHERE = "http://127.0.0.1:9"


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """The address of a server that always answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server calls
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/keys"
        finally:
            server.shutdown()
            thread.join()


def found(installed: LaidOut, system: str, environ: Mapping[str, str]) -> Finding:
    checking = check_installation(installed.manifest, {**installed.environ, **environ})
    (one,) = [f for f in asyncio.run(checking).findings if f.system == system]
    return one


def from_issuer(installed: LaidOut, **terms: str) -> LaidOut:
    said = {"issuer": "me", "audience": "supplygraph", **terms}
    keys = f"identity: {json.dumps({'issuers': {'staff': said}})}"
    text = installed.manifest.read_text("utf-8")
    line = next(x for x in text.splitlines() if x.startswith("  development_key"))
    return installed.rewritten({f"identity:\n{line}": keys})


def test_a_redis_that_answers_is_fine(installed: LaidOut, valkey_url: str) -> None:
    assert found(installed, "redis", {"REDIS_URL": valkey_url}).severity is Severity.OK


def test_a_redis_that_does_not_answer_is_a_warning(installed: LaidOut) -> None:
    finding = found(installed, "redis", {"REDIS_URL": "redis://:secret@127.0.0.1:9"})

    assert finding.severity is Severity.WARNING
    assert "redis://127.0.0.1:9 does not answer" in finding.message
    assert "REDIS_URL" in finding.remedy


def published(*keys: Any) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def test_keys_are_looked_at_too(installed: LaidOut) -> None:
    with answering(200, published(EC)) as url:
        finding = found(from_issuer(installed, jwks_url=url), "identity", {})
    assert (finding.severity, finding.where) == (Severity.OK, "issuers.staff")
    assert finding.message == "keys that fit: 1"


async def test_keys_that_sign_in_no_accepted_way_are_an_error(tmp_path: Path) -> None:
    for body, kinds in ((published(OKP), "OKP"), (published(), "none of ours")):
        with answering(200, body) as url:
            finding = await of_identity(tmp_path, jwks_url=url)
        assert finding.severity is Severity.ERROR
        assert finding.message == "publishes no key that signs by RS256, ES256"
        assert finding.remedy == f"see identity.issuers.staff.algorithms; its keys are {kinds}"


@pytest.mark.parametrize("place", ["jwks_url", "issuer"])
async def test_keys_that_cannot_be_read_are_an_error(tmp_path: Path, place: str) -> None:
    finding = await of_identity(tmp_path, **{place: NOWHERE})

    assert (finding.severity, finding.where) == (Severity.ERROR, "issuers.staff")
    assert "cannot be read" in finding.message
    assert f"identity.issuers.staff.{place}" in finding.remedy


async def test_a_development_key_is_warned_of_outside_development(tmp_path: Path) -> None:
    (finding,) = await identity_findings(load(tmp_path))

    assert (finding.severity, finding.where) == (Severity.WARNING, "development_key")
    assert "identity.issuers" in finding.remedy
    assert await identity_findings(load(tmp_path, environ={**ENVIRON, DEVELOPMENT: "1"})) == []


async def of_identity(folder: Path, **terms: str) -> Finding:
    said = json.dumps({"staff": {"issuer": "me", "audience": "supplygraph", **terms}})
    text = SOUND.replace("development_key: {env: KEY}", f"issuers: {said}")
    (finding,) = await identity_findings(load(folder, text))
    return finding


@pytest.mark.parametrize(
    "status, body, reason",
    [
        (200, b"<html>", Reason.BAD_ANSWER),
        (200, b"[]", Reason.BAD_ANSWER),
        (200, json.dumps({"keys": "x" * 1_100_000}).encode(), Reason.BAD_ANSWER),
        (404, b"{}", Reason.CONNECTION),
        (302, b"{}", Reason.CONNECTION),
    ],
)
async def test_what_is_no_document_of_keys_is_refused(
    status: int, body: bytes, reason: Reason
) -> None:
    with answering(status, body) as url, pytest.raises(UnavailableError) as caught:
        await reading(url)
    assert caught.value.reason is reason


async def test_keys_are_read_as_they_are() -> None:
    with answering(200, b'{"keys": [{"kid": "1"}]}') as url:
        assert await reading(url) == {"keys": [{"kid": "1"}]}


async def reading(jwks_url: str) -> Mapping[str, Any]:
    return await keys_of(Issuer(name="a", issuer="a", audience="a", jwks_url=jwks_url))()


def test_trusted_documents_that_do_not_fit_are_named(installed: LaidOut) -> None:
    documents = {"good": "{ viewer { subject } }", "bad": "{ viewer { sbject } }"}
    file = installed.manifest.parent / "documents.json"
    file.write_text(json.dumps(documents), encoding="utf-8")
    named = 'version: 1\nknown_operations: {files: ["documents.json"]}\n'
    installed.rewritten({"version: 1\n": named})
    report = asyncio.run(check_installation(installed.manifest, installed.environ))
    bad, all_of_them = [f for f in report.findings if f.system == "known_operations"]
    assert (bad.where, bad.severity) == ("bad", Severity.ERROR)
    assert bad.message == "Cannot query field 'sbject' on type 'Viewer'. Did you mean 'subject'?"
    assert all_of_them.message == "1 of 2 documents fit the schema"
    file.write_text("{", encoding="utf-8")
    report = asyncio.run(check_installation(installed.manifest, installed.environ))
    [problem] = report.problems
    assert problem.path == "known_operations.files"
    assert problem.message == "documents.json cannot be read: it is not valid JSON"


def test_a_system_of_another_region_is_not_asked(installed: LaidOut) -> None:
    text = installed.manifest.read_text("utf-8")
    resident = text.replace("{sources: [planning]", "{sources: [{backend: planning, region: EU}]")
    resident += "\nregions: {EU: {processes: [EU]}}\n"
    installed.manifest.write_text(resident, "utf-8")

    finding = found(installed, "planning", {PROCESS_REGION: "US"})

    assert finding.severity is Severity.OK
    assert finding.message == "not asked from here: it is for processes of EU alone"
