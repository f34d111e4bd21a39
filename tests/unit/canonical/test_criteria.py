"""Criteria mean the same for many records at once as for each alone."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from canonical.absent import ABSENT
from canonical.criteria import Condition, Op, Sort, matches, position_of, satisfying
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderLine, PurchaseOrderStatus
from canonical.records import Provenance

NOW = datetime(2026, 11, 23, tzinfo=UTC)
codes = st.sampled_from(["A", "B", None, ABSENT])
lines = st.builds(PurchaseOrderLine, item=st.sampled_from("AB"))
orders = st.builds(
    PurchaseOrder,
    provenance=st.just(Provenance("erp", "1", NOW)),
    number=st.sampled_from("AB"),
    buyer=codes,
    status=st.sampled_from(PurchaseOrderStatus),
    lines=st.lists(lines, max_size=2).map(tuple),
)
wanted: st.SearchStrategy[Any] = st.lists(
    st.sampled_from(["A", "B", "SENT", "DRAFT", None]), max_size=3
).map(tuple)
conditions = st.one_of(
    st.builds(
        Condition,
        st.sampled_from(["number", "buyer", "status", "lines", "lines.item"]),
        st.just(Op.IN),
        wanted,
    ),
    st.builds(
        Condition, st.sampled_from(["buyer", "lines.item"]), st.just(Op.IS_NULL), st.booleans()
    ),
)


@given(found=st.lists(orders, max_size=5), criteria=st.lists(conditions, max_size=2).map(tuple))
def test_many_records_are_chosen_as_each_alone(
    found: list[PurchaseOrder], criteria: tuple[Condition, ...]
) -> None:
    assert satisfying(found, criteria) == [r for r in found if matches(r, criteria)]


def test_a_column_that_a_system_does_not_have_is_null_in_a_position() -> None:
    order = PurchaseOrder(provenance=Provenance("erp", "1", NOW), number="A")
    assert position_of(order, (Sort("ordered_on"), Sort("number"))) == (None, "A", "1")
