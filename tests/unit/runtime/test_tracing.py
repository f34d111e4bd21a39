"""Trace context: what is valid is handed on, what is not is replaced."""

import subprocess
import sys

import pytest

from runtime.telemetry.tracing import (
    TraceParent,
    TracingSetupError,
    call_span,
    configure_tracing,
    operation_span,
    traceparent,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"


def test_a_valid_header_is_read_and_written_alike() -> None:
    parsed = TraceParent.parse(VALID)
    assert parsed == TraceParent(TRACE, SPAN, sampled=True)
    assert str(parsed) == VALID


def test_flags_and_later_versions() -> None:
    assert TraceParent.parse(f"00-{TRACE}-{SPAN}-00") == TraceParent(TRACE, SPAN, sampled=False)
    assert TraceParent.parse(f"00-{TRACE}-{SPAN}-03") == TraceParent(TRACE, SPAN, sampled=True)
    assert TraceParent.parse(f"cc-{TRACE}-{SPAN}-01-later") == TraceParent(
        TRACE, SPAN, sampled=True
    )


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        VALID.upper(),
        VALID + "-more",
        VALID + "\n",
        " " + VALID,
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"cc-{TRACE}-{SPAN}-01-{'x' * 600}",
    ],
)
def test_what_is_not_valid_is_nothing(text: str | None) -> None:
    assert TraceParent.parse(text) is None


def test_the_callers_context_is_handed_on() -> None:
    with operation_span("graphql", VALID), call_span("erp-eu"):
        assert traceparent() == VALID
    assert traceparent() is None


@pytest.mark.parametrize("inbound", [None, "rubbish"])
def test_one_is_made_where_there_was_none(inbound: str | None) -> None:
    with operation_span("graphql", inbound):
        first, second = traceparent(), traceparent()
        with operation_span("graphql", inbound):
            other = traceparent()
    assert first == second
    assert first != other
    parsed = TraceParent.parse(first)
    assert parsed
    assert not parsed.sampled


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": " "},
        {"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_nothing_is_exported_unless_asked_for(environ: dict[str, str]) -> None:
    assert configure_tracing(environ) is False


def test_an_exporter_that_is_not_there_is_told() -> None:
    with pytest.raises(TracingSetupError, match=r"'otlp', which is not installed.*console"):
        configure_tracing({"OTEL_TRACES_EXPORTER": "console,otlp"})


def test_spans_of_ours_are_exported_when_asked_for() -> None:
    """In a process of its own: the provider of a process is set once."""
    code = f"""
from runtime.telemetry.tracing import *
assert configure_tracing({{"OTEL_TRACES_EXPORTER": "console"}})
with operation_span("graphql", "{VALID}", {{"rows": 3}}):
    with call_span("erp-eu"):
        sent = TraceParent.parse(traceparent())
assert sent.trace_id == "{TRACE}" and sent.span_id != "{SPAN}" and sent.sampled
with operation_span("graphql", None):
    assert TraceParent.parse(traceparent()).trace_id != "{TRACE}"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '"name": "erp-eu"' in done.stdout
    assert f'"parent_id": "0x{SPAN}"' in done.stdout
    assert '"rows": 3' in done.stdout
