"""The one way of every operation, over whatever it comes, past the limits of its caller.

    one unit for the request -> bounds of its variables -> its text, if new, by its length
    -> bounds of its document -> price -> rate and turn -> (executed) -> what it cost in fact

An answer that is kept costs the one unit. Nobody waits for Redis as long as a lot is at hand.
"""

import hashlib
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

import msgspec
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode
from msgspec import Struct

from app.demand.figures import Demand, Figures
from app.demand.pricing import Price, Prices
from app.demand.variables import check_request
from app.server.documents import Document, Documents
from app.server.requests import GraphQLRequest
from app.server.terms import Terms
from canonical.errors import CostLimitError, LimitedError, TooLargeError
from runtime.limits.allowances import Allowance, Allowances
from runtime.limits.rates import Rate, SharedRates
from runtime.limits.turns import Turns
from runtime.security.principal import Principal
from runtime.telemetry import demand_metrics

Headers = tuple[tuple[bytes, bytes], ...]

KEPT: Final = 1
"""What each request costs, and all that a kept answer does."""

_CHARACTERS_A_UNIT: Final = 16
_UNLIMITED: Final = Rate(1e9, 1_000_000_000)
_NONE: Final[Headers] = ()


class Caller(Struct, frozen=True):
    """Whose operation it is, as limits see it.

    Attributes:
        key: Who it is: issuer and subject, or an address.
        figures: What it may ask for.
        allowance: What it may still spend.
    """

    key: Hashable
    figures: Figures
    allowance: Allowance


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
        self._demand = demand
        self._allowances = Allowances(shared)
        self._turns = Turns()

    async def aclose(self) -> None:
        """End what is under way."""
        await self._allowances.aclose()

    def kept(self, principal: Principal) -> bool:
        """Take the price of a kept answer; False if that needs a wait."""
        key = (principal.issuer, principal.subject)
        figures = self._demand.of(principal.roles)
        allowance = self._allowance(key, figures)
        return self._allowances.spend(allowance, KEPT)

    def blocked(self, terms: Terms) -> bool:
        """Whether nothing of a caller's is looked at now, because it has spent everything."""
        return self._allowances.blocked(self._caller(terms).allowance)

    def look(self, request: GraphQLRequest, terms: Terms) -> Document:
        """The document of a request; a new text is on the caller's account."""
        if not self._documents.known(request.query):
            units = len(request.query) // _CHARACTERS_A_UNIT
            self._allowances.owe(self._caller(terms).allowance, units)
        return self._documents.get(request.query)

    async def enter(self, request: GraphQLRequest, terms: Terms) -> Document:
        """Take a request in.

        Raises:
            RateLimitedError: if the caller has spent all it may.
            TooLargeError: if the request, or its document, holds more than the caller's may.
        """
        caller = self._caller(terms)
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
        limit = self._caller(terms).figures.max_cost
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
        await self._paid(self._caller(terms), priced.estimate)

    @asynccontextmanager
    async def running(self, priced: Priced, terms: Terms) -> AsyncIterator[Running]:
        """Let an operation run for as long as the block lasts.

        Raises:
            RateLimitedError: if the caller has not enough left for it.
            TooManyOperationsError: if the caller has too many under way.
        """
        caller = self._caller(terms)
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
        caller = self._caller(terms)
        if caller.figures.rate is None:
            return _NONE
        units, seconds = caller.allowance.remaining()
        now = b'"default";r=%d;t=%d' % (units, seconds)
        return ((b"ratelimit", now), (b"ratelimit-policy", _policy(caller.figures.rate)))

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

    def _caller(self, terms: Terms) -> Caller:
        principal = terms.principal
        if principal is None:
            key: tuple[str, str] = ("", _network(terms.address))
            figures = self._demand.strangers
        else:
            key = (principal.issuer, principal.subject)
            figures = self._demand.of(principal.roles)
        return Caller(key, figures, self._allowance(key, figures))

    def _allowance(self, key: tuple[str, str], figures: Figures) -> Allowance:
        return self._allowances.of(key, figures.rate or _UNLIMITED, lambda: _account(key))


def _account(key: tuple[str, str]) -> str:
    """The name of an account: a digest, for who asks is nobody's business who looks into Redis."""
    return hashlib.blake2b(msgspec.json.encode(key), digest_size=16).hexdigest()


@lru_cache(maxsize=4_096)
def _network(address: str) -> str:
    """An address, of which in IPv6 one caller has as many as it likes: there its network of /64."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    return known.exploded[:19] if known.version == 6 else address  # noqa: PLR2004  # IPv6


@lru_cache(maxsize=64)
def _policy(rate: Rate) -> bytes:
    window_s = max(1, round(rate.burst / rate.per_s))
    return b'"default";q=%d;w=%d;qu="cost"' % (rate.burst, window_s)


def rate_headers(error: LimitedError) -> Mapping[str, str]:
    """What an answer that was refused tells of it."""
    seconds = f"{error.retry_after_s}"
    return {"Retry-After": seconds, "RateLimit": f'"default";r=0;t={seconds}'}
