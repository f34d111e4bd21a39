"""What holds for all tests: what is worked out once, and groups of tests that run in one process.

pytest-xdist 3.8 writes a test's group behind its name, in an attribute that pytest 9.2 no longer
reads; without this each process would start its own Tryton, PostgreSQL and browser.
"""

import gc
import os
import signal
import sys
from functools import cache
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ("tests.fixtures.postgres", "tests.fixtures.stores", "tests.fixtures.valkey")
"""Servers that all folders share: a fixture that each imports would be one for each."""

# What a shell starts in the background ignores SIGINT, and would hand that on to our commands.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long a busy machine takes to make an example says nothing of the code.
settings.register_profile("suite", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.register_profile("long", settings.get_profile("suite"), max_examples=20_000)
settings.load_profile("suite")

# Nothing compiled is thrown away: workers, servers and commands would all compile it again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A client of httpx reads all authorities of the web when it is made, which takes 30 ms; those that
# say nothing else share one reading.
_transport: Final[Any] = httpx._transports.default
_transport.create_ssl_context = cache(_transport.create_ssl_context)


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: it need not be looked through again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Name tests with their group, as `--dist loadgroup` wants it."""
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        group = item.get_closest_marker("xdist_group")
        if group is not None and "@" not in item.nodeid.rpartition("]")[2]:
            own: Any = item
            own._id = type(own._id).parse(f"{item.nodeid}@{group.args[0]}")
