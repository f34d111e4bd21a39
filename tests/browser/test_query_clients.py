"""Clients of queries that people use, in a browser, unmodified; and the audits of graphql-http.

They are bundled from `tests/clients`, as those of subscriptions are.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from app.server.edge import Edge
from tests.browser.elsewhere import served_elsewhere
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, a_token
from tests.fakes.streams import FakeStreams

pytestmark = pytest.mark.xdist_group("browser")

SKUS = [f"I{n}" for n in range(10)]
COUNT = "subscription Count($to: Int) { count(to: $to) }"
COUNTED = [{"count": n} for n in (1, 2, 3)]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    serving = FakeServing(*Distributor().sources)
    serving.edge = Edge(max_batch=10)
    with served_elsewhere(serving, FakeStreams()) as address:
        yield address


def call(page: Page, name: str, *arguments: Any) -> Any:
    """What a function of the bundle returns, called by a planner."""
    script = "([name, ...rest]) => clients[name](...rest)"
    return page.evaluate(script, [name, a_token(), *arguments])


class TestAudits:
    """The package graphql-http, which checks each requirement of the specification."""

    def test_every_must_and_should_passes(self, page: Page) -> None:
        told = call(page, "audits")
        assert len(told) == 61
        assert [audit for audit in told if audit[0] != "ok"] == []


class TestApollo:
    def test_pages_are_put_together(self, page: Page) -> None:
        assert call(page, "apolloPages") == SKUS

    def test_errors_have_codes(self, page: Page) -> None:
        assert call(page, "apolloErrors", "{ nonsense }") == {
            "data": None,
            "codes": ["GRAPHQL_VALIDATION_FAILED"],
        }
        partial = call(page, "apolloErrors", '{ viewer { subject } node(id: "x") { id } }')
        assert partial["data"]["viewer"]["subject"] == "pia"
        assert partial["codes"] == ["BAD_USER_INPUT"]

    def test_a_document_is_sent_once(self, page: Page) -> None:
        assert call(page, "apolloPersisted") == {
            "skus": [4, 4],
            "sent": [["GET", "name", 200], ["POST", "text", 200], ["GET", "name", 200]],
        }

    def test_several_questions_are_one_request(self, page: Page) -> None:
        told = call(page, "apolloBatch")
        subject, *items = told["data"]
        assert subject["viewer"]["subject"] == "pia"
        assert [each["item"]["sku"] for each in items] == ["I3", "I4"]
        assert told["sent"] == [["POST", "text", 200]]

    def test_subscriptions_come_over_sockets(self, page: Page) -> None:
        assert call(page, "apolloSubscription", COUNT, {"to": 3}) == COUNTED


class TestUrql:
    def test_queries_are_answered_in_json(self, page: Page) -> None:
        told = call(page, "urqlQuery", "query ($s: String!) { item(sku: $s) { sku } }", {"s": "I3"})
        assert told["data"]["item"]["sku"] == "I3"
        assert told["codes"] == []

    def test_errors_have_codes(self, page: Page) -> None:
        told = call(page, "urqlQuery", "{ nonsense }")
        assert told == {"data": None, "codes": ["GRAPHQL_VALIDATION_FAILED"]}

    def test_a_document_is_sent_once(self, page: Page) -> None:
        told = call(page, "urqlPersisted")
        assert told["counts"] == [4, 4]
        assert [kind for _, kind, _ in told["sent"]] == ["name", "text", "name"]
        assert {status for _, _, status in told["sent"]} == {200}

    @pytest.mark.parametrize("over_fetch", [False, True])
    def test_subscriptions(self, page: Page, over_fetch: bool) -> None:
        assert call(page, "urqlSubscription", COUNT, {"to": 3}, over_fetch) == COUNTED


def test_relay_puts_pages_together(page: Page) -> None:
    assert call(page, "relayPages") == SKUS
