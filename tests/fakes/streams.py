"""Subscriptions of a pretend installation: they count, refuse, stay silent, flood or break."""

import json
import re
from typing import Any

from app.server.requests import GraphQLRequest
from app.server.terms import Terms
from subscriptions.outlets import CloseCode, Outlet, Subscription

NAME = re.compile(r"\{\s*(\w+)")


def result(**fields: Any) -> bytes:
    return json.dumps({"data": fields}, separators=(",", ":")).encode()


class FakeSubscription:
    """One that was begun, and what was heard of it since."""

    def __init__(self, request: GraphQLRequest, terms: Terms, outlet: Outlet) -> None:
        self.request = request
        self.terms = terms
        self.outlet = outlet
        self.ends = 0
        self.resumptions = 0
        self.sent = 0

    def resumed(self) -> None:
        self.resumptions += 1

    def end(self) -> None:
        self.ends += 1

    def deliver(self, **fields: Any) -> None:
        self.outlet.deliver(result(**fields))

    def flood(self, size: int) -> None:
        """Deliver until the outlet is congested."""
        while not self.outlet.congested:
            self.deliver(n=self.sent, filling="x" * size)
            self.sent += 1


class FakeStreams:
    """Keeps the promises of `app.server.streams.Streams`; the root field says what is to happen.

    count     results up to the variable `to`, and the end
    quiet     nothing, until the test has something delivered
    refused   two errors
    closing   the connection is closed, with the variable `code`
    breaking  an exception
    """

    def __init__(self) -> None:
        self.begun: list[FakeSubscription] = []

    async def begin(self, request: GraphQLRequest, terms: Terms, outlet: Outlet) -> Subscription:
        subscription = FakeSubscription(request, terms, outlet)
        self.begun.append(subscription)
        found = NAME.search(request.query)
        match found[1] if found else "":
            case "count":
                for n in range(1, request.variables["to"] + 1):
                    subscription.deliver(count=n)
                outlet.complete()
            case "refused":
                outlet.fail(b'[{"message":"not for you"},{"message":"nor for others"}]')
            case "closing":
                outlet.close(CloseCode(request.variables["code"]), "because of the test")
            case "breaking":
                raise ZeroDivisionError
            case _:
                pass
        return subscription

    @property
    def only(self) -> FakeSubscription:
        [one] = self.begun
        return one
