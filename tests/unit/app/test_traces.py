"""Federated traces, read as reports.proto says; a real gateway reads them in the journeys."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from graphql import parse

from app.server.traces import ftv1
from execution.engine import Engine
from execution.timings import Timing
from tests.unit.execution.toy import SCHEMA, Book, Library, Shelf

ASKED = datetime(2026, 11, 23, 8, 0, 0, 250_000, tzinfo=UTC)
MILLION = 1_000_000
TRACE = {3: "end", 4: "start", 11: "ns", 14: "root"}
NODE = {
    1: "key",
    2: "index",
    14: "field",
    3: "type",
    13: "parent",
    8: "begun",
    9: "ended",
    11: "errors",
    12: "children",
}
ERROR = {1: "message", 2: "places", 4: "json"}


def varint(data: Iterator[int]) -> int:
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value
    raise StopIteration


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Numbers and values of a message in the wire format."""
    left = iter(data)
    while True:
        try:
            tag = varint(left)
        except StopIteration:
            return
        assert tag & 7 in {0, 2}
        value = varint(left)
        yield tag >> 3, bytes(next(left) for _ in range(value)) if tag & 7 else value


def error(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {"places": []}
    for number, value in fields(data):
        if number == 2:
            found["places"].append([v for _, v in fields(value)])
        else:
            found[ERROR[number]] = value.decode()
    return found


def node(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in fields(data):
        name = NODE[number]
        if name == "children":
            found.setdefault(name, []).append(node(value))
        elif name == "errors":
            found.setdefault(name, []).append(error(value))
        else:
            found[name] = value.decode() if isinstance(value, bytes) else value
    return found


def read(text: str) -> dict[str, Any]:
    found = {TRACE[n]: v for n, v in fields(base64.b64decode(text))}
    for name in ("start", "end"):
        found[name] = [v for _, v in fields(found[name])]
    return {**found, "root": node(found["root"])}


async def timed(question: str, *shelves: Shelf) -> Timing | None:
    """Timings by a clock that begins 100 s after its zero, and ticks by the millisecond."""
    library = Library(shelves, {"a": Book("a", "Alpha")})
    ticks = iter(range(100_000 * MILLION, 200_000 * MILLION, MILLION))
    library.operation.timer = ticks.__next__
    outcome = await Engine(SCHEMA).run(question, parse(question), None, {}, library)
    return outcome.timings


async def test_a_trace_tells_each_field_with_its_times_from_the_beginning_on() -> None:
    timings = await timed("{ all: shelves { some { title } } }", Shelf("low", (None, "a")))
    trace = read(ftv1(timings, (), ASKED, (99.5, 100.75)))
    start = int(ASKED.timestamp())
    assert (trace["start"], trace["end"]) == ([start, 250 * MILLION], [start + 1, 500 * MILLION])
    assert trace["ns"] == 1_250 * MILLION
    title: dict[str, Any] = {"key": "title", "type": "String!", "parent": "Book"}
    some: dict[str, Any] = {"key": "some", "type": "[Book]!", "parent": "Shelf"}
    everything: dict[str, Any] = {
        "key": "all",
        "field": "shelves",
        "type": "[Shelf!]!",
        "parent": "Query",
    }
    title |= {"begun": 504 * MILLION, "ended": 505 * MILLION}
    some |= {"begun": 502 * MILLION, "ended": 503 * MILLION}
    everything |= {"begun": 500 * MILLION, "ended": 501 * MILLION}
    below = [{"index": 0, "children": [{**some, "children": [{"index": 1, "children": [title]}]}]}]
    assert trace["root"] == {"children": [{**everything, "children": below}]}


async def test_an_error_stands_at_its_place_or_at_the_nearest_above() -> None:
    timings = await timed("{ shelves { some { title } } }", Shelf("low", ("a", "b", "c")))
    places = [{"line": 1, "column": 13}]
    errors: list[dict[str, Any]] = [
        {"message": "b is lost", "path": ["shelves", 0, "some", 1], "locations": places},
        {"message": "a has no title", "path": ["shelves", 0, "some", 0, "title"]},
        {"message": "none of it"},
    ]
    root = read(ftv1(timings, errors, ASKED, (0.0, 0.1)))["root"]
    some = root["children"][0]["children"][0]["children"][0]
    title = some["children"][0]["children"][0]
    found = [[(e["message"], e["places"]) for e in n["errors"]] for n in (root, some, title)]
    assert found == [
        [("none of it", [])],
        [("b is lost", [[1, 13]])],
        [("a has no title", [])],
    ]
    assert some["errors"][0]["json"] == (
        '{"message":"b is lost","path":["shelves",0,"some",1],"locations":[{"line":1,"column":13}]}'
    )


def test_where_no_times_are_known_there_is_a_root_alone() -> None:
    trace = read(ftv1(None, [{"message": "lost", "path": ["a"]}], ASKED, (5.0, 5.0)))
    assert [e["message"] for e in trace["root"].pop("errors")] == ["lost"]
    assert trace["root"] == {}
    assert trace["start"] == trace["end"]
