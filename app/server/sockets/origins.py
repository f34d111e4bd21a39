"""Which pages may open a socket: a browser lets any page do so, and says only whose page it is."""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def may_open(origin: str | None, host: str | None, allowed: Collection[str]) -> bool:
    """Tell whether a page may open a socket.

    The scheme is not compared for our own pages: a proxy in front may have taken TLS off.

    Args:
        origin: The header `Origin`; None for what is no browser.
        host: The header `Host`.
        allowed: Origins that may, besides those of the same host and port.
    """
    if origin is None or origin.lower() in {a.lower().rstrip("/") for a in allowed}:
        return True
    try:
        page = urlsplit(origin)
        ours = urlsplit(f"{page.scheme}://{host}")
        default = _DEFAULT_PORTS.get(page.scheme)
        return (
            page.hostname is not None
            and page.hostname == ours.hostname
            and (page.port or default) == (ours.port or default)
        )
    except ValueError:
        return False
