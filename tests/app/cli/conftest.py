"""Small simulators, started once, and a manifest over them for each test; logs as they were."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.app.check.conftest import installed, sandbox

__all__ = ["installed", "sandbox"]


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Commands send logs to a stream that lasts no longer than their test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
