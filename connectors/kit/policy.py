"""Call policies: how much, how often and when a system may be asked. Every bound is finite."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from connectors.kit.windows import MaintenanceWindow

_MODEL = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class BreakerPolicy(BaseModel):
    """When a failing system is left alone for a while."""

    model_config = _MODEL

    failures: Annotated[
        int, Field(ge=1, le=1_000, description="Failures in a row that open the circuit.")
    ] = 5
    failure_rate: Annotated[
        float,
        Field(gt=0, le=1, description="Share of failed calls within `window_s` that opens it too."),
    ] = 0.5
    min_calls: Annotated[
        int, Field(ge=1, le=10_000, description="Calls in the window before that share counts.")
    ] = 20
    window_s: Annotated[float, Field(gt=0, le=3_600, description="Length of that window.")] = 30.0
    open_s: Annotated[
        float,
        Field(
            gt=0,
            le=3_600,
            description="How long the system is left alone before one call probes it again.",
        ),
    ] = 10.0


class CallPolicy(BaseModel):
    """How a system may be asked. Presets set what their product allows; the manifest overrides."""

    model_config = _MODEL

    timeout_s: Annotated[
        float, Field(gt=0, le=600, description="Longest time for one try of a request.")
    ] = 10.0
    retries: Annotated[
        int, Field(ge=0, le=10, description="Further tries of what may safely be repeated.")
    ] = 2
    retry_500: Annotated[
        bool, Field(description="Try again after status 500 too, not only 502, 503 and 504.")
    ] = False
    backoff_s: Annotated[
        float,
        Field(gt=0, le=60, description="Longest wait before the first further try; it doubles."),
    ] = 0.25
    max_backoff_s: Annotated[
        float, Field(gt=0, le=300, description="Longest wait between tries.")
    ] = 10.0
    breaker: Annotated[BreakerPolicy, Field(description="When a failing system is left alone.")] = (
        BreakerPolicy()
    )
    max_concurrency: Annotated[
        int, Field(ge=1, le=1_000, description="Most requests at a time.")
    ] = 8
    max_waiting: Annotated[
        int,
        Field(ge=1, le=100_000, description="Most requests that wait for their turn."),
    ] = 1_000
    rate_per_s: Annotated[
        float, Field(gt=0, le=100_000, description="Most requests per second in the long run.")
    ] = 50.0
    burst: Annotated[
        int | None,
        Field(ge=1, le=100_000, description="Requests at once after a rest; one second's if null."),
    ] = None
    cost_per_s: Annotated[
        float | None,
        Field(
            gt=0,
            le=100_000,
            description="Most units of cost per second in the long run: a record that is read "
            "costs 1, one that is told 10, any request at least 1; null: no limit.",
        ),
    ] = None
    cost_burst: Annotated[
        int | None,
        Field(
            ge=1,
            le=10_000_000,
            description="Units of cost at once after a rest; ten seconds' worth if null.",
        ),
    ] = None
    per_day: Annotated[
        int | None,
        Field(
            ge=1,
            le=100_000_000,
            description="Most requests per UTC day, where the vendor counts them by the day.",
        ),
    ] = None
    shared: Annotated[
        bool,
        Field(description="Whether all processes share these limits through Redis."),
    ] = False
    account: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            description="Name under which shared limits are counted, where two backends use one "
            "vendor account; the backend's name if null.",
        ),
    ] = None
    share: Annotated[
        int,
        Field(
            ge=1,
            le=1_000,
            description="Number of processes that divide shared limits while Redis is down.",
        ),
    ] = 1
    max_response_mb: Annotated[
        float, Field(gt=0, le=1_024, description="Largest answer, decompressed.")
    ] = 20.0
    max_keys_per_request: Annotated[
        int, Field(ge=1, le=10_000, description="Most keys in one request.")
    ] = 200
    max_url_bytes: Annotated[
        int, Field(ge=200, le=1_000_000, description="Longest address with query, encoded.")
    ] = 7_500
    max_scanned_rows: Annotated[
        int,
        Field(
            ge=1,
            le=10_000_000,
            description="Most rows read for one question where the system cannot filter itself.",
        ),
    ] = 20_000
    rebase_links: Annotated[
        bool,
        Field(
            description="Read links to another host (a load balancer's inner name) as links to "
            "the backend's own address; if false, they are errors. Neither follows them elsewhere.",
        ),
    ] = True
    maintenance: Annotated[
        tuple[MaintenanceWindow, ...],
        Field(description="Times in which the system is not asked and raises no alarm."),
    ] = ()
