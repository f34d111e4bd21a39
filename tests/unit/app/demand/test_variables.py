"""What a request brings beside its document is bounded."""

from typing import Any

import pytest

from app.demand.bounds import Bounds
from app.demand.variables import check_request
from canonical.errors import TooLargeError

DEEP: Any = 1
for _ in range(11):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "name, variables, words",
    [
        (None, {}, None),
        ("Q" * 200, {"a": ["x"] * 10_000}, None),
        ("Q" * 201, {}, "longer than 200 characters"),
        (None, {f"v{n}": n for n in range(101)}, "101 variables are given; at most 100"),
        (None, {"a": DEEP[0]}, None),
        (None, {"a": DEEP}, "nested too deeply: more than 10 levels"),
        (None, {"a": {"b": DEEP[0]}}, "nested too deeply: more than 10 levels"),
        (None, {"a": ["x"] * 6_000, "b": [{"c": 1}] * 3_000}, "more than 10000 values"),
        (None, {"a": "x" * 70_000}, "longer than 64 KB"),
        (None, {"a": 10**5_000}, "longer than 64 KB"),
    ],
)
def test_what_is_too_large_is_refused(
    name: str | None, variables: dict[str, Any], words: str | None
) -> None:
    if words is None:
        check_request(name, variables, Bounds())
    else:
        with pytest.raises(TooLargeError, match=words):
            check_request(name, variables, Bounds())
