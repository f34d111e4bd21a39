"""Commands packed by hiredis: redis-py's asyncio connections do it in Python, 2 us for each key."""

from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.connection import HiredisRespSerializer


class _Packed:
    """Packs in C, what redis-py's blocking connections do by themselves."""

    _serializer = HiredisRespSerializer()

    def pack_command(self, *args: Any) -> list[bytes]:
        """A command as the bytes to send."""
        if (
            " " not in args[0]
        ):  # the serializer knows names of two words, and looks at each argument
            try:
                return [hiredis.pack_command(args)]
            except TypeError:
                pass
        packed: list[bytes] = self._serializer.pack(*args)
        return packed


def packed(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    """The same kind of connection, packing its commands so."""
    return type(f"Packed{kind.__name__}", (_Packed, kind), {})
