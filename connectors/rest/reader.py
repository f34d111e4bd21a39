"""JSON over HTTP as a `RowReader`: every difference between systems is declared, none is coded."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from canonical.criteria import Op
from canonical.errors import (
    InvalidInputError,
    MisconfiguredError,
    Reason,
    SupplygraphError,
    UnsupportedError,
)
from canonical.ports import Ask
from connectors.kit.http import HTTPCaller
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import (
    Clause,
    Dataset,
    DatasetInfo,
    Push,
    Row,
    RowBatch,
    RowPage,
    RowQuery,
    Test,
)
from connectors.rest.columns import column_parameters, sort_parameters, sorts
from connectors.rest.exchange import Call, exchange, fixed, path_of
from connectors.rest.filters import encoded_bytes, parameters, push, push_any
from connectors.rest.keys import KeyCall, KeyQuery, key_calls
from connectors.rest.pages import Answer, Cut, cut_at, following, page_parameters
from connectors.rest.pointers import put
from connectors.rest.settings import Settings, Spec, spec
from connectors.rest.styles import LinkPages
from connectors.rest.verify import fitting

_SAMPLED: Final = 1_000
"""Most rows of a sample, where everything comes at once."""


class RestReader:
    """Reads lists of JSON objects from one system.

    Args:
        caller: The transport to the system.
        settings: How the system speaks.
        policy: How many keys and how long an address one request may have.
    """

    def __init__(self, caller: HTTPCaller, settings: Settings, policy: CallPolicy) -> None:
        self._caller = caller
        self._settings = settings
        self._policy = policy
        self._specs: dict[tuple[str, int], tuple[Spec, Mapping[str, Any]]] = {}

    def push(self, dataset: Dataset, test: Test) -> Push:
        """Tell whether the declared operators express a test."""
        return push(self._spec(dataset), test)

    def push_any(self, dataset: Dataset, clause: Clause) -> Push:
        """Tell whether an OR is a choice of values of one field, which can be expressed."""
        return push_any(self._spec(dataset), clause)

    def sorts(self, dataset: Dataset, sort: tuple[tuple[str, bool], ...]) -> bool:
        """Tell whether the declared style expresses an order."""
        return sorts(self._spec(dataset), sort)

    def given_order(self, dataset: Dataset) -> tuple[str, ...]:
        """Paths in whose order the settings say that lists come."""
        return self._spec(dataset).sort.given

    async def page(self, query: RowQuery, cursor: str | None, ask: Ask) -> RowPage:
        """Read one page.

        Raises:
            UnsupportedError: if the question does not fit into an address, or the list is longer
                than allowed.
            UnavailableError, BadAnswerError, MisconfiguredError: as the transport does.
        """
        spec = self._spec(query.dataset)
        where = parameters(spec, query.where)
        if where is None:
            return RowPage((), total=0)
        sent = [
            *fixed(spec, count=query.count),
            *where,
            *sort_parameters(spec, query.sort),
            *column_parameters(spec, self._needed(spec, query), query.dataset.key),
        ]
        call = Call(path_of(query.dataset.name, spec.variables), query.dataset.name, sent)
        answer, after = await self._cut(spec, call, cut_at(spec, cursor, query.limit), ask)
        rows = self._checked(spec, query.where, answer.rows)
        return RowPage(rows, after.encode() if after else None, answer.total)

    async def by_values(  # noqa: PLR0913  -- the port's own signature
        self,
        dataset: Dataset,
        path: str,
        values: Sequence[Any],
        columns: tuple[str, ...],
        ask: Ask,
        *,
        where: tuple[Clause, ...] = (),
        kind: str = "string",
    ) -> RowBatch:
        """Read the rows of many values, in chunks side by side. A failed chunk fails only its own.

        Raises:
            UnsupportedError: if the settings know no way to ask for values of this field.
        """
        spec = self._spec(dataset)
        query = KeyQuery(dataset, path, kind, columns, where)
        calls = key_calls(spec, query, list(dict.fromkeys(values)), len(self._caller.base_url))
        if len(calls) == 1:
            return await self._chunk(spec, query, calls[0], ask)
        batches = await asyncio.gather(*(self._chunk(spec, query, call, ask) for call in calls))
        failures: dict[str, SupplygraphError] = {}
        for batch in batches:
            failures.update(batch.failures)
        return RowBatch([row for batch in batches for row in batch.rows], failures)

    async def describe(self, dataset: Dataset, columns: tuple[str, ...], ask: Ask) -> DatasetInfo:
        """Look at a first page. JSON interfaces publish no types: only the sample tells of fields.

        Raises:
            UnavailableError: if the system cannot be asked now, or refuses the credentials.
        """
        query = RowQuery(dataset, columns=columns, limit=self._spec(dataset).sample)
        try:
            page = await self.page(query, None, ask)
        except MisconfiguredError as exc:
            if exc.reason is Reason.CREDENTIALS:
                raise
            return DatasetInfo(exists=False, message=exc.message)
        except InvalidInputError as exc:
            return DatasetInfo(exists=False, message=exc.message)
        return DatasetInfo(exists=True, sample=page.rows[:_SAMPLED])

    async def aclose(self) -> None:
        """Nothing is held here; the transport is closed by who opened it."""

    def _needed(self, spec: Spec, query: RowQuery) -> tuple[str, ...]:
        """The columns to ask for: those wanted, and those that rows are compared by."""
        if not query.columns or not spec.filters.verify:
            return query.columns
        return (*query.columns, *(test.path for clause in query.where for test in clause))

    def _spec(self, dataset: Dataset) -> Spec:
        known = (dataset.name, id(dataset.options))
        found = self._specs.get(known)
        if found is None:
            # The options are kept, so that no others get their identity.
            found = self._specs[known] = (self._checked_spec(dataset), dataset.options)
        return found[0]

    def _checked_spec(self, dataset: Dataset) -> Spec:
        try:
            found = spec(self._settings, dataset.options, self._policy)
            path_of(dataset.name, found.variables)
        except ValidationError as exc:
            wrong = "; ".join(
                f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors(include_url=False)
            )
            msg = f"options of {dataset.name}: {wrong}"
            raise MisconfiguredError(self._caller.system, msg) from exc
        except (KeyError, ValueError, IndexError) as exc:
            msg = f"{dataset.name} names {exc}, which is not among `settings.variables`"
            raise MisconfiguredError(self._caller.system, msg) from exc
        return found

    async def _cut(self, spec: Spec, call: Call, cut: Cut, ask: Ask) -> tuple[Answer, Cut | None]:
        """One page of a list, and where the next one is."""
        if isinstance(spec.pages, LinkPages) and cut.token:
            call = Call(cut.token, call.label, rows=call.rows)
        else:
            sent = [*call.sent, *page_parameters(spec, cut)]
            call = Call(call.path, call.label, sent, call.body, call.rows, call.missing)
            self._refuse_long(spec, call)
        answer = await exchange(self._caller, spec, call, ask)
        url = f"{self._caller.base_url}/{call.path.lstrip('/')}"
        asked = call.path if call.path.startswith(("http://", "https://")) else url
        return answer, following(spec, cut, answer, asked)

    def _refuse_long(self, spec: Spec, call: Call) -> None:
        length = len(self._caller.base_url) + len(call.path) + encoded_bytes(list(call.sent))
        if length > spec.max_url_bytes:
            msg = (
                f"{call.label}: the question makes an address of {length} bytes, more than the "
                f"{spec.max_url_bytes} that are allowed. Ask for fewer values or columns."
            )
            raise UnsupportedError(msg)

    async def _chunk(self, spec: Spec, query: KeyQuery, part: KeyCall, ask: Ask) -> RowBatch:
        try:
            return RowBatch(await self._all_pages(spec, query, part, ask))
        except SupplygraphError as exc:
            return RowBatch((), {str(value): exc for value in part.values})

    async def _all_pages(
        self, spec: Spec, query: KeyQuery, part: KeyCall, ask: Ask
    ) -> Sequence[Row]:
        if part.call is None:
            raise UnsupportedError(f"no query of this system can hold such a {query.path}.")
        if part.single:
            answer = await exchange(self._caller, spec, part.call, ask)
            for row in answer.rows:
                put(row, query.path, part.values[0])
            return answer.rows
        asked = (Test(query.path, Op.IN, part.values, query.kind),)
        unique = query.dataset.key == (query.path,) or query.path in spec.unique
        found: list[Row] = []
        cut: Cut | None = cut_at(spec, None, None)
        while cut is not None:
            answer, cut = await self._cut(spec, part.call, cut, ask)
            found.extend(self._checked(spec, (asked, *query.where), answer.rows))
            if unique and len(found) >= len(part.values):
                break
        return found

    def _checked(self, spec: Spec, where: tuple[Clause, ...], rows: Sequence[Row]) -> Sequence[Row]:
        return fitting(spec, where, rows, self._caller.system) if spec.filters.verify else rows


def reader(caller: HTTPCaller, settings: Mapping[str, Any], policy: CallPolicy) -> RestReader:
    """Open the protocol over a transport, with settings as a manifest or preset gives them.

    Raises:
        pydantic.ValidationError: if the settings name something unknown, or the whole makes no
        sense.
    """
    return RestReader(caller, Settings.model_validate(settings), policy)
