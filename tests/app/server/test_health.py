"""Health and metrics: whether it lives, whether its dependencies do, what it did."""

from typing import Any

import pytest

from tests.fakes.serving import FakeServing, Site

UP, DOWN, RESTING = {"state": "ok"}, {"state": "open"}, {"state": "maintenance"}


@pytest.mark.parametrize(
    "connected, backends, status, code",
    [
        (True, {"a": UP, "b": UP}, "ok", 200),
        (None, {"a": UP}, "ok", 200),
        (True, {"a": UP, "b": RESTING}, "ok", 200),
        (True, {"a": UP, "b": DOWN}, "degraded", 200),
        (False, {"a": UP}, "degraded", 200),
        (True, {"a": {"state": "half_open"}}, "ok", 200),
        (True, {"a": DOWN, "b": DOWN}, "unavailable", 503),
        (True, {}, "ok", 200),
    ],
)
async def test_it_is_ready_while_something_can_be_answered(
    site: Site,
    serving: FakeServing,
    connected: bool | None,
    backends: dict[str, Any],
    status: str,
    code: int,
) -> None:
    serving.state = {
        "cache": {"connected": connected},
        "events": {"connected": True},
        "backends": backends,
    }
    response = await site.client.get("/readyz")
    assert response.status_code == code
    assert response.json() == {"status": status, **serving.state}
    assert response.headers["cache-control"] == "no-store"
    assert ("retry-after" in response.headers) == (code == 503)


@pytest.mark.parametrize("connected, status", [(None, "ok"), (True, "ok"), (False, "degraded")])
async def test_without_the_store_what_is_read_is_answered_still(
    site: Site, serving: FakeServing, connected: bool | None, status: str
) -> None:
    events = {"database": "postgresql", "connected": connected, "follower": None}
    serving.state = {"cache": {"connected": True}, "events": events, "backends": {"a": UP}}
    response = await site.client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, status)


async def test_it_lives_whatever_its_dependencies_do(site: Site, serving: FakeServing) -> None:
    serving.state = {"cache": {"connected": False}, "events": {}, "backends": {"a": DOWN}}
    response = await site.client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_what_it_did_is_counted(site: Site) -> None:
    def figure(text: str, line: str) -> float:
        found = [x.rpartition(" ")[2] for x in text.splitlines() if x.startswith(line)]
        return float(found[0]) if found else 0.0

    answered = 'supplygraph_requests_total{route="graphql",status="2xx"}'
    refused = 'supplygraph_requests_total{route="graphql",status="4xx"}'
    complete = 'supplygraph_operation_seconds_count{kind="query",outcome="complete"}'
    unread = 'supplygraph_operation_seconds_count{kind="unknown",outcome="refused"}'
    names = (answered, refused, complete, unread)

    before = (await site.client.get("/metrics")).text
    await site.ask("{ viewer { subject } }")
    await site.ask("{ nonsense }")
    await site.client.get("/nowhere/at/all")
    response = await site.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert [figure(response.text, n) - figure(before, n) for n in names] == [1, 1, 1, 1]
    assert "/nowhere" not in response.text
