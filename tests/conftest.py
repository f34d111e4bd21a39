"""What holds for all tests: groups of tests that share a costly server run in one process.

pytest-xdist 3.8 writes a test's group behind its name, in an attribute that pytest 9.2 no longer
reads; without this each process would start its own Tryton, PostgreSQL and browser.
"""

from typing import Any

import pytest


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
