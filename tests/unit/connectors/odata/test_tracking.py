"""What a delta of OData V4 names, in the manners of 4.0 and 4.01."""

from typing import Any

import pytest

from connectors.odata.tracking import Cursor, entries

KEY = ("Order", "Line")


def delta(*found: Any, key: tuple[str, ...] = ("Number",), of: str = "Orders") -> Any:
    named = entries({"value": list(found)}, of, key)
    return None if named is None else (list(named.changed), list(named.removed))


def test_rows_come_change_and_go_and_the_last_word_counts() -> None:
    assert delta(
        {"Number": "1", "Status": "Open", "@odata.etag": "x"},
        {"@removed": {"reason": "changed"}, "@id": "https://h/srv/Orders('2')"},
        {"Number": "3", "@removed": {"reason": "deleted"}},
        {"@odata.context": "https://h/$metadata#Orders/$deletedEntity", "id": "Orders('O''Neil')"},
        {"Number": "3", "Status": "Open"},
        {"@id": "Orders('4%2F5')", "Status": "Closed"},
    ) == (
        [{"Number": "1", "Status": "Open"}, {"Number": "3", "Status": "Open"}, {"Number": "4/5"}],
        [{"Number": "2"}, {"Number": "O'Neil"}],
    )


def test_keys_of_several_fields_are_read_from_addresses() -> None:
    gone = {"@removed": {}, "@id": "Items(Line=10,Order='4,5')"}
    assert delta(gone, key=KEY, of="Items") == ([], [{"Line": 10, "Order": "4,5"}])
    guid = {"@removed": {}, "@id": "Orders(01234567-89ab-cdef-0123-456789abcdef)"}
    assert delta(guid) == ([], [{"Number": "01234567-89ab-cdef-0123-456789abcdef"}])


def test_a_link_that_came_or_went_names_the_row_that_it_starts_from() -> None:
    link = {"@odata.context": "#Orders/$link", "source": "Orders('7')", "target": "Items(1)"}
    assert delta(link) == ([{"Number": "7"}], [])
    there = {"@odata.context": "#Items/$deletedLink", "source": "Items(1)", "target": "Orders(7)"}
    assert delta(there) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"@odata.context": "#Items/$entity", "Number": "1"},
        {"@removed": {}},
        {"@removed": {}, "@id": "Others('1')"},
        {"@removed": {}, "@id": "Orders/1"},
        {"@removed": {}, "@id": "Orders('1)"},
        {"@removed": {}, "@id": "Orders(Name='1')"},
        {"Status": "Open"},
    ],
)
def test_what_cannot_be_tied_to_a_row_is_said(odd: Any) -> None:
    assert delta(odd) is None


def test_what_is_no_delta_is_an_error() -> None:
    for body in (None, {}, {"value": 3}, {"value": [3]}):
        with pytest.raises(ValueError, match="no `value`"):
            entries(body, "Orders", ("Number",))


def test_links_count_for_what_was_asked_alone() -> None:
    begun, more = Cursor().after({"@odata.nextLink": "Orders?a b"}, "x")
    assert (Cursor.read(begun, "x"), more) == (Cursor("Orders?a b", whole=True), True)
    kept, more = Cursor("n", whole=True).after({"@deltaLink": "Orders?d"}, "x")
    assert (Cursor.read(kept, "x"), more) == (Cursor("Orders?d", whole=False), False)
    assert Cursor.read(kept, "y") is None
    assert Cursor().after({"value": []}, "x") == (None, False)
