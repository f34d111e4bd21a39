"""A whole backend over a pretended Coupa: opened by its preset, read, probed, troubled."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import httpx
import pytest

from canonical.entities import EntityName
from canonical.errors import MisconfiguredError, Reason, UnavailableError
from canonical.ports import Finding, ListQuery, Severity
from connectors.backend import MappedBackend
from connectors.config import BackendConfig
from connectors.factory import open_backend
from sandbox.launch import Sandbox, Simulator, start_one

ALL = [
    EntityName.ITEM,
    EntityName.SUPPLY_SOURCE,
    EntityName.SUPPLIER,
    EntityName.LOCATION,
    EntityName.PURCHASE_ORDER,
    EntityName.RECEIPT,
]
SUPPLIERS = ListQuery((), (), 10, frozenset({"code", "name"}))

Opener = Callable[..., Any]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_one("coupa", size=0.02) as running:
        yield running


@pytest.fixture
def coupa(sandbox: Sandbox) -> Simulator:
    httpx.post(f"{sandbox.coupa.control_url}reset")
    httpx.put(f"{sandbox.coupa.control_url}limits", json={"burst": 1_000, "rate_per_s": 1_000})
    return sandbox.coupa


@pytest.fixture
async def opened(world: Any, coupa: Simulator) -> AsyncIterator[Opener]:
    backends: list[MappedBackend] = []

    async def opener(secret: str = coupa.password, **changes: Any) -> MappedBackend:
        plain = {
            "preset": "coupa",
            "url": coupa.url,
            "auth": {
                "kind": "oauth2_client_credentials",
                "token_url": "/oauth2/token",
                "client_id": coupa.user,
                "client_secret": {"env": "SECRET"},
                "scope": "core.item.read core.supplier.read core.common.read "
                "core.purchase_order.read core.inventory.receiving.read",
            },
        }
        services = world.services(environ={"SECRET": secret})
        config = BackendConfig.model_validate(plain | changes)
        backends.append(await open_backend("procurement", config, services))
        return backends[-1]

    yield opener
    for backend in backends:
        await backend.aclose()


async def trouble(coupa: Simulator, **rule: Any) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.put(f"{coupa.control_url}faults", json=[rule])
    assert answer.is_success


def told(findings: Sequence[Finding], severity: Severity) -> dict[str, str]:
    return {f.where: f.message for f in findings if f.severity is severity}


async def test_a_field_for_our_key_that_is_not_there_is_found_before(
    world: Any, opened: Opener
) -> None:
    missing = {"writes": {"key": "custom-fields.our-key"}}
    backend = await opened(entities={"purchase_order": missing})
    findings = await backend.probe([EntityName.PURCHASE_ORDER], world.ask(60))
    assert told(findings, Severity.ERROR) == {
        "purchase_order.writes.key": "api/purchase_orders cannot be searched by "
        "custom-fields.our-key, where our key is: other rows came"
    }


async def test_it_reads_and_tells_its_health_and_costs(world: Any, opened: Opener) -> None:
    backend = await opened()
    page = await backend.sources[EntityName.SUPPLIER].page(SUPPLIERS, world.ask())
    assert page.records
    assert {r.provenance.system for r in page.records} == {"procurement"}
    assert backend.health()["circuit"] == "closed"
    assert {system for system, _ in world.bill.calls} == {"procurement"}


async def test_a_system_that_fits_its_mapping_has_no_findings(world: Any, opened: Opener) -> None:
    findings = await (await opened()).probe(ALL, world.ask(30))
    assert told(findings, Severity.ERROR) == {}
    assert set(told(findings, Severity.OK)) == set(ALL)


async def test_a_typo_in_a_required_field_is_an_error_with_its_place(
    world: Any, opened: Opener
) -> None:
    backend = await opened(entities={"item": {"fields": {"sku": "item-nummber"}}})
    (finding,) = [
        f
        for f in await backend.probe([EntityName.ITEM], world.ask(30))
        if f.severity is Severity.ERROR
    ]
    assert finding.where.startswith("item")
    assert "item-nummber" in finding.message
    assert finding.remedy


async def test_a_dataset_that_is_not_there_is_named(world: Any, opened: Opener) -> None:
    backend = await opened(entities={"supplier": {"dataset": "api/supliers"}})
    errors = told(await backend.probe(ALL, world.ask(30)), Severity.ERROR)
    assert list(errors) == ["supplier.dataset"]
    assert "api/supliers cannot be read" in errors["supplier.dataset"]


async def test_status_values_without_a_rule_are_found(world: Any, opened: Opener) -> None:
    rules = {
        "rules": [{"when": {"status": "active"}, "then": "APPROVED"}],
        "default": "BLOCKED",
        "known": {"status": ["draft"]},
    }
    backend = await opened(entities={"supplier": {"fields": {"status": rules}}})
    found = told(await backend.probe([EntityName.SUPPLIER], world.ask(30)), Severity.WARNING)
    assert "'active'" in found["supplier.status"]


async def test_a_wrong_secret_is_told_once(world: Any, opened: Opener) -> None:
    backend = await opened(secret="hunter2")
    (finding,) = await backend.probe(ALL, world.ask(30))
    assert (finding.where, finding.severity) == ("auth", Severity.ERROR)
    assert "hunter2" not in str(finding)
    assert "`auth`" in finding.remedy


async def test_an_unreachable_host_is_told_once(world: Any, opened: Opener) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = await opened(url=f"http://127.0.0.1:{port}", policy={"retries": 0})
    (finding,) = await backend.probe(ALL, world.ask(30))
    assert (finding.where, finding.severity) == ("connection", Severity.ERROR)
    assert "`url`" in finding.remedy


async def test_an_entity_without_mapping_is_told(world: Any, opened: Opener) -> None:
    findings = await (await opened()).probe([EntityName.FORECAST], world.ask(30))
    assert "no mapping for forecast" in told(findings, Severity.ERROR)["forecast"]


async def test_expired_tokens_are_renewed_unseen(
    world: Any, opened: Opener, coupa: Simulator
) -> None:
    suppliers = (await opened()).sources[EntityName.SUPPLIER]
    await suppliers.page(SUPPLIERS, world.ask())
    await trouble(coupa, expire_tokens=True)
    pages = await asyncio.gather(*(suppliers.page(SUPPLIERS, world.ask()) for _ in range(10)))
    assert all(page.records for page in pages)
    assert ("procurement", True) in world.bill.calls


@pytest.mark.parametrize(
    "rule, reason, words",
    [
        ({"latency_ms": 2000}, Reason.TIMEOUT, "took longer than"),
        ({"status": 429}, Reason.THROTTLED, "429"),
        ({"status": 429, "retry_after": "60"}, Reason.THROTTLED, "429"),
        ({"status": 503}, Reason.SERVER_ERROR, "503"),
        ({"rubbish": "html"}, Reason.BAD_ANSWER, "web page"),
        ({"rubbish": "text"}, Reason.BAD_ANSWER, "not valid JSON"),
        ({"truncate": "body"}, Reason.BAD_ANSWER, "not valid JSON"),
        ({"truncate": "connection"}, Reason.CONNECTION, "broke off"),
        ({"huge_mb": 50}, Reason.BAD_ANSWER, "more than 20 MB"),
        ({"drop": True}, Reason.CONNECTION, "broke off"),
    ],
)
async def test_trouble_is_a_clear_error_in_time(
    world: Any,
    opened: Opener,
    coupa: Simulator,
    rule: dict[str, Any],
    reason: Reason,
    words: str,
) -> None:
    suppliers = (await opened()).sources[EntityName.SUPPLIER]
    await suppliers.page(SUPPLIERS, world.ask())
    await trouble(coupa, match="suppliers", **rule)
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(UnavailableError, match=words) as caught:
        await suppliers.page(SUPPLIERS, world.ask(1.0))
    assert loop.time() - started < 1.3
    assert (caught.value.system, caught.value.reason) == ("procurement", reason)
    assert caught.value.message.startswith("procurement: ")
    assert "127.0.0.1" not in caught.value.message


async def test_a_field_of_another_type_costs_its_record_and_says_so(
    world: Any, opened: Opener, coupa: Simulator
) -> None:
    await trouble(coupa, match="suppliers", retype={"field": "number", "as": "object"})
    suppliers = (await opened()).sources[EntityName.SUPPLIER]
    page = await suppliers.page(SUPPLIERS, world.ask())
    assert page.records == []
    assert {getattr(e, "reason", e) for e in page.failures.values()} == {Reason.BAD_ANSWER}


async def test_a_lost_system_is_left_alone_and_found_again(world: Any, opened: Opener) -> None:
    world.server.answer = world.always(world.reply(500))
    backend = await opened(
        url=world.server.url,
        auth={"kind": "none"},
        policy={"breaker": {"failures": 2, "open_s": 0.2}, "retries": 0},
    )
    suppliers = backend.sources[EntityName.SUPPLIER]
    reasons = []
    for _ in range(3):
        with pytest.raises(UnavailableError) as caught:
            await suppliers.page(SUPPLIERS, world.ask())
        reasons.append(caught.value.reason)
    assert reasons == [Reason.SERVER_ERROR, Reason.SERVER_ERROR, Reason.CIRCUIT_OPEN]
    assert backend.health()["circuit"] == "open"
    await asyncio.sleep(0.25)
    world.server.answer = world.always(world.reply(200, b"[]"))
    assert (await suppliers.page(SUPPLIERS, world.ask())).records == []
    assert backend.health()["circuit"] == "closed"


async def test_a_missing_scope_is_a_matter_of_credentials(world: Any, opened: Opener) -> None:
    world.server.answer = world.always(world.reply(403))
    backend = await opened(url=world.server.url, auth={"kind": "none"})
    with pytest.raises(MisconfiguredError) as caught:
        await backend.sources[EntityName.SUPPLIER].page(SUPPLIERS, world.ask())
    assert caught.value.reason is Reason.CREDENTIALS
