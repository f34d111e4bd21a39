"""The files of trusted documents: read, compared with the schema, and read again when they change.

A document that does not fit the schema stays known: whoever asks it is told what is wrong. A file
that cannot be read any more changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct

from app.beside import beside
from app.manifest.known_operations import KnownOperationsConfig
from app.manifest.trusted import TrustedFileError, read_trusted
from app.server.documents import Documents
from app.server.known_operations import KnownOperations

_TOLD: Final = 20
_log = structlog.get_logger(__name__)


class Unfit(Struct, frozen=True):
    """A document that does not fit the schema.

    Attributes:
        name: What it is called.
        message: The first thing that is wrong.
    """

    name: str
    message: str


def unfit(texts: Mapping[str, str], documents: Documents) -> Iterator[Unfit | None]:
    """What does not fit, one document at a time; None for those that do."""
    for name, text in texts.items():
        errors = documents.get(text).errors
        yield Unfit(name, errors[0].message) if errors else None


@asynccontextmanager
async def trusting(
    config: KnownOperationsConfig,
    base_dir: Path,
    known: KnownOperations,
    documents: Documents,
) -> AsyncIterator[None]:
    """Say what does not fit, and follow the files while the block lasts."""
    if not config.files:
        yield
        return
    files = [base_dir / name for name in config.files]
    await _tell(known.texts, documents)
    if config.reread_s is None:
        yield
        return
    seen = _state(files)

    async def follow(every_s: float) -> None:
        nonlocal seen
        while True:
            await asyncio.sleep(every_s)
            now = await asyncio.to_thread(_state, files)
            if now == seen:
                continue
            seen = now
            await _reread(lambda: read_trusted(config.files, base_dir), known, documents)

    async with beside(follow(config.reread_s)):
        yield


async def _reread(
    read: Callable[[], dict[str, str]], known: KnownOperations, documents: Documents
) -> None:
    try:
        texts = await asyncio.to_thread(read)
    except TrustedFileError as exc:
        _log.error("known operations not read again", reason=exc.message)
        return
    known.replace(texts)
    _log.info("known operations read again", documents=len(texts))
    await _tell(texts, documents)


async def _tell(texts: Mapping[str, str], documents: Documents) -> None:
    """Log what does not fit; others go on meanwhile."""
    told = 0
    for found in unfit(texts, documents):
        await asyncio.sleep(0)
        if found is not None and told < _TOLD:
            told += 1
            _log.warning("known operation unfit", name=found.name, reason=found.message)


def _state(files: Iterable[Path]) -> Sequence[tuple[int, int, int]]:
    """What changes when a file is written or replaced."""
    return [_stamp(file) for file in files]


def _stamp(file: Path) -> tuple[int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)
