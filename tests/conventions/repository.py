"""What the convention tests read: the repository's own files, and pyproject.toml."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES: tuple[str, ...] = tuple(PROJECT["tool"]["importlinter"]["root_packages"])
BESIDE = ("bench", "scripts", "tests")


def python_files() -> list[Path]:
    """Every Python file of ours, sorted."""
    folders = [ROOT / name for name in (*PACKAGES, *BESIDE)]
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def relative(path: Path) -> str:
    """The path as a reader of the repository writes it."""
    return path.relative_to(ROOT).as_posix()
