"""Logs: one event a line, as JSON or for the terminal, with its correlation id and without secrets.

structlog and the standard library's loggers (uvicorn, redis, ...)
  -> level, time, correlation id, trace id -> secrets masked -> JSON or console -> one stream
"""

import logging
import sys
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from runtime.telemetry.correlation import correlation_id
from runtime.telemetry.secrets import masked
from runtime.telemetry.tracing import trace_id

LogFormat = Literal["json", "console"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


def configure_logs(
    form: LogFormat = "json", level: LogLevel = "INFO", stream: TextIO | None = None
) -> None:
    """Send all logs of this process to one stream, in one form.

    Args:
        form: `json` for machines, `console` for people.
        level: Lines below it are not written.
        stream: Where to write; standard error if not given.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_correlation,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.UnicodeDecoder(),
                mask_secrets,
                _renderer(form),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # requests are counted, not written down
        logger.setLevel(logging.NOTSET)  # a server started before may have set its own


def add_correlation(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the ids that tie lines together: of the operation, and of the trace if there is one."""
    event.setdefault("correlation_id", correlation_id())
    found = trace_id()
    if found is not None:
        event.setdefault("trace_id", found)
    return event


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets out of a line; what is left are plain types."""
    return {name: masked(value, name=name) for name, value in event.items()}


def _renderer(form: LogFormat) -> Processor:
    if form == "console":
        return structlog.dev.ConsoleRenderer(colors=False)
    return structlog.processors.JSONRenderer(default=str)
