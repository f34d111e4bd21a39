"""Suppliers: lists, lookups, their orders and items, and how well they deliver."""

from collections.abc import Sequence
from typing import Any

from canonical.criteria import Condition, Criteria, Op, Sort
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.suppliers import Supplier
from canonical.supply_sources import SupplySource
from execution.fields import Asked
from execution.operation import Partial
from loaders.lists import Listed
from resolvers.connections import connection, page_or_error, page_size
from resolvers.context import RequestContext
from resolvers.reading import (
    by_name,
    listed,
    narrowed,
    pointing_here,
    reference_to,
    required,
    root_list,
    sought,
)


async def supplier(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    code: str,
    max_staleness: int | None = None,
) -> list[Any]:
    """The supplier with a code."""
    found = await sought(context, EntityName.SUPPLIER, code, asked, max_staleness)
    return [found for _ in parents]


suppliers = root_list(EntityName.SUPPLIER, Sort("code"))
"""A page of suppliers."""


async def suppliers_of(context: RequestContext, parents: Sequence[Any], asked: Asked) -> list[Any]:
    """The supplier that each parent points at."""
    return await required(context, EntityName.SUPPLIER, [p.supplier for p in parents], asked)


suppliers_named = reference_to(EntityName.SUPPLIER, lambda parents: [p.supplier for p in parents])
"""What parents tell of the suppliers that they point at."""


async def purchase_orders_of(
    context: RequestContext,
    parents: Sequence[Supplier],
    asked: Asked,
    *,
    filter: Criteria = (),
    order_by: Sequence[Sort] = (),
    first: int | None = None,
    after: str | None = None,
) -> list[Any]:
    """A page of each supplier's orders.

    One supplier's page is asked of the systems as a page. Those of several suppliers are read
    together and cut here, so that the number of requests does not grow with the suppliers.
    """
    order = tuple(order_by) or (Sort("ordered_on", descending=True),)
    if len(parents) == 1:
        own = (*filter, Condition("supplier", Op.IN, (parents[0].code,)))
        return [
            await listed(
                context,
                EntityName.PURCHASE_ORDER,
                asked,
                criteria=own,
                order=order,
                first=first,
                after=after,
            )
        ]
    size = page_size(first, context)
    columns = Asked(asked.columns | {s.column for s in order} | {c.column for c in filter})
    codes = [p.code for p in parents]
    found = await pointing_here(
        context, EntityName.PURCHASE_ORDER, "supplier", codes, columns, criteria=filter
    )
    answers: list[Any] = []
    for code, orders in zip(codes, found, strict=True):
        criteria = (*filter, Condition("supplier", Op.IN, (code,)))
        within = await narrowed(context, EntityName.PURCHASE_ORDER, criteria)
        page = page_or_error(EntityName.PURCHASE_ORDER, orders, within, order, (size, after))
        answers.append(page if isinstance(page, InvalidInputError) else connection(page))
    return answers


async def items_of(
    context: RequestContext,
    parents: Sequence[Supplier],
    asked: Asked,
    *,
    first: int | None = None,
    after: str | None = None,
) -> list[Any]:
    """A page of the items that each supplier supplies, by sku."""
    size = page_size(first, context)
    wanted = Asked(frozenset({"item", "supplier"}))
    codes = [p.code for p in parents]
    found = await pointing_here(context, EntityName.SUPPLY_SOURCE, "supplier", codes, wanted)
    pages = []
    order = (Sort("item"),)
    for code, offers in zip(codes, found, strict=True):
        criteria = (Condition("supplier", Op.IN, (code,)),)
        whole = offers.value if isinstance(offers, Partial) else offers
        once: Any = list(
            {o.item: o for o in reversed(whole) if isinstance(o, SupplySource)}.values()
        )
        if isinstance(offers, Partial):
            once = Partial(once, offers.problems)
        pages.append(page_or_error(EntityName.SUPPLY_SOURCE, once, criteria, order, (size, after)))
    skus = [[r.item for r in _records(p) if isinstance(r, SupplySource)] for p in pages]
    flat = [sku for page in skus for sku in page]
    records = iter(await by_name(context, EntityName.ITEM, flat, asked))
    answers: list[Any] = []
    for page, own in zip(pages, skus, strict=True):
        nodes = [next(records) for _ in own]
        problem = next((n for n in nodes if isinstance(n, Exception)), None)
        known = [n.value if isinstance(n, Partial) else n for n in nodes]
        if isinstance(page, InvalidInputError):
            answers.append(page)
        else:
            answers.append(problem or connection(page, known))
    return answers


def _records(page: Listed | InvalidInputError) -> Sequence[Any]:
    return () if isinstance(page, InvalidInputError) else page.records
