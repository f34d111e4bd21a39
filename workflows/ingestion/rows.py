"""Rows of a file, one by one: CSV with a header or a JSON object a line, plain or packed by gzip.

What a row is, is told by the file itself. Memory does not grow with the file: a row that does not
end is bad, and a line that does not end is no row.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from msgspec import Struct

from canonical.errors import InvalidInputError

LONGEST_LINE: Final = 1_000_000
MOST_BYTES: Final = 2_000_000_000

_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n"
_ROW_BYTES: Final = 4_000_000
_object: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


class Row(Struct, frozen=True):
    """One row.

    Attributes:
        number: Its place, from 1 on, without the header and without empty lines.
        values: By the names of the header; texts in CSV, texts and numbers in JSON.
        raw: Its bytes, with the end of the line.
        problem: Why it cannot be read; then there are no values.
        offset: How many bytes of the file, as it lies there, have been read.
    """

    number: int
    values: Mapping[str, Any]
    raw: bytes
    problem: str | None
    offset: int


class RowFile:
    """A file of rows.

    Args:
        path: Where it is.
        delimiter: Between the cells of CSV.
        max_bytes: How long it may be, unpacked.

    Attributes:
        header: The line with the names of its columns, once it was read; empty if it has none.
    """

    def __init__(self, path: Path, *, delimiter: str = ",", max_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._delimiter = delimiter
        self._max_bytes = max_bytes
        self.header = b""

    def rows(self, wanted: Sequence[str]) -> Iterator[Row]:
        """Its rows, in order. Blocks: for a thread.

        Args:
            wanted: Names that a header must have.

        Raises:
            InvalidInputError: if it is no such file, lacks a column, is cut off, or too long.
            OSError: if it cannot be read at all.
        """
        with self._path.open("rb") as raw, _explained():
            packed = raw.peek(2)[:2] == _GZIP if isinstance(raw, io.BufferedReader) else False
            file: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
            yield from self._rows(_Lines(file, raw, self._max_bytes), wanted)

    def _rows(self, lines: "_Lines", wanted: Sequence[str]) -> Iterator[Row]:
        first = lines.ahead()
        if first is None:
            return
        if first.lstrip(_BLANK).startswith(b"{"):
            yield from _json_rows(lines)
        else:
            self.header = first
            yield from _csv_rows(lines, self._delimiter, wanted)


def row_in(content: bytes, header: bytes, delimiter: str, wanted: Sequence[str]) -> Row:
    """The row that some bytes are.

    Args:
        content: The bytes.
        header: The header of the file that it is of; empty for JSON.
        delimiter: Between the cells of CSV.
        wanted: Names that a header must have.

    Raises:
        InvalidInputError: if they are none, or several, or the header lacks a column.
    """
    raw = io.BytesIO(header + content)
    lines = _Lines(raw, raw, MOST_BYTES)
    found = _csv_rows(lines, delimiter, wanted) if header else _json_rows(lines)
    rows = list(islice(found, 2))
    if len(rows) != 1:
        raise InvalidInputError("one row is wanted, as it would stand in the file")
    return rows[0]


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except EOFError as exc:
        raise InvalidInputError("the file is cut off within its gzip: send it whole") from exc
    except (gzip.BadGzipFile, zlib.error) as exc:
        raise InvalidInputError("the file's gzip is damaged: pack it and send it again") from exc


class _Lines:
    """The lines of a file that are not empty, or all once a row has begun."""

    def __init__(self, file: IO[bytes], raw: IO[bytes], max_bytes: int) -> None:
        self._file = file
        self._raw = raw
        self._left = max_bytes
        self._ahead: bytes | None = None
        self._number = 0

    @property
    def offset(self) -> int:
        return self._raw.tell()

    def ahead(self) -> bytes | None:
        """The first line with something in it, without the byte order mark; it stays to be read."""
        line = self.next()
        if line is not None and line.startswith(_BOM):
            line = line[len(_BOM) :]
        while line is not None and not line.strip(_BLANK):
            line = self.next()
        self._ahead = line
        return line

    def next(self) -> bytes | None:
        """The next line, with its end; None behind the last."""
        if self._ahead is not None:
            line, self._ahead = self._ahead, None
            return line
        line = self._file.readline(LONGEST_LINE + 1)
        self._number += 1
        self._left -= len(line)
        if len(line) > LONGEST_LINE:
            raise InvalidInputError(
                f"line {self._number} is longer than {LONGEST_LINE:,} bytes: is this a file of "
                f"rows? CSV with a header is wanted, or a JSON object a line"
            )
        if self._left < 0:
            raise InvalidInputError("the file is longer than bulk files may be: send it in parts")
        return line or None


def _json_rows(lines: _Lines) -> Iterator[Row]:
    number = 0
    while (line := lines.next()) is not None:
        if not line.strip(_BLANK):
            continue
        number += 1
        try:
            yield Row(number, _object(line), line, None, lines.offset)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            yield Row(number, {}, line, f"is no JSON object: {exc}", lines.offset)


class _Texts:
    """Lines as the CSV reader wants them; remembers those of the row that is being read.

    Bytes that are no UTF-8 are let through in a form that the row is known by afterwards.
    """

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self.read: list[str] = []
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._lines.next()
        if line is None:
            raise StopIteration
        text = line.decode("utf-8", "surrogateescape")
        self._size += len(line)
        if self._size > _ROW_BYTES:
            raise csv.Error("a row that does not end: a quotation mark is missing")
        self.read.append(text)
        return text

    def take(self) -> str:
        text = self.read[0] if len(self.read) == 1 else "".join(self.read)
        self.read.clear()
        self._size = 0
        return text


def _csv_rows(lines: _Lines, delimiter: str, wanted: Sequence[str]) -> Iterator[Row]:
    texts = _Texts(lines)
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    try:
        header = next(reader)
    except csv.Error as exc:
        raise InvalidInputError(f"the first line is no CSV: {exc}") from exc
    texts.take()
    _check_header(header, wanted)
    number = 0
    while True:
        cells, problem = _cells(reader)
        if cells is None and problem is None:
            return
        text = texts.take()
        if cells == []:
            continue
        number += 1
        raw = text.encode("utf-8", "surrogateescape")
        if problem is None and cells is not None:
            problem = _row_problem(cells, header, text)
        values = {} if problem or cells is None else dict(zip(header, cells, strict=True))
        yield Row(number, values, raw, problem, lines.offset)


def _cells(reader: Iterator[list[str]]) -> tuple[list[str] | None, str | None]:
    """The next row, or what is wrong with it; neither behind the last."""
    try:
        return next(reader, None), None
    except csv.Error as exc:
        return None, f"is no valid CSV: {exc}"


def _row_problem(cells: Sequence[str], header: Sequence[str], text: str) -> str | None:
    if len(cells) != len(header):
        return f"has {len(cells)} cells where the header has {len(header)}"
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return "is not UTF-8 text: save the file in UTF-8"
    return None


def _check_header(header: Sequence[str], wanted: Sequence[str]) -> None:
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise InvalidInputError(f"the header names {', '.join(twice)} more than once: keep one")
    missing = [name for name in wanted if name not in header]
    if missing:
        raise InvalidInputError(
            f"the header has no column {', '.join(missing)}; it has {', '.join(header)}"
        )
