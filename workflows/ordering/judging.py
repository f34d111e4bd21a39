"""Judging orders: what systems say is read, and held against the policies."""

from collections.abc import Callable
from datetime import datetime

from canonical.ordering import WantedOrder
from canonical.reading import Records
from workflows.ordering.facts import FactReader
from workflows.ordering.rules import OrderRules, Routes
from workflows.ordering.validation import Judgement, judge, shape


class OrderJudge:
    """Judges orders.

    Args:
        records: Reads what they are judged by.
        rules: What they must satisfy.
        routes: Where they are made.
        clock: The time.
    """

    def __init__(
        self, records: Records, rules: OrderRules, routes: Routes, clock: Callable[[], datetime]
    ) -> None:
        self._reader = FactReader(records, rules.budgets, routes.leads)
        self._rules = rules
        self._routes = routes
        self._clock = clock

    async def judge(self, wanted: WantedOrder, correlation_id: str) -> Judgement:
        """Everything that is wrong with an order now, or how it is made."""
        wrong = shape(wanted, self._rules)
        if wrong:
            return Judgement(findings=wrong)
        facts = await self._reader.read(wanted, self._clock().date(), correlation_id)
        return judge(wanted, facts, self._rules, self._routes)
