"""OData V2 and V4: SAP Gateway, Dynamics 365 and others.

reader.py asks, queries.py writes its requests; writing.py tells, bodies.py and changesets.py write
what it sends, csrf.py gets the token for it; settings.py is what the manifest and presets say;
shape.py is what is known of an entity set, from the preset and from metadata.py once catalog.py
has read it; filters.py, literals.py, keys.py and expand.py write query options; envelope.py,
cursors.py and errors.py read answers.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from connectors.kit.http import HTTPCaller
from connectors.kit.policy import CallPolicy
from connectors.odata.reader import ODataReader
from connectors.odata.settings import Settings
from connectors.odata.writing import ODataWriter

__all__ = ["ODataReader", "ODataWriter", "Settings", "reader"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


def reader(
    name: str,
    settings: Settings,
    caller: HTTPCaller,
    policy: CallPolicy,
    *,
    now: Callable[[], datetime] = _utc_now,
) -> ODataReader:
    """Open the OData services of a backend. Nothing is asked before the first question."""
    del name  # the caller knows it
    return ODataReader(settings, caller, policy, now)
