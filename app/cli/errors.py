"""Errors on the terminal: said in words, with an exit code that scripts can rely on."""

import sys
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typing_extensions import override

FAILED: Final = 1
INVALID_MANIFEST: Final = 2
INTERRUPTED: Final = 130


class Group(TyperGroup):
    """The commands, with their errors explained."""

    @override
    def invoke(self, ctx: Any) -> Any:
        """Run a command; an error ends it with its message and exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except Exception as exc:
            if ctx.params.get("debug") or _is_typers(exc):
                raise
            code, message = _explained(exc)
            typer.echo(message, err=True)
            raise typer.Exit(code) from None


def _is_typers(exc: Exception) -> bool:
    """Whether the error is about how the command was called, which typer explains itself."""
    return type(exc).__module__.split(".")[0] in ("typer", "click")


def _explained(exc: Exception) -> tuple[int, str]:
    from app.manifest.problems import ManifestError
    from canonical.errors import SupplygraphError
    from runtime.embedded.valkey import EmbeddedServerError

    if isinstance(exc, ManifestError):
        count = len(exc.problems)
        return INVALID_MANIFEST, f"{exc}\n{count} {'problem' if count == 1 else 'problems'} found"
    if isinstance(exc, SupplygraphError | EmbeddedServerError):
        return FAILED, str(exc)
    if isinstance(exc, OSError):
        return FAILED, f"{exc.filename or 'the system'}: {exc.strerror or exc}"
    program = sys.argv[0].rsplit("/", 1)[-1]
    return FAILED, (
        f"this should not have happened: {type(exc).__name__}: {exc}\n"
        f"`{program} --debug ...` shows where"
    )
