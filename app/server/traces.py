"""Federated traces (ftv1): how long a subgraph's fields took, as gateways read it.

`extensions.ftv1` is Apollo's `Trace` message (reports.proto) in base64. It is written out here: the
message is small, and every gateway has been reading these numbers since 2019.

    Trace { 4 start_time, 3 end_time, 11 duration_ns, 14 root }
    Node  { 1 response_name | 2 index, 14 original_field_name, 3 type, 13 parent_type,
            8 start_time, 9 end_time, 11 error, 12 child }
    Error { 1 message, 2 location { 1 line, 2 column }, 4 json }

Of each field that was run there is one node (`execution.timings`); an error whose own place has
none stands at the nearest above it. An answer that was kept, or worked out for somebody else, or
by graphql-core, has a root alone.
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from app.server.envelope import encode
from execution.timings import Timing

_NS: Final = 1_000_000_000
_MORE: Final = 0x80


def ftv1(
    timings: Timing | None,
    errors: Sequence[Mapping[str, Any]],
    now: datetime,
    span: tuple[float, float],
) -> str:
    """The trace of one answer.

    Args:
        timings: How long each field took; None where that is not known.
        errors: The answer's errors, as the client is told of them.
        now: When it was asked.
        span: The same moment, and the present, on a clock that only goes forward, in seconds.
    """
    root, seconds = timings or Timing(""), span[1] - span[0]
    at: dict[int, list[bytes]] = {}
    for error in errors:
        at.setdefault(id(root.at(error.get("path", ()))), []).append(_message(11, _error(error)))
    written = _Written(at, round(span[0] * _NS))
    trace = (
        _message(4, _moment(now)),
        _message(3, _moment(now + timedelta(seconds=seconds))),
        _number(11, round(seconds * _NS)),
        _message(14, written.inner(root)),
    )
    return base64.b64encode(b"".join(trace)).decode()


class _Written:
    """Writes nodes; `errors` are those at each, by its identity."""

    def __init__(self, errors: Mapping[int, Sequence[bytes]], begun_ns: int) -> None:
        self._errors = errors
        self._begun_ns = begun_ns

    def inner(self, node: Timing) -> bytes:
        """A node without what says which it is."""
        children = (_message(12, self._node(child)) for child in node.below.values())
        return b"".join((*self._errors.get(id(node), ()), *children))

    def _node(self, node: Timing) -> bytes:
        if node.field is None:
            assert isinstance(node.step, int)  # noqa: S101  # an element
            return _indexed(node.step) + self.inner(node)
        name = node.field.nodes[0].name.value
        return b"".join(
            (
                _text(1, node.field.key),
                _text(14, name) if name != node.field.key else b"",
                _text(3, str(node.field.definition.type)),
                _text(13, node.field.owner),
                _number(8, max(0, node.begun_ns - self._begun_ns)),
                _number(9, max(0, node.ended_ns - self._begun_ns)),
                self.inner(node),
            )
        )


def _error(error: Mapping[str, Any]) -> bytes:
    places = (
        _message(2, _number(1, p["line"]) + _number(2, p["column"]))
        for p in error.get("locations", ())
    )
    return b"".join((_text(1, error["message"]), *places, _message(4, encode(error))))


def _moment(moment: datetime) -> bytes:
    nanoseconds = moment.microsecond * 1_000
    return _number(1, int(moment.timestamp())) + _number(2, nanoseconds)


def _indexed(index: int) -> bytes:
    """The index of a list's element, which is told also where it is 0."""
    return _tag(2, 0) + _varint(index)


def _number(number: int, value: int) -> bytes:
    return _tag(number, 0) + _varint(value) if value else b""


def _text(number: int, value: str) -> bytes:
    return _message(number, value.encode())


def _message(number: int, value: bytes) -> bytes:
    return _tag(number, 2) + _varint(len(value)) + value


def _tag(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value >= _MORE:
        groups.append(value & 0x7F | _MORE)
        value >>= 7
    groups.append(value)
    return bytes(groups)
