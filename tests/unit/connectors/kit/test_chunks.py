"""Keys are split by whichever bound comes first, and none is lost."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.chunks import Bounds, chunks
from connectors.kit.http import encoded
from connectors.kit.policy import CallPolicy


def quoted(key: str) -> int:
    return len(encoded(f"code eq '{key}'"))


@given(
    keys=st.lists(st.text(max_size=30), max_size=60),
    max_keys=st.integers(1, 20),
    max_bytes=st.integers(1, 500),
    base_bytes=st.integers(0, 200),
    page_size=st.none() | st.integers(1, 15),
    joint_bytes=st.integers(0, 6),
)
def test_all_keys_in_order_within_all_bounds_and_no_request_too_many(
    keys: list[str],
    max_keys: int,
    max_bytes: int,
    base_bytes: int,
    page_size: int | None,
    joint_bytes: int,
) -> None:
    bounds = Bounds(max_keys, max_bytes, base_bytes, page_size)
    runs = [list(run) for run in chunks(keys, bounds, quoted, joint_bytes=joint_bytes)]

    def size(run: list[str]) -> int:
        lengths = sum(quoted(k) for k in run)
        return base_bytes + lengths + joint_bytes * (len(run) - 1)

    assert [k for run in runs for k in run] == keys
    assert all(runs)
    most = min(max_keys, page_size or max_keys)
    assert all(len(run) <= most for run in runs)
    assert all(size(run) <= max_bytes or len(run) == 1 for run in runs)
    for run, following in pairwise(runs):
        one_more = [*run, following[0]]
        assert len(one_more) > most or size(one_more) > max_bytes


def test_three_hundred_guids_fit_no_single_address() -> None:
    guids = [f"{i:08x}-0000-0000-0000-000000000000" for i in range(300)]
    bounds = Bounds.of(CallPolicy(), base_bytes=200)
    runs = list(chunks(guids, bounds, quoted, joint_bytes=len("%20or%20")))
    assert [len(run) for run in runs] == [126, 126, 48]


@pytest.mark.parametrize("keys", [[], ["a"]])
def test_few_keys(keys: list[str]) -> None:
    assert [list(run) for run in chunks(keys, Bounds(5, 1000), quoted)] == ([keys] if keys else [])
