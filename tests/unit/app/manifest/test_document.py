"""YAML as plain data with lines: what is read how, and what is refused."""

import pytest

from app.manifest.document import read_document
from app.manifest.problems import ManifestError


def read(text: str) -> object:
    return read_document(text.encode(), "m.yaml").data


@pytest.mark.parametrize(
    "text, value",
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("22:00", "22:00"),
        ("0100", "0100"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("10", 10),
        ("-3", -3),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("~", None),
        ("null", None),
        ("", None),
        ("'10'", "10"),
    ],
)
def test_scalars_are_read_as_yaml_1_2_has_them(text: str, value: object) -> None:
    assert read(f"key: {text}") == {"key": value}


def test_every_key_and_element_knows_its_line() -> None:
    document = read_document(b"a:\n  - x\n  - {b: 1,\n     c: 2}\nd: 3\n", "m.yaml")

    assert document.line_of(("a", 0)) == 2
    assert document.line_of(("a", 1, "c")) == 4
    assert document.line_of(("d",)) == 5
    assert document.line_of(("a", 1, "nowhere", "at all")) == 3


def test_aliases_and_merges_are_written_out() -> None:
    text = "base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\nlist: [*b]\n"

    assert read(text) == {
        "base": {"x": 1, "y": 2},
        "mine": {"x": 1, "y": 3},
        "list": [{"x": 1, "y": 2}],
    }


def test_null_is_a_word_where_it_is_a_key() -> None:
    assert read("where: {code: {null: false}}") == {"where": {"code": {"null": False}}}


@pytest.mark.parametrize(
    "text, line, said",
    [
        ("a: 1\nb: 2\na: 3", 3, "a: stands twice, first in line 1"),
        ("a: {b: 1,\n b: 2}", 2, "a.b: stands twice, first in line 1"),
        ("a:\n\t- b", 2, "indent with blanks"),
        ("a: [1, 2\nb: 3", 2, "no valid YAML"),
        ("a: !!python/object/apply:os.system [ls]", 1, "is not understood"),
        ("a: &x [*x]", 1, "contains itself"),
        ("a: *nowhere", 1, "undefined alias"),
        ("- a", 1, "wants keys such as"),
        ("", 1, "wants keys such as"),
        ("a: 1\n---\nb: 2", 2, "another document"),
        ("? [1, 2]\n: x", 1, "quote it"),
        ("1.5: x", 1, "quote it"),
        (f"a: {'9' * 5_000}", 1, "cannot be read as the number"),
        ('a: "\\ud800"', 1, "half a character"),
        ("a: \x07", 1, "YAML does not allow"),
        ("[" * 2_000, 1, "nested too deeply"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read(text)
    assert [p.line for p in caught.value.problems] == [line]
    assert said in caught.value.message
    assert caught.value.message.startswith(f"m.yaml:{line}: ")


def test_all_repeated_keys_are_told_at_once() -> None:
    with pytest.raises(ManifestError) as caught:
        read("a: 1\na: 2\nb: {c: 1, c: 2}")
    assert [p.path for p in caught.value.problems] == ["a", "b.c"]


def test_aliases_cannot_multiply_beyond_measure() -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9))
    with pytest.raises(ManifestError, match="beyond measure"):
        read(f"l0: &l0 [x]\n{levels}")


def test_bytes_that_are_no_text_are_told_with_their_line() -> None:
    with pytest.raises(ManifestError, match=r"m\.yaml:2: is not UTF-8"):
        read_document(b"a: 1\nb: \xff\n", "m.yaml")


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read_document("\ufeffa: 1".encode(), "m.yaml").data == {"a": 1}
