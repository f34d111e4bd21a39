"""Where the following page is, in each of the declared styles, and when a list has ended.

A list ends by the style's own sign. A system that gives the same page for ever is an error, never a
silent cut: what is left out of an answer is either told or does not happen.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urljoin
from zlib import crc32

import msgspec

from canonical.errors import BadAnswerError, UnsupportedError
from connectors.kit.http import Response
from connectors.rest.filters import Parameters
from connectors.rest.pointers import MISSING, at
from connectors.rest.settings import Spec
from connectors.rest.styles import CursorPages, LinkPages, NumberedPages, OffsetPages, WholePages


class Cut(msgspec.Struct, frozen=True, array_like=True):
    """Where in a list the next request stands.

    Attributes:
        token: What the style needs: rows or pages to skip, the system's cursor, an address. Empty
            at the start.
        size: Rows asked for in a page, the same throughout a list.
        number: Pages read before.
        seen: Check sum of the page before.
    """

    token: str
    size: int
    number: int = 0
    seen: int = 0

    def encode(self) -> str:
        """The cut as a cursor."""
        return msgspec.json.encode(self).decode()


class Answer(msgspec.Struct, frozen=True):
    """What one request gave, as far as paging needs it."""

    response: Response
    body: Any
    rows: Sequence[Any]
    total: int | None


def cut_at(spec: Spec, cursor: str | None, limit: int | None) -> Cut:
    """The cut that a cursor names, or the start of a list of about `limit` rows."""
    if cursor is not None:
        return _decode(cursor)
    pages = spec.pages
    if isinstance(pages, WholePages):
        return Cut("", 0)
    fixed = pages.size_parameter is None or limit is None
    return Cut("", pages.size if fixed else min(pages.size, max(limit or 1, 1)))


def page_parameters(spec: Spec, cut: Cut) -> Parameters:
    """The parameters that ask for this page."""
    pages = spec.pages
    if isinstance(pages, WholePages):
        return []
    sent: Parameters = []
    if pages.size_parameter is not None:
        sent.append((pages.size_parameter, str(cut.size)))
    match pages:
        case OffsetPages():
            sent.append((pages.offset_parameter, cut.token or "0"))
        case NumberedPages():
            sent.append((pages.page_parameter, cut.token or str(pages.first)))
        case CursorPages() if cut.token:
            sent.append((pages.parameter, cut.token))
        case _:
            pass
    return sent


def following(spec: Spec, cut: Cut, answer: Answer, url: str) -> Cut | None:
    """The cut after this one; None if the list has ended.

    Args:
        spec: How the dataset is cut.
        cut: What was asked.
        answer: What came.
        url: Where it was asked, which relative addresses refer to.

    Raises:
        BadAnswerError: if the system repeats itself, so that reading on would not end.
        UnsupportedError: if the list is longer than `max_pages`.
    """
    token = _token(spec, cut, answer, url)
    if token is None:
        return None
    label, seen = answer.response.label, crc32(answer.response.content)
    repeats = answer.rows and cut.number > 0 and seen == cut.seen
    if repeats or token == cut.token:
        if not answer.rows:
            return None
        msg = f"{label} gives the same page again and again; check `pages` of its settings"
        raise BadAnswerError(answer.response.system, msg)
    if cut.number + 1 >= spec.max_pages:
        msg = (
            f"{label} has more than {spec.max_pages} pages; narrow the question, or raise max_pages"
        )
        raise UnsupportedError(msg)
    return Cut(token, cut.size, cut.number + 1, seen)


def _token(spec: Spec, cut: Cut, answer: Answer, url: str) -> str | None:
    match spec.pages:
        case OffsetPages() as pages:
            before = int(cut.token or 0)
            return _counted(cut, answer, before, pages.stop, before + len(answer.rows))
        case NumberedPages() as pages:
            number = int(cut.token or pages.first)
            before = (number - pages.first) * cut.size
            return _counted(cut, answer, before, pages.stop, number + 1)
        case CursorPages() as pages:
            found = at(answer.body, pages.next)
            return None if found in (MISSING, None, "", False) else str(found)
        case LinkPages() as pages:
            link = (
                _link(answer.response.headers)
                if pages.next is None
                else at(answer.body, pages.next)
            )
            return urljoin(url, link) if isinstance(link, str) and link else None
        case _:
            return None


def _counted(cut: Cut, answer: Answer, before: int, stop: str, following: int) -> str | None:
    """The next count, unless the page was the last: empty, or short and no total denies it."""
    got = len(answer.rows)
    more = answer.total is not None and before + got < answer.total
    ended = not got or (stop == "short" and got < cut.size and not more)
    return None if ended else str(following)


_NEXT: Final = re.compile(
    r'<([^>]*)>(?:[^"<,]|"[^"]*")*?;\s*rel="?(?:[^",;]*\s)?next(?=[\s",;]|$)', re.IGNORECASE
)


def _link(headers: Mapping[str, str]) -> str | None:
    header = next((v for n, v in headers.items() if n.lower() == "link"), "")
    found = _NEXT.search(header)
    return found.group(1) if found else None


def _decode(cursor: str) -> Cut:
    return msgspec.json.decode(cursor, type=Cut)
