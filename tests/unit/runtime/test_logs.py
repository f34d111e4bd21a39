"""Logs: one line an event, with its correlation id, without secrets, whoever wrote it."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from runtime.telemetry.correlation import correlated
from runtime.telemetry.logs import LogFormat, LogLevel, configure_logs
from runtime.telemetry.tracing import operation_span

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def lines(stream: io.StringIO) -> Lines:
    configure_logs("json", "INFO", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_its_event_level_time_and_correlation_id(lines: Lines) -> None:
    with correlated("abc-1"):
        structlog.get_logger("loaders").info("page_read", rows=200, system="erp-eu")
    (line,) = lines()
    time = line.pop("timestamp")
    assert time.endswith("Z")
    assert line == {
        "event": "page_read",
        "rows": 200,
        "system": "erp-eu",
        "level": "info",
        "logger": "loaders",
        "correlation_id": "abc-1",
    }


def test_every_line_has_the_key_even_outside_of_operations(lines: Lines) -> None:
    structlog.get_logger().info("started")
    assert lines()[0]["correlation_id"] is None


def test_a_trace_ties_lines_together(lines: Lines) -> None:
    with operation_span("graphql", f"00-{'a' * 32}-{'b' * 16}-01"):
        structlog.get_logger().info("inside")
    structlog.get_logger().info("outside")
    assert [line.get("trace_id") for line in lines()] == ["a" * 32, None]


def test_lines_of_other_libraries_look_the_same(lines: Lines) -> None:
    with correlated("abc-2"):
        logging.getLogger("uvicorn.error").warning(
            "lost %s", "redis://:s3cret@h", extra={"password": "s3cret"}
        )
    (line,) = lines()
    assert (line["event"], line["level"]) == ("lost redis://***@h", "warning")
    assert (line["correlation_id"], line["password"]) == ("abc-2", "***")


def test_secrets_are_masked_also_when_bound_nested_and_in_stack_traces(lines: Lines) -> None:
    log = structlog.get_logger().bind(headers={"Authorization": "Bearer s3cret-s3cret"})
    with structlog.contextvars.bound_contextvars(access_token="s3cret"):
        try:
            raise ValueError("https://u:s3cret@host refused password='s3cret'")
        except ValueError:
            log.exception("call_failed", tries=[{"client_secret": "s3cret"}])
    (line,) = lines()
    assert "s3cret" not in json.dumps(line).replace("access_token=", "")
    assert line["headers"] == {"Authorization": "***"}
    assert line["tries"] == [{"client_secret": "***"}]
    assert "ValueError: https://***@host refused" in line["exception"]


def test_an_event_stays_on_its_line(stream: io.StringIO, lines: Lines) -> None:
    structlog.get_logger().info("x", text='a\n{"event": "forged"}\u2028b')
    assert len(stream.getvalue().split("\n")) == 2
    assert lines()[0]["event"] == "x"


@pytest.mark.parametrize(
    "level,written",
    [("DEBUG", ["debug", "info", "error"]), ("INFO", ["info", "error"]), ("ERROR", ["error"])],
)
def test_the_level_holds(stream: io.StringIO, level: LogLevel, written: list[str]) -> None:
    configure_logs("json", level, stream)
    log = structlog.get_logger()
    for method in ("debug", "info", "error"):
        getattr(log, method)(method)
    told = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert told == written


@pytest.mark.parametrize("form", ["json", "console"])
def test_both_forms_mask_and_correlate(stream: io.StringIO, form: LogFormat) -> None:
    configure_logs(form, "INFO", stream)
    with correlated("abc-3"):
        structlog.get_logger().info("hello", password="s3cret")
    assert "s3cret" not in stream.getvalue()
    assert "abc-3" in stream.getvalue()


def test_configuring_twice_writes_once(stream: io.StringIO) -> None:
    configure_logs("json", "INFO", stream)
    configure_logs("json", "INFO", stream)
    structlog.get_logger().info("once")
    assert len(stream.getvalue().splitlines()) == 1
