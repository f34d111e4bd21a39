"""Rows of OData services, V2 and V4: questions become query options, answers become plain rows."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from canonical.criteria import Op
from canonical.errors import (
    BadAnswerError,
    InvalidInputError,
    MisconfiguredError,
    SignInRefusedError,
    SupplygraphError,
    UnsupportedError,
)
from canonical.ports import Ask
from connectors.kit.http import HTTPCaller, Request, Response, query_string
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import (
    Clause,
    Dataset,
    DatasetInfo,
    Push,
    Row,
    RowBatch,
    RowChanges,
    RowPage,
    RowQuery,
    Test,
)
from connectors.odata.catalog import Catalog
from connectors.odata.cursors import Position
from connectors.odata.envelope import Envelope, open_envelope
from connectors.odata.errors import explain, warning
from connectors.odata.filters import kind_of, pushable, pushable_together
from connectors.odata.keys import strip_zeros
from connectors.odata.queries import QueryWriter
from connectors.odata.settings import Settings
from connectors.odata.shape import Shape, split_name
from connectors.odata.tracking import GONE, Cursor, entries

_SAMPLE_ROWS: Final = 100


class ODataReader:
    """One system that speaks OData."""

    def __init__(
        self,
        settings: Settings,
        caller: HTTPCaller,
        policy: CallPolicy,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._caller = caller
        self._now = now
        self._most_values = policy.max_keys_per_request
        self._catalog = Catalog(settings, caller)
        self._writer = QueryWriter(settings, policy, system=caller.system, base=caller.base_url)

    def push(self, dataset: Dataset, test: Test) -> Push:
        """Tell whether the system can apply a test, exactly or giving some rows too many."""
        if test.op is Op.IN and len(test.value) > self._most_values:
            return Push.NO
        return pushable(test, self._shape(dataset))

    def push_any(self, dataset: Dataset, clause: Clause) -> Push:
        """Tell whether the system can apply an OR: of one field, or of several if it may."""
        return pushable_together(clause, self._shape(dataset))

    def sorts(self, dataset: Dataset, sort: tuple[tuple[str, bool], ...]) -> bool:
        """Tell whether the system can sort by these paths together, text by code point."""
        shape = self._shape(dataset)
        return all(_sorts_by(path, shape) for path, _ in sort)

    def given_order(self, dataset: Dataset) -> tuple[str, ...]:
        """None is relied on: whatever order is wanted is asked for."""
        del dataset
        return ()

    async def page(self, query: RowQuery, cursor: str | None, ask: Ask) -> RowPage:
        """Read one page; `cursor` is the `next` of the page before.

        Raises:
            UnavailableError, BadAnswerError, MisconfiguredError: as the transport does.
            InvalidInputError: if a value cannot be of its field's type, or there are too many of
                them for one address.
        """
        shape = await self._typed_shape(query.dataset, query.where, ask)
        where = self._writer.filter(query.where, shape)
        if where is None:
            return RowPage((), total=0 if query.count else None)
        position = Position.read(cursor)
        top = min(query.limit or self._settings.page_size, self._settings.page_size)
        request = self._writer.first(query, shape, where, top, position.skip)
        if position.link:
            request = self._writer.following(position.link, shape, request)
        envelope = await self._open(request, shape, ask)
        following = position.after(len(envelope.rows), envelope.next, top)
        return RowPage(envelope.rows, following, envelope.total)

    async def by_values(  # noqa: PLR0913 - the port's signature
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
        """Read every row whose value at `path` is one of many.

        Chunks are sent concurrently and followed to their last page. A failed chunk fails its
        values only.
        """
        by = Test(path, Op.IN, tuple(dict.fromkeys(values)), kind)
        query = RowQuery(dataset, where, columns=columns)
        shape = await self._typed_shape(dataset, (*where, (by,)), ask)
        split = list(self._writer.chunks(query, shape, by.value, by))
        answers = await asyncio.gather(
            *(
                self._all(RowQuery(dataset, (*where, (part,)), columns=columns), ask)
                for part in (Test(path, Op.IN, tuple(chunk), kind) for chunk in split)
            )
        )
        rows: list[Row] = []
        failures: dict[str, SupplygraphError] = {}
        for chunk, answer in zip(split, answers, strict=True):
            if isinstance(answer, SupplygraphError):
                failures.update(dict.fromkeys((str(value) for value in chunk), answer))
            else:
                rows.extend(answer)
        return RowBatch(rows, failures)

    def tracks(self, dataset: Dataset) -> bool:
        """Whether changes may be asked for: V4 alone knows how."""
        del dataset
        return self._settings.version == "v4"

    async def changes(self, query: RowQuery, link: str | None, ask: Ask) -> RowChanges:
        """What has changed behind a link; the rows of a query without one.

        Raises:
            UnavailableError, BadAnswerError, MisconfiguredError: as the transport does.
            UnsupportedError: if the service gives no delta link.
        """
        shape = await self._typed_shape(query.dataset, query.where, ask)
        first = self._writer.tracked(query, shape, self._writer.filter(query.where, shape) or "")
        asked = query_string(first.query)
        cursor = Cursor.read(link, asked)
        if cursor is None:
            return RowChanges()
        behind = cursor.link and self._writer.behind(cursor.link, query, shape, first)
        request = behind or first
        response = await self._caller.send(request, ask, explain=explain)
        if response.status == GONE:
            return RowChanges()
        following, more = cursor.after(response.json(), asked)
        if following is None:
            raise UnsupportedError(
                f"{self._caller.system}: {request.label} ends without a delta link: it keeps no "
                "track of changes. Watch it `by: modified` or `by: snapshot`"
            )
        following = self._writer.kept(following)
        if cursor.whole:
            envelope = await self._completed(response, request, shape, ask)
            return RowChanges(envelope.rows, whole=True, link=following, more=more)
        return self._delta(response, shape, following, more=more)

    def _delta(self, response: Response, shape: Shape, link: str, *, more: bool) -> RowChanges:
        try:
            found = entries(response.json(), shape.set_name, shape.dataset.key)
        except ValueError as exc:
            text = f"{response.label} is no OData delta: {exc}"
            raise BadAnswerError(self._caller.system, text) from exc
        if found is None:
            return RowChanges()
        response.count(len(found.changed) + len(found.removed))
        for path in shape.options.pad:
            strip_zeros((*found.changed, *found.removed), path)
        return RowChanges(found.changed, found.removed, link=link, more=more)

    async def describe(self, dataset: Dataset, columns: tuple[str, ...], ask: Ask) -> DatasetInfo:
        """Look whether an entity set exists and with which fields, by metadata and a few rows."""
        try:
            service = await self._catalog.service(split_name(dataset.name)[0], ask)
            if service is None:
                return DatasetInfo(exists=True, sample=await self._sample(dataset, columns, ask))
            set_name = split_name(dataset.name)[1]
            if set_name not in service.sets:
                known = ", ".join(sorted(service.sets))
                text = f"the service has no entity set {set_name}; it has {known}"
                return DatasetInfo(exists=False, message=text)
            paths = service.paths(set_name, {c.rpartition(".")[0] for c in columns if "." in c})
            options = self._shape(dataset).options
            if options.read_at is not None:
                paths[options.read_at] = "Edm.DateTimeOffset"
            if options.etag is not None:
                paths[options.etag] = "Edm.String"
            existing = tuple(c for c in columns if c in paths)
            sample = await self._sample(dataset, existing, ask)
        except SignInRefusedError:
            raise  # it is no matter of this dataset
        except (MisconfiguredError, InvalidInputError) as exc:
            return DatasetInfo(exists=False, message=exc.message)
        return DatasetInfo(exists=True, paths=paths, sample=sample)

    async def aclose(self) -> None:
        """Nothing is held here: connections are the transport's."""

    async def _sample(self, dataset: Dataset, columns: tuple[str, ...], ask: Ask) -> Sequence[Row]:
        query = RowQuery(dataset, columns=columns, limit=_SAMPLE_ROWS)
        return (await self.page(query, None, ask)).rows

    def _shape(self, dataset: Dataset) -> Shape:
        service = self._catalog.known(split_name(dataset.name)[0])
        return Shape(self._caller.system, self._settings, dataset, service)

    async def _typed_shape(self, dataset: Dataset, where: Iterable[Clause], ask: Ask) -> Shape:
        """What is known of a dataset, after its metadata if a literal's type depends on it."""
        shape = self._shape(dataset)
        if shape.service is None and any(
            kind_of(test) != "string" and shape.type_of(test.path) is None
            for clause in where
            for test in clause
            if test.op is not Op.IS_NULL
        ):
            await self._catalog.try_service(split_name(dataset.name)[0], ask)
            return self._shape(dataset)
        return shape

    async def _all(self, query: RowQuery, ask: Ask) -> list[Row] | SupplygraphError:
        """All rows of a query, page after page; the error if one of them fails."""
        rows: list[Row] = []
        links: set[str] = set()
        before: list[list[Any]] = []
        cursor: str | None = None
        while True:
            try:
                page = await self.page(query, cursor, ask)
            except SupplygraphError as exc:
                return exc
            names = [k.partition(".")[0] for k in query.dataset.key]
            keys = [[row.get(n) for n in names] for row in page.rows]
            if keys and keys == before:
                return self._circle(query.dataset.name)
            before = keys
            rows.extend(page.rows)
            cursor = page.next
            if cursor is None:
                return rows
            link = Position.read(cursor).link
            if link in links:
                return self._circle(query.dataset.name)
            links |= {link} if link else set()

    async def _open(self, request: Request, shape: Shape, ask: Ask) -> Envelope:
        """Send a request and unwrap its answer."""
        response = await self._caller.send(request, ask, explain=explain)
        return await self._completed(response, request, shape, ask)

    async def _completed(
        self, response: Response, request: Request, shape: Shape, ask: Ask
    ) -> Envelope:
        """What an answer holds, with the rest of every list in it that was cut."""
        envelope = self._unwrap(response, shape.options.etag)
        for rest in envelope.rests:
            links: set[str] = set()
            link: str | None = rest.next
            while link is not None:
                if link in links:
                    raise self._circle(request.label)
                links.add(link)
                part = await self._open(self._writer.following(link, shape, request), shape, ask)
                rest.rows.extend(part.rows)
                link = part.next
        for path in shape.options.pad:
            strip_zeros(envelope.rows, path)
        if shape.options.read_at is not None:
            read_at = self._now()
            for row in envelope.rows:
                row[shape.options.read_at] = read_at
        return envelope

    def _unwrap(self, response: Response, etag: str | None) -> Envelope:
        said = warning(response)
        if said is not None:
            raise BadAnswerError(self._caller.system, f"{response.label}: {said}")
        body = response.json()
        try:
            envelope = open_envelope(body, self._settings.version, etag)
        except ValueError as exc:
            text = f"{response.label} is no OData {self._settings.version.upper()} answer: {exc}"
            raise BadAnswerError(self._caller.system, text) from exc
        response.count(len(envelope.rows))
        return envelope

    def _circle(self, what: str) -> BadAnswerError:
        return BadAnswerError(self._caller.system, f"{what}: its pages go in a circle")


def _sorts_by(path: str, shape: Shape) -> bool:
    if not shape.sortable(path) or shape.collections(path) != ():
        return False
    if "." in path and shape.settings.version == "v2":
        return False  # many V2 services refuse to sort through links
    return not shape.settings.ignores_case or shape.type_of(path) not in {None, "Edm.String"}
