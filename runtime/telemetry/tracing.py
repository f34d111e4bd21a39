"""W3C trace context, by the OpenTelemetry API.

Without an SDK the caller's `traceparent` is handed on to the systems as it came, and one is made
where there was none, so that their traces can be tied together anyway. With OTEL_TRACES_EXPORTER
set, spans of ours are in between and are exported; nothing is exported by default.

    OTEL_TRACES_EXPORTER=console                 to standard output
    OTEL_TRACES_EXPORTER=otlp                    wants the package opentelemetry-exporter-otlp
    OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER ...   as OpenTelemetry says
"""

import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Final, Self

import msgspec
from opentelemetry import trace
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
)
from typing_extensions import override

_FORM: Final = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<rest>-.*)?"
)
_MAX_LENGTH: Final = 512
_EXPORTERS: Final = "opentelemetry_traces_exporter"
_tracer: Final = trace.get_tracer("supplygraph")
_UNRECORDED: Final = nullcontext(trace.INVALID_SPAN)


class TracingSetupError(ValueError):
    """The environment asks for tracing that cannot be had. The message says what to do."""


class TraceParent(msgspec.Struct, frozen=True):
    """Where in a trace something happens.

    Attributes:
        trace_id: 32 hexadecimal digits, not all zero.
        span_id: 16 hexadecimal digits, not all zero.
        sampled: Whether the caller records the trace.
    """

    trace_id: str
    span_id: str
    sampled: bool

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Read a `traceparent` header; None if it is not valid (W3C Trace Context, level 1)."""
        found = _FORM.fullmatch(text) if text and len(text) <= _MAX_LENGTH else None
        if found is None or found["version"] == "ff":
            return None
        if found["version"] == "00" and found["rest"]:
            return None
        if not int(found["trace"], 16) or not int(found["span"], 16):
            return None
        return cls(found["trace"], found["span"], sampled=bool(int(found["flags"], 16) & 1))

    @classmethod
    def new(cls, random: Callable[[int], bytes] = secrets.token_bytes) -> Self:
        """The beginning of a trace that nobody records."""
        return cls(random(16).hex(), random(8).hex(), sampled=False)

    @override
    def __str__(self) -> str:
        """The header's value."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


class _HandedOn:
    """The trace of an operation that nobody records here. It is looked at when it is needed."""

    __slots__ = ("_inbound", "_parent", "_token")

    def __init__(self, inbound: str | None) -> None:
        self._inbound = inbound
        self._parent: TraceParent | None = None

    @property
    def parent(self) -> TraceParent:
        if self._parent is None:
            self._parent = TraceParent.parse(self._inbound) or TraceParent.new()
        return self._parent

    def __enter__(self) -> Span:
        self._token = _handed_on.set(self)
        return INVALID_SPAN

    def __exit__(self, *_: object) -> None:
        _handed_on.reset(self._token)


_handed_on: Final[ContextVar[_HandedOn | None]] = ContextVar("handed_on", default=None)


def hand_on(inbound: str | None) -> None:
    """The rest of the task hands the caller's trace on, or begins one. Nothing is recorded."""
    _handed_on.set(_HandedOn(inbound))


def operation_span(
    name: str, inbound: str | None, attributes: Mapping[str, str | int] | None = None
) -> AbstractContextManager[Span]:
    """Answering one request: a span under the caller's, if its `traceparent` is valid.

    Without an SDK there is no span, only a trace that is handed on, and hardly any cost.

    Args:
        name: What is done, of few different values.
        inbound: The caller's `traceparent` header.
        attributes: What else to record.
    """
    if not recording():
        return _HandedOn(inbound)
    parent = TraceParent.parse(inbound)
    return _tracer.start_as_current_span(
        name,
        context=_context(parent) if parent is not None else None,
        kind=SpanKind.SERVER,
        attributes=attributes,
    )


def call_span(
    name: str, attributes: Mapping[str, str | int] | None = None
) -> AbstractContextManager[Span]:
    """Asking one system, within an operation. Without an SDK the operation's context stays."""
    if not recording():
        return _UNRECORDED
    return _tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=attributes)


def traceparent() -> str | None:
    """What to send on as `traceparent` from here; None outside of any operation."""
    handed_on = _handed_on.get()
    if handed_on is not None:
        return str(handed_on.parent)
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return str(
        TraceParent(
            trace.format_trace_id(context.trace_id),
            trace.format_span_id(context.span_id),
            sampled=context.trace_flags.sampled,
        )
    )


def trace_id() -> str | None:
    """The trace that is under way here, for logs; None outside of any operation."""
    handed_on = _handed_on.get()
    if handed_on is not None:
        return handed_on.parent.trace_id
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def configure_tracing(environ: Mapping[str, str]) -> bool:
    """Set the OpenTelemetry SDK up if the environment asks for it; tell whether it does.

    Raises:
        TracingSetupError: if an exporter that is asked for is not installed.
    """
    wanted = [name.strip() for name in environ.get("OTEL_TRACES_EXPORTER", "").split(",")]
    wanted = [name for name in wanted if name and name != "none"]
    if not wanted or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - most do without
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

    exporters = [_exporter(name) for name in wanted]
    provider = TracerProvider()
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    recording.cache_clear()
    return True


def _exporter(name: str) -> Any:
    for point in entry_points(group=_EXPORTERS, name=name):
        return point.load()()
    known = ", ".join(sorted(point.name for point in entry_points(group=_EXPORTERS))) or "none"
    raise TracingSetupError(
        f"OTEL_TRACES_EXPORTER names {name!r}, which is not installed (installed: {known}); "
        "for otlp install opentelemetry-exporter-otlp"
    )


@cache
def recording() -> bool:
    """Tell whether there is an SDK. That is so from the start or never."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def _context(parent: TraceParent) -> Any:
    span = SpanContext(
        trace_id=int(parent.trace_id, 16),
        span_id=int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT),
    )
    return trace.set_span_in_context(NonRecordingSpan(span))
