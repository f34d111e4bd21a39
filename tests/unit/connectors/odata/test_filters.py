"""Tests become $filter, and what a system cannot do is known beforehand."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.criteria import Op, Range
from canonical.errors import MisconfiguredError
from connectors.kit.rows import Bounds, Push, Test
from connectors.odata.filters import pushable, pushable_together, render
from connectors.odata.settings import Settings
from sandbox.s4.expressions import Comparison, Group, Literal, Negation, Node, Path, parse_filter
from tests.unit.connectors.odata.shapes import dataset, shape

V2, V4 = Settings(), Settings(version="v4")
LAMBDAS = Settings(version="v4", lambdas=True)
WILD = Settings(version="v4", contains="wildcard", ignores_case=True)
TEXT = st.text(st.characters(codec="utf-8"), min_size=1)


def within(path: str, *values: Any, negated: bool = False, kind: str = "string") -> Test:
    return Test(path, Op.IN, values, kind, negated)


def between(path: str, kind: str, *, negated: bool = False, **ends: Any) -> Test:
    return Test(path, Op.RANGE, Bounds(**ends), kind, negated)


@pytest.mark.parametrize(
    "test,v2,v4",
    [
        (within("Supplier", "O'Neil"), "Supplier eq 'O''Neil'", "Supplier eq 'O''Neil'"),
        (
            within("Supplier", "1", "2"),
            "(Supplier eq '1' or Supplier eq '2')",
            "(Supplier eq '1' or Supplier eq '2')",
        ),
        (
            within("Supplier", "1", "2", negated=True),
            "(Supplier ne '1' and Supplier ne '2')",
            "(Supplier ne '1' and Supplier ne '2')",
        ),
        (
            between("Total", "decimal", gte=Decimal(5), lt=Decimal("7.5")),
            "(Total ge 5M and Total lt 7.5M)",
            "(Total ge 5 and Total lt 7.5)",
        ),
        (between("Total", "decimal", gt=1), "Total gt 1M", "Total gt 1"),
        (between("Total", "decimal", lte=1), "Total le 1M", "Total le 1"),
        (
            between("Total", "decimal", gte=1, negated=True),
            "not (Total ge 1M)",
            "not (Total ge 1)",
        ),
        (
            Test("Supplier", Op.CONTAINS, "a'b"),
            "substringof('a''b',Supplier)",
            "contains(Supplier,'a''b')",
        ),
        (
            Test("Supplier", Op.STARTS_WITH, "17", negated=True),
            "not (startswith(Supplier,'17'))",
            "(not startswith(Supplier,'17') or Supplier eq null)",
        ),
        (Test("ChangedAt", Op.IS_NULL, value=True), "ChangedAt eq null", "ChangedAt eq null"),
        (Test("ChangedAt", Op.IS_NULL, value=False), "ChangedAt ne null", "ChangedAt ne null"),
        (
            Test("ChangedAt", Op.IS_NULL, value=True, negated=True),
            "ChangedAt ne null",
            "ChangedAt ne null",
        ),
        (within("Buyer.Name", "x"), "Buyer/Name eq 'x'", "Buyer/Name eq 'x'"),
        (within("Address.City", "x"), "Address/City eq 'x'", "Address/City eq 'x'"),
    ],
)
def test_each_test_has_its_form(test: Test, v2: str, v4: str) -> None:
    for settings, text in ((V2, v2), (V4, v4)):
        known = shape(settings)
        assert pushable(test, known) is Push.EXACT
        assert render(((test,),), known) == text


def test_clauses_must_all_hold_and_tests_of_one_any() -> None:
    where = (
        (within("Supplier", "1"), within("Supplier", "2")),
        (within("Order", "3"),),
    )
    assert render(where, shape()) == "(Supplier eq '1' or Supplier eq '2') and Order eq '3'"


def test_canonical_ranges_are_taken_as_they_are() -> None:
    test = Test("Total", Op.RANGE, Range(Decimal(1), Decimal(2)), "decimal")
    assert render(((test,),), shape()) == "(Total ge 1M and Total lt 2M)"


@pytest.mark.parametrize(
    "path,kind,text",
    [
        ("OrderedOn", "date", "OrderedOn ge datetime'2024-01-31T00:00:00'"),
        ("ChangedAt", "date", "ChangedAt ge datetimeoffset'2024-01-31T00:00:00Z'"),
        ("ChangedAt", "datetime", "ChangedAt ge datetimeoffset'2024-01-31T00:00:00Z'"),
        ("OrderedOn", "datetime", "OrderedOn ge datetime'2024-01-31T00:00:00'"),
    ],
)
def test_the_service_s_type_makes_the_literal(path: str, kind: str, text: str) -> None:
    start = date(2024, 1, 31) if kind == "date" else datetime(2024, 1, 31, tzinfo=UTC)
    assert render(((between(path, kind, gte=start),),), shape()) == text


def test_the_preset_s_type_goes_before_the_service_s() -> None:
    of = dataset(types={"OrderedOn": "Edm.DateTimeOffset"})
    test = between("OrderedOn", "date", gte=date(2024, 1, 31))
    text = "OrderedOn ge datetimeoffset'2024-01-31T00:00:00Z'"
    assert render(((test,),), shape(of=of)) == text
    assert render(((test,),), shape(of=of, known=False)) == text


def test_a_day_of_a_field_with_moments_is_a_span() -> None:
    test = within("ChangedAt", date(2024, 1, 31), kind="date")
    span = "(ChangedAt ge 2024-01-31T00:00:00Z and ChangedAt lt 2024-02-01T00:00:00Z)"
    assert render(((test,),), shape(V4)) == span


def test_values_that_a_type_does_not_have_equal_nothing() -> None:
    assert render(((within("Id", "no guid"),),), shape()) is None
    assert render(((within("Id", "no guid", negated=True),),), shape()) == ""
    assert render(((within("Supplier"),),), shape()) is None
    assert render(((within("Id", "no guid"), within("Order", "1")),), shape()) == "Order eq '1'"
    text = render(((within("Total", "x or 1 eq 1", Decimal(1), kind="decimal"),),), shape())
    assert text == "Total eq 1M"


def test_null_among_values_is_asked_for() -> None:
    test = within("Supplier", "1", None)
    assert render(((test,),), shape()) == "(Supplier eq '1' or Supplier eq null)"


def test_in_is_used_only_where_the_service_takes_it() -> None:
    settings = Settings(version="v4", in_operator=True)
    test = within("Supplier", "1", "2")
    assert render(((test,),), shape(settings)) == "Supplier in ('1','2')"
    negated = within("Supplier", "1", "2", negated=True)
    assert render(((negated,),), shape(settings)) == "not (Supplier in ('1','2'))"
    v2 = Settings(in_operator=True)
    assert render(((test,),), shape(v2)) == "(Supplier eq '1' or Supplier eq '2')"


def test_collections_are_filtered_by_lambdas_or_not_at_all() -> None:
    test = within("Items.Material", "M")
    assert pushable(test, shape(V2)) is Push.NO
    assert pushable(test, shape(V4)) is Push.NO
    assert pushable(test, shape(LAMBDAS)) is Push.EXACT
    assert render(((test,),), shape(LAMBDAS)) == "Items/any(x0:x0/Material eq 'M')"
    negated = within("Items.Material", "M", negated=True)
    assert render(((negated,),), shape(LAMBDAS)) == "Items/any(x0:x0/Material ne 'M')"


def test_links_count_as_collections_until_something_else_is_known() -> None:
    test = within("Buyer.Name", "x")
    assert pushable(test, shape(known=False)) is Push.NO
    assert pushable(test, shape(of=dataset(to_one=["Buyer"]), known=False)) is Push.EXACT


@pytest.mark.parametrize(
    "test",
    [
        within("Rate", "1"),  # sap:filterable="false"
        within("Blocked", True, kind="boolean"),  # excluded by its entity set
        between("Supplier", "integer", gte=1),  # numbers kept as text have another order
        within("Supplier", date(2024, 1, 31), kind="date"),  # days kept as text, in which form?
        Test("Total", Op.CONTAINS, "1", "decimal"),
        between("Id", "string", gte="0"),
        between("Status", "string", gte="A"),
    ],
)
def test_what_cannot_be_pushed_is_not(test: Test) -> None:
    assert pushable(test, shape(V2)) is Push.NO


def test_numbers_kept_as_text_can_be_compared_for_equality() -> None:
    test = within("Order", 10, kind="integer")
    assert pushable(test, shape()) is Push.EXACT
    assert render(((test,),), shape()) == "Order eq '10'"
    padded = shape(of=dataset(pad={"Order": 5}))
    assert (
        render(((within("Order", "10", "A1"),),), padded) == "(Order eq '00010' or Order eq 'A1')"
    )


def test_fields_that_a_preset_calls_fixed_are_left_alone() -> None:
    assert pushable(within("Order", "1"), shape(of=dataset(fixed=["Order"]))) is Push.NO


def test_without_metadata_values_tell_their_type() -> None:
    unknown = shape(known=False)
    assert render(((within("Flag", True),),), unknown) == "Flag eq true"
    assert render(((within("N", 3),),), unknown) == "N eq 3"
    assert render(((within("At", datetime(2024, 1, 31, tzinfo=UTC)),),), unknown) == (
        "At eq datetimeoffset'2024-01-31T00:00:00Z'"
    )


def test_systems_that_ignore_case_give_rows_too_many() -> None:
    assert pushable(within("Supplier", "a"), shape(WILD)) is Push.SUPERSET
    assert pushable(within("Supplier", "a", negated=True), shape(WILD)) is Push.NO
    assert pushable(between("Supplier", "string", gte="a"), shape(WILD)) is Push.NO
    assert pushable(between("Total", "decimal", gte=1), shape(WILD)) is Push.EXACT


def test_wildcards_search_where_functions_are_unknown() -> None:
    holds, starts = Test("Supplier", Op.CONTAINS, "a'b"), Test("Supplier", Op.STARTS_WITH, "ab")
    assert render(((holds,),), shape(WILD)) == "Supplier eq '*a''b*'"
    assert render(((starts,),), shape(WILD)) == "Supplier eq 'ab*'"
    assert pushable(Test("Supplier", Op.CONTAINS, "a*"), shape(WILD)) is Push.NO
    none = Settings(version="v4", contains="none")
    assert pushable(holds, shape(none)) is Push.NO


def test_one_or_names_one_field_unless_the_settings_allow_more() -> None:
    one = (within("Order", "1"), within("Order", "2"))
    two = (within("Order", "1"), within("Supplier", "2"))
    assert pushable_together(one, shape()) is Push.EXACT
    assert pushable_together(two, shape()) is Push.NO
    assert pushable_together(two, shape(Settings(mixed_or=True))) is Push.EXACT
    bad = (within("Order", "1"), within("Rate", "2"))
    assert pushable_together(bad, shape(Settings(mixed_or=True))) is Push.NO


def test_options_of_a_dataset_are_checked() -> None:
    with pytest.raises(MisconfiguredError, match=r"SRV/Orders: typs: Extra inputs"):
        shape(of=dataset(typs={"Order": "Edm.String"}))


@given(st.lists(TEXT, min_size=1, max_size=5), st.booleans())
def test_any_texts_are_read_back_as_they_were(values: list[str], negated: bool) -> None:
    text = render(((within("Supplier", *values, negated=negated),),), shape())
    assert text is not None
    assert sorted(_literals(parse_filter(text))) == sorted(values)


@given(TEXT, TEXT)
def test_no_text_breaks_out_of_its_clause(first: str, second: str) -> None:
    where = ((within("Supplier", first),), (within("Order", second),))
    text = render(where, shape())
    assert text is not None
    assert parse_filter(text) == Group(
        "and",
        (
            Comparison("eq", Path(("Supplier",)), Literal("String", first)),
            Comparison("eq", Path(("Order",)), Literal("String", second)),
        ),
    )


def _literals(node: Node) -> list[Any]:
    match node:
        case Group():
            return [value for part in node.parts for value in _literals(part)]
        case Negation():
            return _literals(node.part)
        case Comparison():
            assert isinstance(node.right, Literal)
            return [node.right.value]
    raise AssertionError(node)
