"""Lists go on by next link or by $skip, and end."""

import pytest

from connectors.odata.cursors import Position
from connectors.odata.keys import padded, strip_zeros


@pytest.mark.parametrize(
    "position,rows,link,expected",
    [
        (Position(), 10, None, Position(10)),
        (Position(), 9, None, None),
        (Position(), 0, None, None),
        (Position(), 4, "http://x/A?a=b c", Position(0, 4, "http://x/A?a=b c")),
        (Position(0, 4, "l"), 6, None, Position(10)),
        (Position(0, 4, "l"), 5, None, None),
        (Position(20, 4, "l"), 4, "m", Position(20, 8, "m")),
        (Position(20, 8, "m"), 2, None, Position(30)),
    ],
)
def test_after_a_page(
    position: Position, rows: int, link: str | None, expected: Position | None
) -> None:
    cursor = position.after(rows, link, 10)
    assert (Position.read(cursor) if cursor else None) == expected


def test_keys_lose_and_get_zeros() -> None:
    assert [padded(v, 5) for v in ("10", 10, "A1", "", "123456", True)] == [
        "00010", "00010", "A1", "", "123456", True,
    ]  # fmt: skip
    rows = [{"N": "00010", "L": [{"N": "0000"}, {"N": None}], "O": {"N": "0A"}}, {}]
    for path in ("N", "L.N", "O.N", "M.N"):
        strip_zeros(rows, path)
    assert rows == [{"N": "10", "L": [{"N": "0"}, {"N": None}], "O": {"N": "0A"}}, {}]
