"""Topics: what each field of Subscription hears, by what it can be narrowed, and who may hear it.

    purchaseOrderChanged        every event of a purchase order
    forecastChanged             forecasts revised
    inventoryThresholdBreached  thresholds breached, and recovered
    receiptPosted               receipts posted
    recommendationChanged       recommendations that come up or are decided
    exceptionChanged            exceptions that come up, and what happens to them

Each topic has one stream, and each stream at most one topic. An event that came after a newer one
about the same (`applied` is false) moves nothing, and is not told.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from canonical import events
from canonical.criteria import Criteria, Op
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.event_streams import StreamName
from canonical.events import Event, EventType
from resolvers.visibility import refusal, scoped
from runtime.security.principal import Principal

Keys = tuple[str | tuple[str, ...] | None, ...]
"""What an event can be found by: for each of its topic's dimensions a value, several where it is
about several, or None if that is not known."""


class Wanted(Struct, frozen=True):
    """What a subscription hears of its topic.

    Attributes:
        values: For each of the topic's dimensions which values; None for any. An event whose value
            is not known is in no set of values.
    """

    values: tuple[frozenset[str] | None, ...]

    @property
    def nothing(self) -> bool:
        """Whether no event can be wanted."""
        return any(v is not None and not v for v in self.values)

    def matches(self, keys: Keys) -> bool:
        """Tell whether an event with these keys is wanted."""
        for wanted, key in zip(self.values, keys, strict=True):
            if wanted is None:
                continue
            if wanted.isdisjoint(key) if isinstance(key, tuple) else key not in wanted:
                return False
        return True


class Topic(Struct, frozen=True):
    """What one field of Subscription hears.

    Attributes:
        field: The field.
        stream: The stream of its events.
        types: Names of the types that it hears.
        dimensions: Attributes of the events' data that filters narrow by, the one that leaves
            fewest first.
    """

    field: str
    stream: StreamName
    types: frozenset[str]
    dimensions: tuple[str, ...] = ()

    def keys(self, event: Event) -> Keys | None:
        """What an event is found by; None if it is not told at all."""
        if event.type not in self.types or not event.applied:
            return None
        return tuple([getattr(event.data, name, None) for name in self.dimensions])

    def wanted(self, criteria: Criteria, principal: Principal, max_values: int) -> Wanted:
        """What a caller hears that asks for this: never more than it may see.

        Args:
            criteria: Conditions on the topic's dimensions: one of these values.
            principal: Who asks.
            max_values: Most values of one condition.

        Raises:
            RefusedError: if the caller may see nothing of the kind.
            InvalidInputError: if there are too many values.
        """
        refused = refusal(self.stream, principal)
        if refused is not None:
            raise refused
        for condition in criteria:
            if condition.op is not Op.IN or condition.column not in self.dimensions:
                raise InvalidInputError(f"{self.field} cannot be narrowed by {condition.column}")
            if len(condition.value) > max_values:
                raise InvalidInputError(
                    f"{len(condition.value)} values of `{condition.column}` in one filter; at most "
                    f"{max_values} are taken. Leave the condition out, or subscribe in parts"
                )
        allowed = scoped(self.stream, criteria, principal)
        if allowed is None:
            return Wanted((frozenset(),) * max(1, len(self.dimensions)))
        values: dict[str, frozenset[str]] = {}
        for condition in allowed:
            given = frozenset(condition.value)
            values[condition.column] = values.get(condition.column, given) & given
        return Wanted(tuple(values.get(name) for name in self.dimensions))


def _topic(field: str, *types: EventType, by: tuple[str, ...] = ()) -> Topic:
    return Topic(field, types[0].stream, frozenset(t.type for t in types), by)


_orders: Final = [t for t in events.EVENT_TYPES.values() if t.stream is EntityName.PURCHASE_ORDER]

TOPICS: Final[Mapping[str, Topic]] = MappingProxyType(
    {
        t.field: t
        for t in (
            _topic("purchaseOrderChanged", *_orders, by=("number", "supplier", "status")),
            _topic("forecastChanged", events.FORECAST_REVISED, by=("item", "location")),
            _topic(
                "inventoryThresholdBreached",
                events.THRESHOLD_BREACHED,
                events.THRESHOLD_RECOVERED,
                by=("item", "location"),
            ),
            _topic("receiptPosted", events.RECEIPT_POSTED, by=("supplier",)),
            _topic("recommendationChanged", events.RECOMMENDATION_CHANGED),
            _topic(
                "exceptionChanged",
                events.EXCEPTION_CHANGED,
                by=("items", "suppliers", "owner", "category", "severity"),
            ),
        )
    }
)
"""All topics, by the field that hears them."""
