"""Questions as requests: addresses, query options, and the splitting of many keys."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from msgspec.structs import replace

from canonical.criteria import Op
from canonical.errors import InvalidInputError, UnsupportedError
from connectors.kit.chunks import Bounds, chunks
from connectors.kit.http import Request, encoded, query_string
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Clause, Dataset, RowQuery, Test
from connectors.odata.expand import select_expand
from connectors.odata.filters import render
from connectors.odata.settings import Settings
from connectors.odata.shape import Shape
from connectors.odata.tracking import GONE

ACCEPT: Final[Mapping[str, Mapping[str, str]]] = {
    "v2": {"Accept": "application/json", "MaxDataServiceVersion": "2.0"},
    "v4": {"Accept": "application/json;IEEE754Compatible=true", "OData-MaxVersion": "4.0"},
}
_COUNT: Final[Mapping[str, tuple[str, str]]] = {
    "v2": ("$inlinecount", "allpages"),
    "v4": ("$count", "true"),
}


class QueryWriter:
    """Writes the requests for one system."""

    def __init__(self, settings: Settings, policy: CallPolicy, *, system: str, base: str) -> None:
        self._settings = settings
        self._policy = policy
        self._system = system
        self._base = base

    def filter(self, where: Sequence[Clause], shape: Shape) -> str | None:
        """Clauses as `$filter`; empty if all rows are wanted, None if there can be none.

        Raises:
            InvalidInputError: if a value cannot be of its field's type.
        """
        try:
            return render(where, shape)
        except ValueError as exc:
            raise InvalidInputError(f"{self._system}: {shape.set_name}: {exc}") from exc

    def first(self, query: RowQuery, shape: Shape, where: str, top: int, skip: int) -> Request:
        """The request for `top` rows after `skip`.

        Raises:
            UnsupportedError: if its address is longer than the policy allows.
        """
        options = self._options(query, shape, where, top)
        if skip:
            options.append(("$skip", str(skip)))
        elif query.count:
            options.append(_COUNT[self._settings.version])
        request = self._request(shape, options)
        length = self._length(request)
        if length > self._policy.max_url_bytes:
            raise UnsupportedError(
                f"{self._system}: the conditions on {request.label} make an address of {length} "
                f"bytes, more than the {self._policy.max_url_bytes} that are allowed; "
                f"ask for fewer values at once"
            )
        return request

    def tracked(self, query: RowQuery, shape: Shape, where: str) -> Request:
        """The request for all rows, with the wish to be told of their changes from then on."""
        options = [("$filter", where)] if where else []
        request = self._request(shape, [*options, *self._columns(query, shape)])
        return _preferring(request, "odata.track-changes", self._of_size(query))

    def behind(self, link: str, query: RowQuery, shape: Shape, first: Request) -> Request:
        """The request for what is behind a link; that it is too old is an answer, too."""
        request = _preferring(self.following(link, shape, first), self._of_size(query))
        return replace(request, accept=(GONE,))

    def _of_size(self, query: RowQuery) -> str:
        return f"odata.maxpagesize={query.limit or self._settings.page_size}"

    def kept(self, cursor: str) -> str:
        """A cursor without our own address in its link: that may be another one then."""
        base = urlsplit(self._base)
        return cursor.replace(f" {base.scheme}://{base.netloc}/", " /", 1)

    def following(self, link: str, shape: Shape, origin: Request) -> Request:
        """The request that a next link stands for; relative links start where `origin` led.

        Client and language are put back where a service leaves them out of its links.
        """
        here = urljoin(f"{self._base}/", origin.path.lstrip("/"))
        address = urljoin(here, link)
        for name, value in fixed(self._settings):
            if f"{name}=" not in address:
                joint = "&" if "?" in address else "?"
                address += f"{joint}{name}={encoded(value)}"
        return Request(path=address, label=shape.set_name, headers=ACCEPT[self._settings.version])

    def chunks(
        self, query: RowQuery, shape: Shape, values: Sequence[Any], by: Test
    ) -> Iterable[Sequence[Any]]:
        """Split values so that each chunk fits one address, and one page if each has one row."""
        others = self.filter(query.where, shape) or ""
        options = self._options(query, shape, f"{others} and ()", self._settings.page_size)
        empty = self._length(self._request(shape, options))
        page_size = self._settings.page_size if query.dataset.key == (by.path,) else None

        def alternative(value: Any) -> int:
            one = Test(by.path, Op.IN, (value,), by.kind)
            return len(encoded(f"{self.filter(((one,),), shape)} or "))

        bounds = Bounds.of(self._policy, base_bytes=empty, page_size=page_size)
        return chunks(values, bounds, alternative)

    def _options(
        self, query: RowQuery, shape: Shape, where: str, top: int
    ) -> list[tuple[str, str]]:
        found = [("$filter", where)] if where else []
        found += self._columns(query, shape)
        order = dict(query.sort)
        for path in query.dataset.key:  # pages by $skip need an order without ties
            if shape.sortable(path):
                order.setdefault(path, False)
        if order:
            texts = (p.replace(".", "/") + (" desc" if down else "") for p, down in order.items())
            found.append(("$orderby", ",".join(texts)))
        return [*found, ("$top", str(top))]

    def _columns(self, query: RowQuery, shape: Shape) -> list[tuple[str, str]]:
        def is_structure(path: str) -> bool:
            service = shape.service
            return service is not None and service.is_link(shape.set_name, path) is False

        columns = [c for c in query.columns if c not in shape.options.attached()]
        wanted = (*columns, *query.dataset.key) if query.columns else ()
        return select_expand(wanted, self._settings.version, is_structure)

    def _request(self, shape: Shape, options: Sequence[tuple[str, str]]) -> Request:
        return Request(
            path=address(self._settings, shape.dataset),
            label=shape.set_name,
            query=(*options, *fixed(self._settings)),
            headers=ACCEPT[self._settings.version],
        )

    def _length(self, request: Request) -> int:
        return len(f"{self._base}/{request.path.lstrip('/')}?{query_string(request.query)}")


def _preferring(request: Request, *wishes: str) -> Request:
    return replace(request, headers={**request.headers, "Prefer": ", ".join(wishes)})


def fixed(settings: Settings) -> list[tuple[str, str]]:
    """Parameters of every request."""
    named = (("sap-client", settings.sap_client), ("sap-language", settings.sap_language))
    return [*((n, v) for n, v in named if v), *settings.query.items()]


def address(settings: Settings, dataset: Dataset) -> str:
    """Where a dataset is, below the backend's address."""
    return "/".join(part for part in (settings.root, dataset.name) if part)
