"""Generated functions hold names, and nothing that is more than a name."""

import pytest

from execution.sources import reader, writer


def test_rows_are_written_of_columns_and_constants() -> None:
    write = writer(("a", "b", "t"), ('"%s"', "[%s]", '"Thing"'))
    assert write([["x", "y"], ["1,2", ""]]) == [
        '{"a":"x","b":[1,2],"t":"Thing"}',
        '{"a":"y","b":[],"t":"Thing"}',
    ]


def test_columns_of_unequal_length_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="shorter"):
        writer(("a", "b"), ("%s", "%s"))([["1", "2"], ["1"]])


@pytest.mark.parametrize("name", ['a"', "{a}", "a b", "", "é", "a\\", "1a", "a'"])
def test_what_is_no_name_does_not_get_in(name: str) -> None:
    with pytest.raises(ValueError, match="is not a name"):
        writer((name,), ("%s",))
    with pytest.raises(ValueError, match="is not a name"):
        reader(f"x.{name}")


def test_a_form_is_brackets_quotes_or_a_name() -> None:
    with pytest.raises(ValueError, match="cannot stand"):
        writer(("a",), ("{1}%s",))


def test_an_attribute_is_read_of_each_object() -> None:
    assert reader("real")([1, 2.5]) == [1, 2.5]
