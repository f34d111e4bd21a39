"""Crosswalk tables: files and rows, and what is wrong in them, line by line."""

from pathlib import Path

import pytest

from app.manifest.crosswalks import walks_of
from canonical.entities import EntityName
from tests.unit.app.manifest.sound import load, wrong

ROWS = "item: {rows: [{canonical: A, planning: a}]}"
FILE = "item: {file: walks/items.csv}"


def in_file(folder: Path, content: bytes) -> list[str]:
    (folder / "walks").mkdir(exist_ok=True)
    (folder / "walks" / "items.csv").write_bytes(content)
    return wrong(folder, (ROWS, FILE))


def test_rows_and_files_say_the_same(tmp_path: Path) -> None:
    content = b"canonical,erp,planning\nA,,a\nB,b1,b2\n"
    assert in_file(tmp_path, content) == []
    from_file = load(tmp_path, (tmp_path / "supplygraph.yaml").read_text("utf-8")).tables
    walks = walks_of("planning", from_file)

    assert walks[EntityName.ITEM].to_local("A") == "a"
    assert walks[EntityName.ITEM].to_canonical("b2") == "B"
    assert walks_of("erp", from_file)[EntityName.ITEM].to_local("A") == "A"
    assert walks_of("planning", load(tmp_path).tables)[EntityName.ITEM].to_local("A") == "a"


@pytest.mark.parametrize(
    "content, said",
    [
        (b"canonical,planing\nA,a\n", "1: column 'planing': there is no backend 'planing'; did"),
        (b"canonical,erp,erp\nA,a,a\n", "1: the column 'erp' stands twice"),
        (b"canonnical,erp\nA,a\n", "1: the first line names no column 'canonical'; did you mean"),
        (b"", "1: the first line names no column 'canonical'"),
        (b"canonical,erp\nA,a\nB\n", "3: has 1 cells where the first line has 2"),
        (b"canonical,erp\n,a\n", "2: has no key in the column 'canonical'"),
        (b"canonical,erp\nA,a\nB,b\nA,c\n", "4: canonical key 'A' stood in line 2 already"),
        (b"canonical,erp\nA,a\nB,a\n", "3: erp key 'a' stood in line 2 already"),
        (b'canonical,erp\nA,"a\n', "2: is no valid CSV"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (line,) = in_file(tmp_path, content)
    assert line.startswith(f"walks/items.csv:{said}")


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfcanonical,erp\r\nA,a\r\n\r\nB,b\r\n", b"erp,canonical\na,A\n"]
)
def test_files_as_spreadsheets_write_them_are_read(tmp_path: Path, content: bytes) -> None:
    assert in_file(tmp_path, content) == []


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    assert in_file(tmp_path, "canonical,erp\nä,a\n".encode("latin-1")) == [
        "22: crosswalks.item.file: walks/items.csv is not UTF-8 text: save it in UTF-8"
    ]


@pytest.mark.parametrize(
    "rows, said",
    [
        ("[{planning: a}]", "has no 'canonical' key"),
        ("[{canonical: A, erp: x}, {canonical: A}]", "canonical key 'A' stood in line 22"),
        ("[{canonical: 7}]", "put it in quotes"),
    ],
)
def test_what_is_wrong_in_rows_is_told(tmp_path: Path, rows: str, said: str) -> None:
    found = wrong(tmp_path, ("[{canonical: A, planning: a}]", rows))

    assert [line for line in found if line.startswith("22: ") and said in line]
