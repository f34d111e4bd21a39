"""What the address takes, as far as a manifest may switch it."""

from msgspec import Struct


class CrossOrigin(Struct, frozen=True, kw_only=True):
    """Which pages of other origins may read answers (CORS).

    Attributes:
        origins: Origins in lower case, such as `https://portal.example.com`.
        credentials: Whether browsers may send what they keep for us, such as cookies.
        max_age_s: How long browsers may remember what they were told.
    """

    origins: frozenset[str]
    credentials: bool = False
    max_age_s: int = 600


class Edge(Struct, frozen=True, kw_only=True):
    """What is taken over HTTP.

    Attributes:
        get: Whether queries may be asked by GET.
        max_batch: Most requests in one body; 0 takes no arrays.
        csrf_prevention: Whether a GET must carry a header that pages of others cannot send unasked.
        cross_origin: Which pages of other origins may read answers; None: no page may.
        header_s: How long a request's head may take to arrive.
        body_s: How long its body may take to arrive.
        stalled_s: How long a client may read nothing of what waits for it.
        max_head_bytes: Longest head of a request.
        suggestions: Whether errors suggest what may have been meant.
    """

    get: bool = True
    max_batch: int = 0
    csrf_prevention: bool = True
    cross_origin: CrossOrigin | None = None
    header_s: float = 10.0
    body_s: float = 10.0
    stalled_s: float = 60.0
    max_head_bytes: int = 64 * 1024
    suggestions: bool = False
