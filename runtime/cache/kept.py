"""An answer that is kept, what it is kept under, and its compressed form, made once."""

import asyncio
import hashlib
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from msgspec import Struct

_GZIP: Final = 31
_QUICKEST: Final = 1
_TAG_BYTES: Final = 16


class AnswerKey(NamedTuple):
    """What an answer depends on besides the data.

    Attributes:
        question: Digest of document, operation and variables.
        scope: What the caller may see.
        day: The business date, as its ordinal.
    """

    question: bytes
    scope: bytes
    day: int

    @property
    def name(self) -> str:
        """The same as a text of fixed length."""
        digest = hashlib.blake2b(self.question, digest_size=20)
        digest.update(b"%d %b" % (self.day, self.scope))
        return digest.hexdigest()


class KeptAnswer(Struct, eq=False):
    """A whole answer.

    Attributes:
        body: The response, as JSON.
        made_at: When its making began, in epoch seconds.
        good_until: Until when everything in it is fresh, in epoch seconds.
        oldest_at: When the oldest thing in it was read from its system, in epoch seconds.
        slots: What it is made of: slots of the record cache.
        gzipped: The body compressed, if it was.
        exported: How many objects it has, by type, if that many that they are an export: then it is
            never given without a word in the audit.
    """

    body: bytes
    made_at: float
    good_until: float
    oldest_at: float
    slots: frozenset[str]
    gzipped: bytes | None = None
    exported: Mapping[str, int] = {}
    _packing: "asyncio.Task[bytes] | None" = None
    _tag: str = ""

    @property
    def tag(self) -> str:
        """A digest of the body."""
        if not self._tag:
            self._tag = hashlib.blake2b(self.body, digest_size=_TAG_BYTES).hexdigest()
        return self._tag

    async def packed(self) -> bytes:
        """The body compressed by gzip, once: whoever comes meanwhile waits for the same."""
        if self.gzipped is None:
            if self._packing is None:
                self._packing = asyncio.ensure_future(gzipped(self.body))
            self.gzipped = await asyncio.shield(self._packing)
            self._packing = None
        return self.gzipped


async def gzipped(body: bytes) -> bytes:
    """Bytes compressed by gzip, beside the event loop: it takes some 10 ms for a megabyte."""
    return await asyncio.to_thread(_gzip, body)


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(_QUICKEST, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()


def unpacked(data: bytes) -> bytes:
    """The bytes that were compressed by gzip."""
    return zlib.decompress(data, _GZIP)
