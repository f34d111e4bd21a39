"""One request to a resource, and its answer taken apart: rows, total, errors."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from canonical.errors import BadAnswerError
from canonical.ports import Ask
from connectors.kit.http import HTTPCaller, Request, Response
from connectors.kit.rows import Row
from connectors.rest.filters import Parameters
from connectors.rest.pages import Answer
from connectors.rest.pointers import MISSING, at, put, told
from connectors.rest.settings import Settings, Spec

_TOLD_AT_MOST: Final = 300
_NO_CONTENT: Final = 204
_to_json = msgspec.json.Encoder(decimal_format="number").encode


class Call(msgspec.Struct, frozen=True):
    """What to ask of a dataset.

    Attributes:
        path: Below the backend's address, with variables filled in, or an address that the system
            gave.
        label: The dataset's name, for messages.
        sent: Query parameters.
        body: JSON to post; None for a GET.
        rows: Where the rows are, if not where the dataset's lists have them.
        missing: Statuses that mean that there are no rows.
    """

    path: str
    label: str
    sent: Sequence[tuple[str, str]] = ()
    body: Any = None
    rows: str | None = None
    missing: tuple[int, ...] = ()


async def exchange(caller: HTTPCaller, spec: Spec, call: Call, ask: Ask) -> Answer:
    """Ask, and take the answer apart.

    Raises:
        BadAnswerError: if the answer does not hold rows where the settings say, or tells of an
            error.
        UnavailableError, MisconfiguredError, InvalidInputError: as the transport does.
    """
    headers = dict(spec.headers)
    posted = None
    if call.body is not None:
        headers.setdefault("Content-Type", "application/json")
        posted = _to_json(call.body)
    request = Request(
        path=call.path,
        label=call.label,
        method="GET" if posted is None else "POST",
        query=call.sent,
        headers=headers,
        body=posted,
        accept=call.missing,
    )
    response = await caller.send(request, ask, explain=lambda r: explain(spec, r))
    if response.status in call.missing or response.status == _NO_CONTENT:
        return Answer(response, None, (), None)
    body = response.json()
    _refuse_error(spec, response, body)
    rows = _rows(spec, call, response, body)
    response.count(len(rows))
    return Answer(response, body, rows, _total(spec, response, body))


def explain(settings: Settings, response: Response) -> str | None:
    """What an error body says, in a few words."""
    try:
        body = response.json()
    except BadAnswerError:
        return None
    for pointer in settings.errors:
        found = at(body, pointer)
        text = "" if found is MISSING else told(found)
        if text:
            return text[:_TOLD_AT_MOST]
    return None


def path_of(name: str, variables: Mapping[str, str]) -> str:
    """A dataset's path with its variables filled in.

    Raises:
        KeyError: if a variable is not among the settings.
    """
    return name.format_map({n: quote(v, safe="") for n, v in variables.items()})


def _refuse_error(spec: Spec, response: Response, body: Any) -> None:
    if spec.error_in_success is None:
        return
    found = at(body, spec.error_in_success)
    if found is not MISSING and found:
        text = told(found)[:_TOLD_AT_MOST]
        raise BadAnswerError(response.system, f"{response.label} answered an error: {text}")


def _rows(spec: Spec, call: Call, response: Response, body: Any) -> list[Row]:
    pointer = call.rows or spec.rows
    found = at(body, pointer)
    if found is None:
        return []
    if isinstance(found, dict) and spec.rows_by is not None and call.rows is None:
        found = [_keyed(row, spec.rows_by, key) for key, row in found.items()]
    elif isinstance(found, dict) and call.rows is not None:
        found = [found]
    if not isinstance(found, list) or not set(map(type, found)) <= {dict}:
        where = "the body" if pointer == "/" else pointer
        msg = f"{response.label} answered JSON in which {where} is not a list of objects"
        raise BadAnswerError(response.system, msg)
    return found


def _keyed(row: Any, name: str, key: str) -> Any:
    if isinstance(row, dict):
        put(row, name, key)
    return row


def _total(spec: Spec, response: Response, body: Any) -> int | None:
    found: Any = MISSING
    if spec.total is not None:
        found = at(body, spec.total)
    elif spec.total_header is not None:
        wanted = spec.total_header.lower()
        found = next((v for n, v in response.headers.items() if n.lower() == wanted), MISSING)
    return int(found) if str(found).isdigit() else None


def fixed(spec: Spec, *, count: bool) -> Parameters:
    """Parameters that go with every list request."""
    return [*spec.query.items(), *(spec.count_query.items() if count else ())]
