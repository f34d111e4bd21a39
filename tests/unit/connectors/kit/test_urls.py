"""Where requests go: always to the backend itself."""

from urllib.parse import quote, unquote

import pytest

from canonical.errors import BadAnswerError
from connectors.kit.http import Request, encoded, query_string
from connectors.kit.transport_urls import Addresses

BASE = "https://erp.example:8443/sap/opu/"


def url_of(path: str, *, rebase: bool = True, **given: object) -> str:
    request = Request(path=path, label="x", **given)  # type: ignore[arg-type]
    return Addresses("erp", BASE, rebase=rebase).of(request)


@pytest.mark.parametrize(
    "path, expected",
    [
        ("items", "https://erp.example:8443/sap/opu/items"),
        ("/items", "https://erp.example:8443/sap/opu/items"),
        ("", "https://erp.example:8443/sap/opu"),
        ("items?a=1", "https://erp.example:8443/sap/opu/items?a=1"),
        ("https://erp.example:8443/other?x=1#frag", "https://erp.example:8443/other?x=1"),
        ("http://node-3:50000/sap/opu/items", "https://erp.example:8443/sap/opu/items"),
        ("https://user:pw@evil.example/items", "https://erp.example:8443/items"),
        ("https://evil.example:99999/items", "https://erp.example:8443/items"),
        ("//evil.example/items", "https://erp.example:8443/sap/opu/evil.example/items"),
    ],
)
def test_every_link_leads_home(path: str, expected: str) -> None:
    assert url_of(path) == expected


@pytest.mark.parametrize(
    "path", ["http://erp.example:8443/x", "https://erp.example/x", "https://evil.example:99999/x"]
)
def test_other_origins_may_be_refused(path: str) -> None:
    with pytest.raises(BadAnswerError, match="x gave a link to another address"):
        url_of(path, rebase=False)


def test_a_port_that_goes_without_saying_is_the_same_origin() -> None:
    addresses = Addresses("erp", "https://erp.example", rebase=False)
    link = Request(path="https://erp.example:443/x", label="x")
    assert addresses.of(link) == "https://erp.example/x"


def test_only_calls_for_credentials_may_go_elsewhere() -> None:
    path = "https://login.example/token"
    assert url_of(path, authorise=False) == path


def test_queries_are_added_in_order_and_measured_as_sent() -> None:
    query = [("$filter", "a eq 'x y'"), ("$top", "5"), ("q", "1"), ("q", "2")]
    assert url_of("items?z=0", query=query).endswith(
        "/items?z=0&$filter=a%20eq%20'x%20y'&$top=5&q=1&q=2"
    )
    assert query_string([("a b", "+&=;#%ü")]) == "a%20b=%2B%26%3D%3B%23%25%C3%BC"
    assert encoded("2026-01-01T00:00:00+01:00") == "2026-01-01T00:00:00%2B01:00"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "a%20b %",
        "".join(map(chr, range(1, 127))),
        "Größe eq '5 µm' and naïve ne '日本'",
        "x eq '%' or " * 500,
    ],
)
def test_what_is_encoded_is_read_back_as_it_was(text: str) -> None:
    sent = encoded(text)
    assert unquote(sent) == text
    assert sent == quote(text, safe="$,()*:/'@!~")
