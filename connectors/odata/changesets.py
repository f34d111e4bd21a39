"""Several changes in one request that are done together or not at all: a changeset in a $batch."""

import re
from collections.abc import Mapping, Sequence
from email.parser import BytesHeaderParser
from typing import Final

from msgspec import Struct

from connectors.kit.http import Response

_BATCH: Final = "batch_1f6a"
_CHANGESET: Final = "changeset_1f6a"
_BOUNDARY: Final = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_STATUS: Final = re.compile(rb"HTTP/1\.\d (\d{3})[^\r\n]*\r?\n")
_END: Final = re.compile(rb"\r?\n\r?\n")


class Part(Struct, frozen=True):
    """One change.

    Attributes:
        method: Its HTTP method.
        path: Its address below the service.
        headers: Its headers.
        body: Its document.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def content_type() -> str:
    """What the header of a request with a changeset says."""
    return f"multipart/mixed; boundary={_BATCH}"


def changeset(parts: Sequence[Part]) -> bytes:
    """The body of a request with one changeset."""
    inner = b"".join(_part(n, part) for n, part in enumerate(parts, start=1))
    head = f"--{_BATCH}\r\nContent-Type: multipart/mixed; boundary={_CHANGESET}\r\n\r\n"
    tail = f"--{_CHANGESET}--\r\n\r\n--{_BATCH}--\r\n"
    return head.encode() + inner + tail.encode()


def _part(number: int, part: Part) -> bytes:
    headers = {**part.headers, "Content-Length": str(len(part.body))}
    lines = [
        f"--{_CHANGESET}",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        f"Content-ID: {number}",
        "",
        f"{part.method} {part.path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + part.body + b"\r\n"


def answers(response: Response) -> list[Response]:
    """What a system answers to the changes, or to all of them together if they were not done.

    Raises:
        ValueError: if that cannot be read.
    """
    found = list(_answers(response.headers.get("content-type", ""), response.content, response))
    if not found:
        raise ValueError("no answer to any of the changes")
    return found


def _answers(kind: str, content: bytes, whole: Response) -> list[Response]:
    boundary = _BOUNDARY.search(kind)
    if boundary is None:
        raise ValueError("no parts")
    mark = re.compile(rb"(?:^|\r?\n)--" + re.escape(boundary[1].encode()) + rb"(?:--)?[ \t]*")
    found: list[Response] = []
    for piece in mark.split(content)[1:-1]:
        headers, rest = _split(piece.lstrip(b"\r\n"))
        if headers.get("content-type", "").lower().startswith("multipart/mixed"):
            found += _answers(headers["content-type"], rest, whole)
        else:
            found.append(_answer(rest.lstrip(b"\r\n"), whole))
    return found


def _answer(content: bytes, whole: Response) -> Response:
    status = _STATUS.match(content)
    if status is None:
        raise ValueError("a part that is no answer")
    headers, body = _split(content[status.end() :])
    return Response(whole.system, int(status[1]), headers, body, whole.label)


def _split(content: bytes) -> tuple[dict[str, str], bytes]:
    end = _END.search(content)
    head, rest = (content, b"") if end is None else (content[: end.start()], content[end.end() :])
    parsed = BytesHeaderParser().parsebytes(head.strip() + b"\r\n\r\n")
    return {name.lower(): str(value) for name, value in parsed.items()}, rest
