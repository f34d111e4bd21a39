"""A folder in memory."""

from tests.processes.engine.conftest import quick_folder

__all__ = ["quick_folder"]
