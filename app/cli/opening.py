"""How commands reach the event log of an installation, and in whose name."""

import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.operating import Operating


def operating(manifest: Path) -> "AbstractAsyncContextManager[Operating]":
    """What commands do with the log of a manifest's installation."""
    from app.cli.log_access import open_operating
    from app.manifest.loading import load_manifest

    return open_operating(load_manifest(manifest, os.environ))


def actor() -> str:
    """Who gives the command, for the audit: as the system knows it, whatever LOGNAME says."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
