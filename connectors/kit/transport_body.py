"""Reads a response body piece by piece: decompressed, and never more of it than is allowed."""

import zlib
from typing import Final

_GZIP: Final = 16 + zlib.MAX_WBITS
_MAGIC: Final = b"\x1f\x8b"


class TooLargeError(Exception):
    """The body is larger than allowed."""


class UndecodableError(Exception):
    """The body is not encoded as its headers say."""


class Body:
    """A body that is being read.

    Args:
        encoding: The Content-Encoding header; empty if there is none.
        max_bytes: Most bytes, decompressed. Memory stays near this whatever is sent.
    """

    def __init__(self, encoding: str, max_bytes: int) -> None:
        name = encoding.strip().lower()
        if name not in {"", "identity", "gzip", "x-gzip"}:
            raise UndecodableError(f"it is encoded as {name[:40]!r}, which was not asked for")
        self._gzip = zlib.decompressobj(_GZIP) if name.endswith("gzip") else None
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take the next piece.

        Raises:
            TooLargeError: the body has grown too large. What fits is kept.
            UndecodableError: it is not the gzip that it claims to be.
        """
        if self._gzip is None:
            self._keep(data)
            return
        while data:
            if self._gzip.eof:  # a further member (RFC 1952, 2.2); padding is ignored
                if not data.startswith(_MAGIC):
                    return
                self._gzip = zlib.decompressobj(_GZIP)
            try:
                room = self._max_bytes - self._size
                self._keep(self._gzip.decompress(data, room + 1))
            except zlib.error as exc:
                raise UndecodableError("it is not valid gzip") from exc
            data = self._gzip.unused_data

    def finish(self) -> bytes:
        """The whole body.

        Raises:
            UndecodableError: it ends too early.
        """
        if self._gzip is not None and self._parts and not self._gzip.eof:
            raise UndecodableError("it breaks off within its gzip")
        return self.kept()

    def kept(self) -> bytes:
        """What has been read so far."""
        return b"".join(self._parts)

    def _keep(self, data: bytes) -> None:
        room = self._max_bytes - self._size
        if data:
            self._parts.append(data[:room])
            self._size += min(len(data), room)
        if len(data) > room:
            raise TooLargeError
