"""JSON over HTTP as a `RowWriter`: methods, paths and answers are declared, none is coded."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec

from canonical.errors import (
    BadAnswerError,
    InvalidInputError,
    MisconfiguredError,
    NotFoundError,
    RejectedError,
)
from canonical.ports import Ask
from connectors.kit.http import HTTPCaller, Request, Response
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Dataset, Row
from connectors.kit.transport_errors import in_doubt
from connectors.rest.exchange import explain
from connectors.rest.pointers import MISSING, at, put, told
from connectors.rest.settings import Settings, Spec, spec
from connectors.rest.styles import Told
from connectors.rest.values import written

_TOLD_AT_MOST: Final = 300
_NOT_FOUND: Final = (404, 410)
_PLACE: Final = re.compile(r"\{([^{}]+)\}")
_to_json = msgspec.json.Encoder(decimal_format="number").encode


class _Aim(msgspec.Struct, frozen=True):
    """What a request is about."""

    style: Spec
    dataset: Dataset
    form: Told
    key: Mapping[str, Any] = {}


class RestWriter:
    """Tells one system of JSON objects (`RowWriter`, `RowPublisher`).

    Args:
        caller: The transport to the system.
        settings: How the system speaks.
        policy: How it may be asked.
    """

    def __init__(self, caller: HTTPCaller, settings: Settings, policy: CallPolicy) -> None:
        self._caller = caller
        self._settings = settings
        self._policy = policy

    async def create(self, dataset: Dataset, row: Row, ask: Ask) -> Row:
        """Make a row; what the system answers of it, over what it was told."""
        style = self._spec(dataset)
        headers: dict[str, str] = {}
        if style.writes.idempotency_header is not None:
            key = at(row, f"/{(style.writes.idempotency_path or '').replace('.', '/')}")
            headers[style.writes.idempotency_header] = str(key)
        aim = _Aim(style, dataset, style.writes.create)
        request = self._request(aim, row, headers)
        response = await self._send(style, request, ask)
        answer = self._answer(style, response)
        found = at(answer, style.writes.row) if answer is not MISSING else MISSING
        made: Row = {**row, **found} if isinstance(found, dict) else dict(row)
        place = response.headers.get("location", "").rstrip("/").rpartition("/")[2]
        if style.writes.location and place and len(dataset.key) == 1:
            put(made, dataset.key[0], unquote(place))
        return made

    async def change(
        self,
        dataset: Dataset,
        key: Mapping[str, Any],
        row: Row,
        ask: Ask,
        *,
        version: str | None = None,
    ) -> None:
        """Change the fields of a row that are given."""
        style = self._spec(dataset)
        await self._tell(_Aim(style, dataset, style.writes.change, key), row, version, ask)

    async def call(
        self,
        dataset: Dataset,
        key: Mapping[str, Any],
        action: str,
        ask: Ask,
        *,
        row: Row | None = None,
        version: str | None = None,
    ) -> None:
        """Do an action on a row."""
        style = self._spec(dataset)
        told_ = style.writes.call
        path = told_.path.replace("{action}", quote(action, safe="/"))
        form = told_.model_copy(update={"path": path})
        await self._tell(_Aim(style, dataset, form, key), row, version, ask)

    async def upsert(self, dataset: Dataset, rows: Sequence[Row], ask: Ask) -> None:
        """Put rows in the place of those with the same key. The same again changes nothing."""
        style = self._spec(dataset)
        aim = _Aim(style, dataset, style.writes.upsert)
        request = self._request(aim, list(rows), repeatable=True)
        request = msgspec.structs.replace(request, told=len(rows))
        try:
            response = await self._caller.send(request, ask, explain=lambda r: explain(style, r))
        except InvalidInputError as exc:
            said = exc.message.removeprefix(f"{self._caller.system}: ")
            raise RejectedError(self._caller.system, said) from exc
        self._refuse_error(style, response)

    def version_of(self, dataset: Dataset, row: Row) -> str | None:
        """Nothing: JSON rows have no versions but those that the mapping names."""
        del dataset, row
        return None

    async def _tell(self, aim: _Aim, row: Row | None, version: str | None, ask: Ask) -> None:
        style = aim.style
        headers: dict[str, str] = {}
        stale = style.writes.version
        if version is not None and stale is not None:
            if stale.header is not None:
                headers[stale.header] = version
            else:
                row = {**(row or {})}
                put(row, stale.field or "", int(version) if version.isdigit() else version)
        request = self._request(aim, row, headers)
        response = await self._send(style, request, ask)
        if response.status in _NOT_FOUND:
            name = ", ".join(str(value) for value in aim.key.values())
            raise NotFoundError(f"{self._caller.system} has no {aim.dataset.name} {name}")
        self._refuse_error(style, response)

    async def _send(self, style: Spec, request: Request, ask: Ask) -> Response:
        return await self._caller.send(request, ask, explain=lambda r: explain(style, r))

    def _request(
        self,
        aim: _Aim,
        body: Any,
        headers: Mapping[str, str] | None = None,
        *,
        repeatable: bool = False,
    ) -> Request:
        style = aim.style
        sent = {**style.headers, **(headers or {})}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        return Request(
            path=self._path(aim),
            label=aim.dataset.name,
            method=aim.form.method,
            query=[*style.query.items(), *style.writes.query.items()],
            headers=sent,
            body=None if body is None else _to_json(_plain(body, style)),
            repeatable=repeatable,
            accept=_NOT_FOUND if aim.key else (),
        )

    def _path(self, aim: _Aim) -> str:
        values = {**aim.style.variables, **{path: str(v) for path, v in aim.key.items()}}
        if len(aim.key) == 1:
            values["key"] = str(next(iter(aim.key.values())))

        def filled(found: re.Match[str]) -> str:
            name = found[1]
            if name not in values:
                message = f"{aim.form.path} names {{{name}}}, which {aim.dataset.name} has not"
                raise MisconfiguredError(self._caller.system, message)
            return quote(values[name], safe="")

        return _PLACE.sub(filled, aim.form.path.replace("{dataset}", aim.dataset.name))

    def _answer(self, style: Spec, response: Response) -> Any:
        """The body of an answer that something was done; `MISSING` if it has none."""
        if not response.content:
            return MISSING
        try:
            body = response.json()
        except BadAnswerError as exc:
            raise in_doubt(self._caller.system, response.label, exc) from exc
        self._refuse_body(style, body)
        return body

    def _refuse_error(self, style: Spec, response: Response) -> None:
        if style.error_in_success is not None:
            self._answer(style, response)

    def _refuse_body(self, style: Spec, body: Any) -> None:
        if style.error_in_success is None:
            return
        found = at(body, style.error_in_success)
        if found is not MISSING and found:
            raise RejectedError(self._caller.system, told(found)[:_TOLD_AT_MOST])

    def _spec(self, dataset: Dataset) -> Spec:
        return spec(self._settings, dataset.options, self._policy)


def _plain(value: Any, style: Spec) -> Any:
    """A value as it stands in JSON."""
    if isinstance(value, Mapping):
        return {name: _plain(inner, style) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, style) for inner in value]
    if isinstance(value, date):
        return written(value, style.formats)
    if isinstance(value, timedelta):
        return f"P{value.days}D"
    if isinstance(value, Decimal) and style.writes.decimal == "string":
        return f"{value:f}"
    return value


def writer(caller: HTTPCaller, settings: Mapping[str, Any], policy: CallPolicy) -> RestWriter:
    """Tell a system over a transport, with settings as a manifest or preset gives them.

    Raises:
        pydantic.ValidationError: if the settings name something unknown, or make no sense.
    """
    return RestWriter(caller, Settings.model_validate(settings), policy)
