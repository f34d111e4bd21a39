"""Columns become $select and $expand of either version."""

from connectors.odata.expand import select_expand

COLUMNS = ("Order", "Items.Number", "Items.Schedule.Day", "Items.Schedule.Quantity", "Buyer.Name")


def nothing(_: str) -> bool:
    return False


def test_v2_lists_paths() -> None:
    assert select_expand(COLUMNS, "v2", nothing) == [
        (
            "$select",
            "Buyer/Name,Items/Number,Items/Schedule/Day,Items/Schedule/Quantity,Order",
        ),
        ("$expand", "Buyer,Items,Items/Schedule"),
    ]


def test_v4_nests_options() -> None:
    assert select_expand(COLUMNS, "v4", nothing) == [
        ("$select", "Order"),
        (
            "$expand",
            "Buyer($select=Name),Items($select=Number;$expand=Schedule($select=Day,Quantity))",
        ),
    ]


def test_structured_properties_are_selected_not_expanded() -> None:
    def is_structure(path: str) -> bool:
        return path == "Address"

    columns = ("Address.City", "Order")
    assert select_expand(columns, "v2", is_structure) == [("$select", "Address,Order")]
    assert select_expand(columns, "v4", is_structure) == [("$select", "Address/City,Order")]


def test_no_columns_mean_all() -> None:
    assert select_expand((), "v2", nothing) == []
