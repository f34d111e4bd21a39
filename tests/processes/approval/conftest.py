"""Recommendations in real stores, and their approval over SQLite."""

import pytest

from runtime.store.store import Store
from tests.processes.approval.house import Approving, House


@pytest.fixture
def house(store: Store) -> House:
    """Recommendations."""
    return House(store)


@pytest.fixture
def approving(file_store: Store) -> Approving:
    """Recommendations and their approval."""
    return Approving(file_store)
