"""The demo's manifest laid out over running simulators, to be spoiled and mended by tests."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from app.demo import lay_out
from runtime.security.development import new_development_key
from sandbox.launch import Sandbox

SECRET = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw=="


class LaidOut(Struct, frozen=True):
    """A manifest in a folder of its own, with the environment that it refers to."""

    manifest: Path
    environ: Mapping[str, str]

    def rewritten(self, changes: Mapping[str, str]) -> "LaidOut":
        """The same with parts of its text replaced; each must be there exactly once."""
        text = self.manifest.read_text(encoding="utf-8")
        for old, new in changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        self.manifest.write_text(text, encoding="utf-8")
        return self

    def line_of(self, part: str) -> int:
        """The first line that holds a text."""
        lines = self.manifest.read_text(encoding="utf-8").splitlines()
        return next(n for n, line in enumerate(lines, 1) if part in line)


def laid_out(sandbox: Sandbox, folder: Path) -> LaidOut:
    """The demo's manifest over a sandbox."""
    manifest, environ = lay_out(sandbox, folder, new_development_key(), SECRET)
    return LaidOut(manifest, environ)
