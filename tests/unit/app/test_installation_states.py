"""How a backend is doing, in one word; and which columns a source is asked for."""

from collections.abc import Mapping, Sequence

import pytest

from app.installation import _narrowed, _with_state
from canonical.entities import ENTITIES, EntityName

HAS = frozenset({"number", "supplier", "lines", "lines.item", "lines.quantity", "buyer"})


@pytest.mark.parametrize(
    "health, state",
    [
        ({"circuit": "closed"}, "ok"),
        ({"circuit": "open"}, "open"),
        ({"circuit": "half_open"}, "half_open"),
        ({"circuit": "closed", "maintenance_until": "soon"}, "maintenance"),
        ({}, "ok"),
    ],
)
def test_a_backend_is_in_one_state(health: Mapping[str, object], state: str) -> None:
    assert _with_state(health) == {"state": state, **health}


@pytest.mark.parametrize(
    "wanted, columns",
    [
        (None, HAS),
        (["buyer"], {"buyer"}),
        (["lines"], {"lines", "lines.item", "lines.quantity"}),
        (["lines.item"], {"lines", "lines.item"}),
        (["acknowledgement"], set()),
    ],
)
def test_named_columns_bring_what_is_in_and_around_them(
    wanted: Sequence[str] | None, columns: set[str]
) -> None:
    assert _narrowed(HAS, wanted, ENTITIES[EntityName.PURCHASE_ORDER]) == columns


def test_what_a_record_is_known_by_is_always_asked_for() -> None:
    has = frozenset({"item", "supplier", "preferred", "price"})

    narrowed = _narrowed(has, ["preferred"], ENTITIES[EntityName.SUPPLY_SOURCE])
    assert narrowed == {"item", "supplier", "preferred"}
