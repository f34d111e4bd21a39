"""Each request is counted as what it came to; the gauge moves when the breaker does."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from canonical.errors import MisconfiguredError, Reason, UnavailableError
from connectors.kit.breaker import Circuit
from connectors.kit.observing import Observer
from runtime.telemetry import metrics


def value(name: str, **labels: str) -> float | None:
    families = text_string_to_metric_families(metrics.render().decode())
    found = [s.value for f in families for s in f.samples if (s.name, s.labels) == (name, labels)]
    return found[0] if found else None


@pytest.mark.parametrize(
    "error, outcome",
    [
        (None, "ok"),
        (UnavailableError("x", Reason.TIMEOUT, "m"), "timeout"),
        (UnavailableError("x", Reason.CONNECTION, "m"), "connection"),
        (UnavailableError("x", Reason.THROTTLED, "m"), "throttled"),
        (UnavailableError("x", Reason.SERVER_ERROR, "m"), "server_error"),
        (MisconfiguredError("x", "m", reason=Reason.CREDENTIALS), "refused"),
    ],
)
def test_a_request_is_counted_once_as_what_it_came_to(
    error: UnavailableError | None, outcome: str
) -> None:
    system = f"observed-{outcome}"
    for _ in range(2):
        Observer(system).ended(error, 0.2, Circuit.CLOSED)
    labels = {"system": system, "outcome": outcome}
    assert value("supplygraph_backend_calls_total", **labels) == 2
    assert value("supplygraph_backend_call_seconds_count", system=system) == 2
    assert value("supplygraph_backend_call_seconds_sum", system=system) == 0.4


def test_the_breakers_gauge_follows_it() -> None:
    observer, shown = Observer("observed"), []
    for circuit in (Circuit.CLOSED, Circuit.OPEN, Circuit.OPEN, Circuit.HALF_OPEN, Circuit.CLOSED):
        observer.ended(None, 0.1, circuit)
        shown.append(value("supplygraph_breaker_state", system="observed"))
    assert shown == [0, 2, 2, 1, 0]
