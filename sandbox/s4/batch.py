"""$batch: several requests in one body, as multipart/mixed with a changeset in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urlsplit

from msgspec import Struct
from starlette.responses import Response

from sandbox.s4.errors import bad_request
from sandbox.s4.paths import segments_of

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
_BATCH, _CHANGESET = "sandbox-batch", "sandbox-changeset"
_TUNNELED = "x-http-method"


class Call(Struct, frozen=True):
    """A request to a service: header names in lower case, segments behind the service's name."""

    method: str
    segments: list[str]
    headers: Mapping[str, str]
    body: bytes


def tunneled(call: Call) -> Call:
    """The request that a POST with X-HTTP-Method stands for."""
    method = call.headers.get(_TUNNELED, "").upper()
    if call.method != "POST" or not method:
        return call
    return Call(method, call.segments, call.headers, call.body)


def parse(call: Call, root: str) -> list[Call]:
    """The requests of the only changeset of a batch.

    Raises:
        ODataError: 400 if it is not one changeset of whole requests.
    """
    parts = _parts(call.headers.get("content-type", ""), call.body)
    if len(parts) != 1:
        raise bad_request("A batch holds one changeset here")
    headers, content = parts[0]
    return [_call(inner, root) for _, inner in _parts(headers.get("content-type", ""), content)]


def _parts(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    match = _BOUNDARY.search(content_type)
    if not content_type.startswith("multipart/mixed") or match is None:
        raise bad_request("Malformed multipart body: no boundary")
    pieces = body.split(f"--{match[1]}".encode())
    if not pieces[-1].startswith(b"--"):
        raise bad_request("Malformed multipart body: it does not end")
    return [_split(piece.removeprefix(b"\r\n")) for piece in pieces[1:-1]]


def _split(text: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and what follows them; the line before the next boundary is the boundary's."""
    head, _, rest = text.partition(b"\r\n\r\n")
    lines = (line.partition(":") for line in head.decode().splitlines())
    return {name.strip().lower(): v.strip() for name, _, v in lines}, rest.removesuffix(b"\r\n")


def _call(text: bytes, root: str) -> Call:
    line, _, rest = text.partition(b"\r\n")
    words = line.decode().split(" ")
    if len(words) != 3:
        raise bad_request("Malformed request line in a changeset")
    headers, body = _split(rest)
    path = urlsplit(words[1]).path
    segments = segments_of(unquote(path.removeprefix(urlsplit(root).path).lstrip("/")))
    return tunneled(Call(words[0], segments, headers, body))


def compose(answers: Sequence[Response], *, together: bool) -> Response:
    """The answer to a batch: those to a changeset that was done, or the one to one that was not."""
    if not together:
        body = _multipart(_BATCH, [_wrapped(answers[0])])
    else:
        inner = _multipart(_CHANGESET, [_wrapped(answer) for answer in answers])
        head = f"Content-Type: multipart/mixed; boundary={_CHANGESET}\r\n\r\n".encode()
        body = _multipart(_BATCH, [head + inner])
    return Response(body, 202, media_type=f"multipart/mixed; boundary={_BATCH}")


def _wrapped(answer: Response) -> bytes:
    phrase = "No Content" if answer.status_code == 204 else "Error"
    status = f"HTTP/1.1 {answer.status_code} {phrase}\r\n"
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    return f"{head}{status}{headers}\r\n".encode() + bytes(answer.body)


def _multipart(boundary: str, parts: Sequence[bytes]) -> bytes:
    inner = b"".join(f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts)
    return inner + f"--{boundary}--\r\n".encode()
