"""Crosswalks translate both ways and never confuse two things."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from loaders.crosswalks import Crosswalk
from tests.fakes.desk import Desk
from tests.fakes.distributor import Distributor, item, line, order, origin

keys = st.text(alphabet="AB12", min_size=1, max_size=3)
tables = st.dictionaries(keys, keys, max_size=6).filter(lambda t: len(set(t.values())) == len(t))


@given(table=tables, key=keys)
def test_every_local_key_comes_back_as_itself(table: dict[str, str], key: str) -> None:
    walk = Crosswalk("erp", table.items())
    assert walk.to_local(walk.to_canonical(key)) == key


@given(table=tables, one=keys, other=keys)
def test_two_local_keys_are_never_the_same_thing(
    table: dict[str, str], one: str, other: str
) -> None:
    walk = Crosswalk("erp", table.items())
    assert (walk.to_canonical(one) == walk.to_canonical(other)) == (one == other)


@given(table=tables, key=keys)
def test_a_canonical_key_leads_to_what_bears_it(table: dict[str, str], key: str) -> None:
    walk = Crosswalk("erp", table.items())
    local = walk.to_local(key)
    assert local is None or walk.to_canonical(local) == key


@pytest.mark.parametrize("rows", [[("A", "1"), ("A", "2")], [("A", "1"), ("B", "1")]])
def test_a_key_that_stands_twice_is_refused(rows: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidInputError, match="stands there twice"):
        Crosswalk("erp", rows)


async def test_references_lead_across_systems_and_filters_back() -> None:
    theirs = order(
        1,
        "procurement",
        supplier="C-1",
        lines=(line(10, "ALT-3"),),
        provenance=origin("77", "procurement"),
    )
    world = Distributor([theirs])
    desk = Desk(
        *world.sources,
        crosswalks={
            (EntityName.SUPPLIER, "procurement"): [("S1", "C-1"), ("S2", "C-2")],
            (EntityName.ITEM, "procurement"): [("I3", "ALT-3")],
        },
    )
    question = """query ($f: PurchaseOrderFilter) { purchaseOrders(filter: $f) { nodes {
        supplier { code name } lines { item { sku name } } } } }"""
    shown = {
        "supplier": {"code": "S1", "name": "Supplier 1"},
        "lines": [{"item": {"sku": "I3", "name": "Item 3"}}],
    }
    for given_filter, nodes in (
        ({}, [shown]),
        ({"supplier": ["S1"]}, [shown]),
        ({"item": ["I3"], "supplier": ["S1", "S2"]}, [shown]),
        ({"supplier": ["C-1"]}, []),
        ({"item": ["ALT-3"]}, []),
    ):
        answer = await desk.ask(question, f=given_filter)
        assert answer.errors == ()
        assert answer.data["purchaseOrders"]["nodes"] == nodes, given_filter


async def test_text_conditions_on_a_translated_key_are_checked_in_canonical_terms() -> None:
    world = Distributor()
    pairs = [(f"I{n}", f"X{9 - n}") for n in range(10)]
    world.items.records = [item(n, sku=f"X{9 - n}") for n in range(10)]
    desk = Desk(*world.sources, crosswalks={(EntityName.ITEM, "erp"): pairs})
    answer = await desk.ask(
        """{ items(filter: {sku: {startsWith: "I"}, category: {eq: "odd"}}, first: 3) {
            nodes { sku } } }"""
    )
    assert answer.errors == ()
    assert len(answer.data["items"]["nodes"]) == 3
    assert all(n["sku"].startswith("I") for n in answer.data["items"]["nodes"])
