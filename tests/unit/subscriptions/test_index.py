"""The index finds exactly those that testing each one would find."""

from hypothesis import given
from hypothesis import strategies as st

from subscriptions.index import Index, entries
from subscriptions.topics import Wanted

_VALUES = st.none() | st.frozensets(st.sampled_from("abcd"), max_size=3)
_WANTED = st.tuples(_VALUES, _VALUES, _VALUES).map(Wanted)
_KEY = st.none() | st.sampled_from("abcd") | st.lists(st.sampled_from("abcd")).map(tuple)
_KEYS = st.tuples(_KEY, _KEY, _KEY)


@given(st.lists(_WANTED, max_size=30), st.data())
def test_it_finds_what_testing_each_one_finds(wanted: list[Wanted], data: st.DataObject) -> None:
    index: Index[int] = Index(3)
    for number, one in enumerate(wanted):
        index.add(one, number)
    gone = {n for n in range(len(wanted)) if n % 3 == 1}
    for number in gone:
        index.remove(wanted[number], number)
    keys = data.draw(_KEYS)
    there = [n for n in range(len(wanted)) if n not in gone]
    assert sorted(index.find(keys)) == [n for n in there if wanted[n].matches(keys)]


def test_a_filter_takes_a_place_for_each_value_of_one_condition() -> None:
    numbers = frozenset({"1", "2", "3"})
    assert entries(Wanted((None, None, None))) == 1
    assert entries(Wanted((numbers, frozenset({"S1"}), None))) == 3
