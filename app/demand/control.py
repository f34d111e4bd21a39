"""The one way of every operation, over whatever it comes, past the limits of its caller.

    one unit for the request -> bounds of its variables -> its text, if new, by its length
    -> bounds of its document -> price -> rate and turn -> (executed) -> what it cost in fact

An answer that is kept costs the one unit. Nobody waits for Redis as long as a lot is at hand.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode
from msgspec import Struct

from app.demand.callers import KEPT, Caller, Callers, Headers
from app.demand.figures import Demand
from app.demand.pricing import Price, Prices
from app.demand.variables import check_request
from app.server.documents import Document, Documents
from app.server.requests import GraphQLRequest
from app.server.terms import Terms
from canonical.errors import CostLimitError, LimitedError, TooLargeError
from runtime.limits.allowances import Allowances
from runtime.limits.rates import SharedRates
from runtime.limits.turns import Turns
from runtime.telemetry import demand_metrics

_CHARACTERS_A_UNIT: Final = 16


class Priced(Struct, frozen=True):
    """An operation whose price is known, and not too high.

    Attributes:
        estimate: What it will cost, with the values of its variables.
        limit: What it may cost.
        price: What the estimate came from.
    """

    estimate: int
    limit: int
    price: Price


class Running(Struct):
    """An operation that has its turn.

    Attributes:
        cost: What it has cost in fact, as soon as that is known; None leaves it at the estimate.
    """

    cost: int | None = None


class DemandControl:
    """Keeps the limits of all callers of one process.

    Attributes:
        kept: Takes the price of a kept answer, see `Callers.kept`.

    Args:
        schema: The schema.
        documents: The documents.
        demand: The figures.
        shared: Accounts that all processes share; None if this one is alone.
        page_size: Records of a page where nothing is said.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        documents: Documents,
        demand: Demand,
        shared: SharedRates | None,
        page_size: int,
    ) -> None:
        self.prices = Prices(schema, page_size)
        self._documents = documents
        self._allowances = Allowances(shared)
        self._callers = Callers(demand, self._allowances)
        self.kept = self._callers.kept
        self._turns = Turns()

    async def aclose(self) -> None:
        """End what is under way."""
        await self._allowances.aclose()

    def blocked(self, terms: Terms) -> bool:
        """Whether nothing of a caller's is looked at now, because it has spent everything."""
        return self._allowances.blocked(self._callers.of(terms).allowance)

    def look(self, request: GraphQLRequest, terms: Terms) -> Document:
        """The document of a request; a new text is on the caller's account."""
        if not self._documents.known(request.query):
            units = len(request.query) // _CHARACTERS_A_UNIT
            self._allowances.owe(self._callers.of(terms).allowance, units)
        return self._documents.get(request.query)

    async def enter(self, request: GraphQLRequest, terms: Terms) -> Document:
        """Take a request in.

        Raises:
            RateLimitedError: if the caller has spent all it may.
            TooLargeError: if the request, or its document, holds more than the caller's may.
        """
        caller = self._callers.of(terms)
        await self._paid(caller, KEPT)
        bounds = caller.figures.bounds
        check_request(request.operation_name, request.variables, bounds)
        document = self.look(request, terms)
        if document.size is not None and not document.errors:
            size = document.size
            excess = document.once(bounds, lambda: size.excess(bounds))
            if excess:
                demand_metrics.refused("document")
                raise TooLargeError(excess[0].message)
        return document

    def priced(
        self,
        document: Document,
        chosen: OperationDefinitionNode,
        request: GraphQLRequest,
        terms: Terms,
    ) -> Priced:
        """The price of an operation of a valid document.

        Raises:
            CostLimitError: if it is more than the caller's operations may cost.
            TooLargeError: if it cannot be told.
        """
        limit = self._callers.of(terms).figures.max_cost
        price: Price | str = document.once(id(chosen), lambda: self._price(document, chosen))
        if isinstance(price, str):
            raise TooLargeError(price)
        estimate = price.of(request.variables)
        if estimate > limit:
            demand_metrics.refused("cost")
            raise CostLimitError(estimate, limit)
        return Priced(estimate, limit, price)

    async def open(self, priced: Priced, terms: Terms) -> None:
        """Let a subscription begin.

        Raises:
            RateLimitedError: if the caller has spent all it may.
        """
        await self._paid(self._callers.of(terms), priced.estimate)

    @asynccontextmanager
    async def running(self, priced: Priced, terms: Terms) -> AsyncIterator[Running]:
        """Let an operation run for as long as the block lasts.

        Raises:
            RateLimitedError: if the caller has not enough left for it.
            TooManyOperationsError: if the caller has too many under way.
        """
        caller = self._callers.of(terms)
        running = Running()
        async with self._turn(caller):
            await self._paid(caller, priced.estimate)
            yield running
        if running.cost is not None:
            self._allowances.settle(caller.allowance, priced.estimate, running.cost)
            demand_metrics.operation_cost(priced.estimate, running.cost)

    def cost(self, priced: Priced, objects: Sequence[tuple[str, str, int]]) -> int:
        """What an operation has cost in fact.

        Args:
            priced: The operation.
            objects: What was worked on: owner and name of fields, and objects that they led to.
        """
        return priced.price.changes + self.prices.actual(objects)

    def headers(self, terms: Terms) -> Headers:
        """What answers tell of the caller's rate: RateLimit and RateLimit-Policy."""
        return self._callers.of(terms).headers()

    @asynccontextmanager
    async def _turn(self, caller: Caller) -> AsyncIterator[None]:
        try:
            async with self._turns.turn(caller.key, caller.figures.turns):
                yield
        except LimitedError:
            demand_metrics.refused("operations")
            raise

    async def _paid(self, caller: Caller, units: int) -> None:
        try:
            await self._allowances.pay(caller.allowance, units)
        except LimitedError:
            demand_metrics.refused("rate")
            raise

    def _price(self, document: Document, chosen: OperationDefinitionNode) -> Price | str:
        assert document.tree is not None  # noqa: S101  # it is valid
        try:
            return self.prices.of(document.tree, chosen)
        except GraphQLError as exc:
            return exc.message


def rate_headers(error: LimitedError) -> Mapping[str, str]:
    """What an answer that was refused tells of it."""
    seconds = f"{error.retry_after_s}"
    return {"Retry-After": seconds, "RateLimit": f'"default";r=0;t={seconds}'}
