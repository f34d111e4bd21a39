"""What a worker process does to itself, seen in a process of its own."""

import subprocess
import sys


def test_what_was_made_at_the_start_is_left_alone_by_the_garbage_collector() -> None:
    code = """
import gc
from app.asgi import settle_memory
settle_memory()
assert gc.isenabled() and gc.get_freeze_count() > 10_000
assert gc.get_threshold()[0] > 10_000
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
