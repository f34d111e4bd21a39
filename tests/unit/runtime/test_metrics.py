"""Metrics: each is counted, documented, and labelled with few values."""

import asyncio
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from runtime.telemetry import demand_metrics, event_metrics, metrics
from runtime.telemetry.metrics import (
    BreakerState,
    CallOutcome,
    OperationKind,
    OperationOutcome,
    Route,
)


def samples() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def value(name: str, **labels: str) -> float:
    return samples().get((name, tuple(sorted(labels.items()))), 0.0)


def test_each_event_moves_its_own_metric() -> None:
    before = samples()
    metrics.request_answered(Route.GRAPHQL, 200)
    metrics.request_answered(Route.OTHER, 404)
    metrics.request_answered(Route.OTHER, 999)
    metrics.operation_answered(OperationKind.QUERY, OperationOutcome.PARTIAL, 0.03)
    metrics.backend_called("erp-test", CallOutcome.OK, 0.2)
    metrics.backend_called("erp-test", CallOutcome.NOT_ASKED, 0.0)
    metrics.cache_looked_up("l2", hits=3, misses=2)
    after = samples()
    moved = {
        key: amount - before.get(key, 0.0)
        for key, amount in after.items()
        if amount != before.get(key, 0.0) and key[0].endswith(("_total", "_count"))
    }
    assert moved == {
        ("supplygraph_requests_total", (("route", "graphql"), ("status", "2xx"))): 1,
        ("supplygraph_requests_total", (("route", "other"), ("status", "4xx"))): 1,
        ("supplygraph_requests_total", (("route", "other"), ("status", "other"))): 1,
        (
            "supplygraph_operation_seconds_count",
            (("kind", "query"), ("outcome", "partial")),
        ): 1,
        ("supplygraph_backend_calls_total", (("outcome", "ok"), ("system", "erp-test"))): 1,
        ("supplygraph_backend_calls_total", (("outcome", "not_asked"), ("system", "erp-test"))): 1,
        ("supplygraph_backend_call_seconds_count", (("system", "erp-test"),)): 1,
        ("supplygraph_cache_lookups_total", (("layer", "l2"), ("result", "hit"))): 3,
        ("supplygraph_cache_lookups_total", (("layer", "l2"), ("result", "miss"))): 2,
    }


async def test_what_happens_often_is_exact_whenever_it_is_shown() -> None:
    before = samples()
    for seconds in (0.001, 0.004, 0.005, 0.2):
        metrics.operation_answered(OperationKind.QUERY, OperationOutcome.FAILED, seconds)
        metrics.request_answered(Route.PAGES, 304)
    after = samples()
    labels = (("kind", "query"), ("outcome", "failed"))
    name = "supplygraph_operation_seconds"

    def moved(metric: str, **more: str) -> float:
        key = (metric, tuple(sorted([*labels, *more.items()])))
        return after[key] - before.get(key, 0.0)

    assert moved(f"{name}_count") == 4
    assert moved(f"{name}_bucket", le="0.005") == 3
    assert moved(f"{name}_bucket", le="0.25") == 4
    assert round(moved(f"{name}_sum"), 6) == 0.21
    requests = ("supplygraph_requests_total", (("route", "pages"), ("status", "3xx")))
    assert after[requests] - before.get(requests, 0.0) == 4


async def test_what_happens_often_is_written_down_after_a_moment() -> None:
    metrics.write_all()
    for _ in range(3):
        metrics.request_answered(Route.OTHER, 200)
    assert len(metrics._Often.unwritten) == 1
    async with asyncio.timeout(5):
        while metrics._Often.unwritten:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.02)


def test_the_breaker_shows_its_last_state() -> None:
    for state in (BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED):
        metrics.breaker_moved("erp-test", state)
        assert value("supplygraph_breaker_state", system="erp-test") == state


def test_the_table_names_every_metric_and_its_labels() -> None:
    modules = (metrics, event_metrics, demand_metrics)
    tables = "\n".join(str(m.__doc__) for m in modules)
    rows = [line.split() for line in tables.splitlines() if "supplygraph_" in line]
    documented = {row[0]: {word.rstrip(",") for word in row[1:3] if word} for row in rows}
    known = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in metrics.REGISTRY.collect()
    }
    assert documented.keys() == known.keys()
    for name, family in known.items():
        for sample in family.samples:
            assert sample.labels.keys() - {"le"} <= documented[name], name


def test_processes_add_up(tmp_path: Path) -> None:
    code = (
        "from runtime.telemetry import metrics; "
        "metrics.cache_looked_up('l1', hits=2, misses=0); print(metrics.render().decode())"
    )
    told = ""
    for _ in range(2):
        told = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        ).stdout
    assert 'supplygraph_cache_lookups_total{layer="l1",result="hit"} 4.0' in told
