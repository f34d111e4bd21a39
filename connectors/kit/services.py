"""What the installation lends to every backend: places of secrets, shared limits, time, chance."""

import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from connectors.kit.secrets import Vault
from runtime.limits.rules import SharedLimits


def _now() -> datetime:
    return datetime.now(UTC)


def _lease() -> str:
    return os.urandom(16).hex()


@dataclass(frozen=True, kw_only=True)
class Services:
    """What backends are opened with.

    Attributes:
        environ: Environment variables, for references.
        base_dir: Folder that relative file names in the manifest start from.
        shared_limits: Counts calls for all processes; None if this process counts alone.
        clock: Seconds, never going back.
        now: Time of day, with a zone.
        random: Numbers from 0 up to 1.
        new_lease: Names for leases, unlike any other process's.
    """

    environ: Mapping[str, str] = field(repr=False)
    base_dir: Path
    shared_limits: SharedLimits | None = None
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _now
    random: Callable[[], float] = random.random
    new_lease: Callable[[], str] = _lease

    @property
    def vault(self) -> Vault:
        """Reads references."""
        return Vault(self.environ, self.base_dir)
