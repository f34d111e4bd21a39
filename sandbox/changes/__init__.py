"""What happens to the distributor: a sequence of changes, the same for the same world and pace.

Every simulator computes the whole sequence for itself and shows the part that its product sees, so
that they agree without talking to each other.
"""

from __future__ import annotations

from sandbox.changes.records import KINDS, Change, Kind
from sandbox.changes.sequence import first_moment, make_changes

__all__ = ["KINDS", "Change", "Kind", "first_moment", "make_changes"]
