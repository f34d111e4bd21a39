"""Which address a request goes to: always the backend's own, wherever a link points."""

from urllib.parse import SplitResult, urlsplit, urlunsplit

from canonical.errors import BadAnswerError
from connectors.kit.http import Request, query_string

_PORTS = {"http": 80, "https": 443}


class Addresses:
    """Addresses of one backend.

    Args:
        system: The backend's name.
        base_url: Its address.
        rebase: Whether links to another host are read as links to this one.
    """

    def __init__(self, system: str, base_url: str, *, rebase: bool) -> None:
        self.system = system
        self.base_url = base_url.rstrip("/")
        self._base = urlsplit(self.base_url)
        self._rebase = rebase

    @property
    def host(self) -> str:
        """The backend's host, which is not told to callers."""
        return self._base.hostname or ""

    def of(self, request: Request) -> str:
        """The full URL of a request.

        Raises:
            BadAnswerError: a link points to another host, and the policy does not read it as ours.
        """
        path = request.path
        if path.startswith(("http://", "https://")):
            url = self._own(urlsplit(path), request) if request.authorise else path
        else:
            url = f"{self.base_url}/{path.lstrip('/')}" if path else self.base_url
        if not request.query:
            return url
        return f"{url}{'&' if '?' in url else '?'}{query_string(request.query)}"

    def _own(self, link: SplitResult, request: Request) -> str:
        """A link that the system gave, on the system's own address whatever it names."""
        if _origin(link) != _origin(self._base) and not self._rebase:
            message = f"{request.label} gave a link to another address (see `policy.rebase_links`)"
            raise BadAnswerError(self.system, message)
        return urlunsplit((self._base.scheme, self._base.netloc, link.path, link.query, ""))


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    try:
        port = url.port
    except ValueError:  # a port that is none: certainly not ours
        return url.scheme, None, None
    return url.scheme, url.hostname, port or _PORTS.get(url.scheme)
