"""What connections that stay open may take."""

from msgspec import Struct


class StreamSettings(Struct, frozen=True, kw_only=True):
    """What connections that stay open may take, in each process.

    Attributes:
        connections_per_principal: Sockets and event streams of one subject.
        operations_per_connection: Operations under way on one socket.
        messages_per_minute: Messages that a socket may send, and signs of life; all of them may
            come at once.
        messages_per_principal: Messages a minute of one subject on all its sockets, likewise.
        max_message_bytes: Longest message of a socket.
        connection_init_s: How long a socket may take to say who it is.
        keep_alive_s: After how long a silent connection is asked for a sign of life; a socket that
            gives none within as long again is dropped.
        write_buffer_bytes: How much may wait to be sent on a connection before it is congested.
        allowed_origins: Pages that may open sockets besides our own, such as
            `https://portal.example.com`.
    """

    connections_per_principal: int = 1_000
    operations_per_connection: int = 100
    messages_per_minute: int = 1_200
    messages_per_principal: int = 12_000
    max_message_bytes: int = 256 * 1024
    connection_init_s: float = 10.0
    keep_alive_s: float = 15.0
    write_buffer_bytes: int = 64 * 1024
    allowed_origins: tuple[str, ...] = ()
