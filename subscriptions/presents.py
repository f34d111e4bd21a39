"""The present state, told before the first event: what is so now, in the form of events.

What changes while it is read is held, and follows: nothing is lost between the two, and what is in
the state already may follow once more.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from canonical import events
from canonical.absent import is_absent
from canonical.criteria import Criteria
from canonical.entities import EntityName
from canonical.errors import SupplygraphError
from canonical.event_streams import SERVICE, EventData, OwnStream, StreamName
from canonical.events import Event, EventType, subject
from canonical.exception_events import ExceptionChanged
from canonical.exceptions import OPEN, ExceptionFilter, SupplyException
from execution.fields import Asked
from execution.operation import Partial
from resolvers.context import RequestContext
from resolvers.events import Shown
from resolvers.exceptions import open_now
from resolvers.items import items_of
from resolvers.reading import listed
from resolvers.units import Units
from subscriptions.cursors import encode_cursor
from subscriptions.members import Member, Mode
from subscriptions.problems import SnapshotTooLargeError

if TYPE_CHECKING:
    from subscriptions.groups import Group


class _Form(Struct, frozen=True):
    """How a record is told: which columns are read, when it was so, and what is said of it."""

    type: EventType
    name: Callable[[Any], str]
    moments: tuple[str, ...]
    columns: frozenset[str]
    data: Callable[[Any], EventData]


def _known(record: Any, column: str) -> Any:
    value = getattr(record, column)
    return None if is_absent(value) else value


def _order(r: Any) -> EventData:
    return events.PurchaseOrderStatusChanged(number=r.number, supplier=r.supplier, status=r.status)


def _forecast(r: Any) -> EventData:
    return events.ForecastRevised(
        item=r.item,
        location=_known(r, "location"),
        period_start=r.period_start,
        period_end=_known(r, "period_end"),
        quantity=r.quantity,
        unit=_known(r, "unit"),
        version=_known(r, "version"),
    )


def _receipt(r: Any) -> EventData:
    order, supplier = _known(r, "purchase_order"), _known(r, "supplier")
    location = _known(r, "location")
    return events.ReceiptPosted(
        number=r.number, purchase_order=order, supplier=supplier, location=location
    )


def _recommendation(r: Any) -> EventData:
    location, supplier = _known(r, "location"), _known(r, "supplier")
    return events.RecommendationChanged(
        item=r.item, location=location, supplier=supplier, status=r.status
    )


def _form(
    type: EventType,
    name: Callable[[Any], str],
    moments: str,
    columns: str,
    data: Callable[[Any], EventData],
) -> _Form:
    when = tuple(moments.split())
    return _Form(type, name, when, frozenset({*when, *columns.split()}), data)


_FORMS: Final = {
    EntityName.PURCHASE_ORDER: _form(
        events.STATUS_CHANGED,
        lambda r: str(r.number),
        "updated_at",
        "number supplier status",
        _order,
    ),
    EntityName.FORECAST: _form(
        events.FORECAST_REVISED,
        lambda r: str(r.item),
        "revised_at",
        "item location period_start period_end quantity unit version",
        _forecast,
    ),
    EntityName.RECEIPT: _form(
        events.RECEIPT_POSTED,
        lambda r: str(r.number),
        "received_at",
        "number purchase_order supplier location",
        _receipt,
    ),
    EntityName.RECOMMENDATION: _form(
        events.RECOMMENDATION_CHANGED,
        lambda r: str(r.item),
        "decided_at created_at",
        "item location supplier status",
        _recommendation,
    ),
}
_SAFETY: Final = "safety_stock"
_KEPT: Final = frozenset({"sku", "unit", "unit_conversions", _SAFETY})


async def present(
    context: RequestContext, stream: StreamName, criteria: Criteria, most: int
) -> list[Event]:
    """What is so now, as events without a place in the log; of stock what is below safety stock.

    Raises:
        SnapshotTooLargeError: if it is more than so many records.
        SupplygraphError: if it could not be read whole.
    """
    if isinstance(stream, OwnStream):
        return await _open_exceptions(context, criteria, most)
    if stream is EntityName.INVENTORY:
        return await _short_of_stock(context, criteria, most)
    form = _FORMS[stream]
    records = await _all(context, stream, form.columns, criteria, most)
    return [_event(context, stream, form, r) for r in records]


async def _all(
    context: RequestContext,
    entity: EntityName,
    columns: frozenset[str],
    criteria: Criteria,
    most: int,
) -> Sequence[Any]:
    page = await listed(context, entity, Asked(columns), criteria=criteria, first=most)
    if isinstance(page, Partial):
        raise page.problems[0]
    if page.listed.more:
        raise SnapshotTooLargeError(most)
    return page.nodes


async def _open_exceptions(context: RequestContext, criteria: Criteria, most: int) -> list[Event]:
    asked = {c.column: tuple(c.value) for c in criteria}
    wanted = ExceptionFilter(
        states=OPEN,
        categories=asked.get("category"),
        severities=asked.get("severity"),
        owners=asked.get("owner"),
        suppliers=asked.get("suppliers"),
        items=asked.get("items"),
    )
    found, more = await open_now(context, wanted, most)
    if more:
        raise SnapshotTooLargeError(most)
    return [_standing(context, each) for each in found]


def _standing(context: RequestContext, exception: SupplyException) -> Event:
    last, name = exception.history[-1], f"snapshot:exception:{exception.exception_id}"
    data = ExceptionChanged(
        exception=exception.exception_id,
        action=last.action,
        category=exception.category,
        severity=exception.severity,
        state=exception.state,
        owner=exception.owner,
    )
    return Event(
        type=events.EXCEPTION_CHANGED.type,
        system=SERVICE,
        source_event_id=name,
        key=exception.exception_id,
        subjects=(subject(OwnStream.EXCEPTION, exception.exception_id),),
        occurred_at=last.at,
        data=data,
        correlation_id=context.correlation_id,
        event_id=name,
        recorded_at=context.now,
    )


async def _short_of_stock(context: RequestContext, criteria: Criteria, most: int) -> list[Event]:
    columns = frozenset({"item", "location", "available", "unit", "as_of"})
    positions = await _all(context, EntityName.INVENTORY, columns, criteria, most)
    items = await items_of(context, positions, Asked(_KEPT))
    units, found = Units(context), list[Event]()
    await units.learn(p.item for p in positions)
    for position, item in zip(positions, items, strict=True):
        if isinstance(item, SupplygraphError):
            raise item
        whole = item.value if isinstance(item, Partial) else item
        kept = None if whole is None else _known(whole, _SAFETY)
        if kept is None:
            continue
        # In the position's unit; what no conversion is declared for is not compared.
        threshold = units.guarded(units.convert, kept, whole.unit, position.unit, position.item)
        if not isinstance(threshold, SupplygraphError) and position.available < threshold:
            found.append(_short(context, position, threshold))
    return found


def _short(context: RequestContext, position: Any, threshold: Any) -> Event:
    data = events.InventoryThreshold(
        item=position.item,
        location=position.location,
        threshold=threshold,
        available=position.available,
        rule=_SAFETY,
        unit=_known(position, "unit"),
    )
    form = _Form(
        events.THRESHOLD_BREACHED,
        lambda r: f"{r.item}/{r.location}",
        ("as_of",),
        frozenset(),
        lambda _: data,
    )
    return _event(context, EntityName.INVENTORY, form, position)


def _event(context: RequestContext, stream: StreamName, form: _Form, record: Any) -> Event:
    moments = (_known(record, m) for m in form.moments)
    moment: datetime = next((m for m in moments if m is not None), context.now)
    system, key = record.provenance.system, record.provenance.key
    name = f"snapshot:{stream.value}:{system}:{key}"
    return Event(
        type=form.type.type,
        system=system,
        source_event_id=name,
        key=key,
        subjects=(subject(stream, form.name(record)),),
        occurred_at=moment,
        data=form.data(record),
        correlation_id=context.correlation_id,
        event_id=name,
        recorded_at=context.now,
    )


async def begin_with_present(group: "Group", member: Member, criteria: Criteria) -> None:
    """Tell a member the present state, and then what was held for it meanwhile.

    Args:
        group: Its group.
        member: What is new is held for it already, from the state's cursor on.
        criteria: What it wants.
    """
    services, since = group.services, member.after

    async def reading(context: RequestContext) -> list[Event]:
        return await present(context, group.stream, criteria, services.limits.snapshot)

    try:
        found = await services.answering.read(reading, member.asker)
    except Exception as exc:  # noqa: BLE001  # `told` keeps to itself what is nobody's business
        member.fail(services.answering.told(exc, member.asker.correlation_id))
        return
    cursor, size = encode_cursor(group.stream, since), services.limits.batch
    for start in range(0, len(found), size):
        shown = [Shown(e, cursor, snapshot=True) for e in found[start : start + size]]
        for delivery in await group.question.told(shown, [member.asker]):
            await member.has_room()
            if member.ended:
                return
            member.outlet.deliver(delivery.to(member.asker.principal.identity) or b"")
    if member.mode is Mode.CATCHING:
        member.go_live()
    elif member.mode is Mode.READING:
        group.reread(member, since)
