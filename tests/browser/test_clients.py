"""The clients that people use, in a browser: what each hears, and when it comes again.

They are bundled from `tests/clients`; `npm install && npm run build` there makes the bundle anew.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page
from typing_extensions import override

from app.server.requests import GraphQLRequest
from app.server.terms import Terms
from subscriptions.outlets import CloseCode, Outlet, Subscription
from tests.browser.elsewhere import served_elsewhere
from tests.fakes.serving import FakeServing, a_token
from tests.fakes.streams import FakeStreams, FakeSubscription

pytestmark = pytest.mark.xdist_group("browser")

CLIENTS = ["transport", "legacy", "stream"]
AWAY = "subscription Away($after: Int, $code: Int) { away(after: $after, code: $code) }"


class Restarting(FakeStreams):
    """A stream that says one number at a time, and then is away; at the third it is complete."""

    @override
    async def begin(self, request: GraphQLRequest, terms: Terms, outlet: Outlet) -> Subscription:
        if "away" not in request.query:
            return await super().begin(request, terms, outlet)
        begun = FakeSubscription(request, terms, outlet)
        self.begun.append(begun)
        number = request.variables.get("after", 0) + 1
        begun.deliver(n=number)
        if number < 3:
            outlet.close(CloseCode(request.variables["code"]), "connect again")
        else:
            outlet.complete()
        return begun


@pytest.fixture(scope="module")
def streams() -> FakeStreams:
    return Restarting()


@pytest.fixture(scope="module")
def address(streams: FakeStreams) -> Iterator[str]:
    with served_elsewhere(FakeServing(), streams) as address:
        yield address


def listen(page: Page, client: str, query: str, *, known: bool = True, **variables: Any) -> Any:
    """All that a client hears of one subscription, up to its end."""
    call = "([client, ...rest]) => clients[client](client, ...rest)"
    return page.evaluate(call, [client, a_token() if known else None, query, variables])


@pytest.mark.parametrize("client", CLIENTS)
def test_results_come_in_order_and_then_complete(page: Page, client: str) -> None:
    heard = listen(page, client, "subscription { count }", to=3)
    assert heard == [*(["next", {"count": n}] for n in (1, 2, 3)), ["complete"]]


@pytest.mark.parametrize(
    "client, told",
    [
        ("transport", ["error", ["not for you", "nor for others"]]),
        ("legacy", ["error", "not for you"]),
        ("stream", ["error", {"status": 400}]),
    ],
)
def test_a_refusal_is_an_error(page: Page, client: str, told: Any) -> None:
    assert listen(page, client, "subscription { refused }") == [told]


@pytest.mark.parametrize(
    "client, code",
    [
        ("transport", 1001),
        ("legacy", 1001),
        ("stream", 1001),
        ("transport", 1013),
        ("transport", 4403),  # the token has expired: it asks for connection parameters again
    ],
)
def test_who_is_sent_away_comes_again_and_goes_on(
    page: Page, streams: FakeStreams, client: str, code: int
) -> None:
    streams.begun.clear()
    heard = listen(page, client, AWAY, code=code)
    assert heard == [*(["next", {"n": n}] for n in (1, 2, 3)), ["complete"]]
    assert [s.request.variables.get("after") for s in streams.begun] == [None, 1, 2]
    assert [s.ends for s in streams.begun[:2]] == [1, 1]


def test_4401_is_the_end(page: Page, streams: FakeStreams) -> None:
    streams.begun.clear()
    heard = listen(page, "transport", "subscription { closing }", code=4401)
    assert heard == [["error", {"code": 4401, "reason": "because of the test"}]]
    assert len(streams.begun) == 1


@pytest.mark.parametrize(
    "client, told",
    [
        ("transport", ["error", {"code": 4403, "reason": "no token"}]),
        ("legacy", ["refused", "no token"]),
        ("stream", ["error", {"status": 401}]),
    ],
)
def test_who_says_no_token_is_told_so(page: Page, client: str, told: Any) -> None:
    hint = ': send {"authorization": "Bearer <token>"} with connection_init'
    [heard] = listen(page, client, "subscription { count }", known=False, to=1)
    if client == "transport":
        heard[1]["reason"] = heard[1]["reason"].removesuffix(hint)
    elif client == "legacy":
        heard[1] = heard[1].removesuffix(hint)
    assert heard == told


def test_a_stream_that_is_closed_for_good_says_why(page: Page, streams: FakeStreams) -> None:
    streams.begun.clear()
    heard = listen(page, "stream", "subscription { closing }", code=4403)
    assert heard == [["next", ["because of the test"]], ["complete"]]
    assert len(streams.begun) == 1
