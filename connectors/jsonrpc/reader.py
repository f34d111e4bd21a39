"""Rows over JSON-RPC: what Tryton and Odoo have in common, whatever their dialect.

Lists are paged by id where no order is wanted (rows that come and go move no page), else by
offset. Datasets may fan out over another, and carry the same rows under further contexts.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import structs
from pydantic import ValidationError

from canonical.criteria import Op
from canonical.errors import MisconfiguredError, Reason, SupplygraphError
from canonical.ports import Ask
from connectors.jsonrpc.dialect import MISSING, Dialect, Search, prefixes
from connectors.jsonrpc.fan_out import Members, filled, within
from connectors.jsonrpc.local import split_rows
from connectors.jsonrpc.plan import Plan, Position, is_natural
from connectors.jsonrpc.settings import Options, Settings
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

_SAMPLE_ROWS: Final = 100
_EVERYWHERE: Final = frozenset({"id", "rec_name", "reference"})
_BEHIND: Final = "behind a reference"


class JSONRPCReader:
    """Reads the models of one system.

    Args:
        system: The backend's name.
        dialect: How the system is asked.
        settings: How it speaks.
        policy: How many keys one request may have.
        now: Time of day, with a zone.
    """

    def __init__(
        self,
        system: str,
        dialect: Dialect,
        settings: Settings,
        policy: CallPolicy,
        now: Callable[[], datetime],
    ) -> None:
        self._system = system
        self._dialect = dialect
        self._settings = settings
        self._policy = policy
        self._now = now
        self._members = Members(dialect)
        self._options: dict[str, Options] = {}

    def push(self, dataset: Dataset, test: Test) -> Push:
        """Tell whether the system can apply a test, exactly or giving some rows too many."""
        options = self._of(dataset)
        if within(options.fan_out, test.path) is not None:
            return Push.EXACT
        if options.split is not None and test.path == options.split.name:
            return Push.EXACT
        if test.path in options.days and test.kind == "datetime":
            return Push.SUPERSET if test.op is Op.RANGE and not test.negated else Push.NO
        if test.path.partition(".")[0] in {*options.overlays, options.read_at}:
            return Push.NO
        if test.op is Op.RANGE and test.kind == "string" and not test.negated:
            return Push.EXACT if test.path in self._texts(options) else Push.NO
        return self._dialect.push(test)

    def push_any(self, dataset: Dataset, clause: Clause) -> Push:
        """Tell whether the system can apply an OR; any that it can apply the tests of."""
        answers = {self.push(dataset, test) for test in clause}
        return next((p for p in (Push.NO, Push.SUPERSET) if p in answers), Push.EXACT)

    def sorts(self, dataset: Dataset, sort: tuple[tuple[str, bool], ...]) -> bool:
        """Tell whether the system sorts by these paths as we do: those that the preset names."""
        options = self._of(dataset)
        if options.fan_out is not None or is_natural(options, sort):
            return is_natural(options, sort)
        known = {"id", *options.sort, *self._texts(options)}
        return all(path in known for path, _ in sort)

    def given_order(self, dataset: Dataset) -> tuple[str, ...]:
        """None is relied on: whatever order is wanted is asked for."""
        del dataset
        return ()

    async def page(self, query: RowQuery, cursor: str | None, ask: Ask) -> RowPage:
        """Read one page.

        Raises:
            UnavailableError, BadAnswerError, MisconfiguredError: as the transport does.
        """
        plan = self._plan(query.dataset, query.where, query.columns)
        if not is_natural(plan.options, query.sort):
            plan = structs.replace(plan, sort=query.sort)
        members = await self._along(plan, ask)
        at, position = Position.read(cursor).within(members)
        if at is None:
            return RowPage((), total=0 if query.count else None)
        size = min(query.limit or self._settings.page_size, self._settings.page_size)
        search = position.applied(plan.search(members[at]), size)
        counted = query.count and cursor is None and plan.options.split is None
        found, total = await asyncio.gather(
            self._dialect.search(search, ask),
            self._total(plan, members, ask) if counted else _nothing(),
        )
        rows = await self._whole(plan, members[at], found, ask)
        following: str | None = None
        if len(found) >= size:
            following = position.after(found, members[at], by_id=not plan.sort)
        elif at + 1 < len(members):
            following = Position.start(members[at + 1])
        return RowPage(rows, following, total)

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
        """Read every row whose value at `path` is one of many; chunks side by side."""
        wanted = list(dict.fromkeys(values))
        most = self._policy.max_keys_per_request
        if within(self._of(dataset).fan_out, path) is not None:
            most = len(wanted) or 1  # these choose calls, they are not sent
        chunks = [wanted[i : i + most] for i in range(0, len(wanted), most)]
        batches = await asyncio.gather(
            *(
                self._chunk(
                    self._plan(dataset, (*where, (Test(path, Op.IN, tuple(c), kind),)), columns),
                    c,
                    ask,
                )
                for c in chunks
            )
        )
        failures: dict[str, SupplygraphError] = {}
        for batch in batches:
            failures.update(batch.failures)
        return RowBatch([row for batch in batches for row in batch.rows], failures)

    async def describe(self, dataset: Dataset, columns: tuple[str, ...], ask: Ask) -> DatasetInfo:
        """Look which of the columns exist, by the system's own description, and at some rows.

        Raises:
            UnavailableError: if the system cannot be asked now, or refuses the credentials.
        """
        options = self._of(dataset)
        try:
            paths = await self._resolved(dataset, options, columns, ask)
            # Which fields are behind a reference depends on the record: a sample has them all.
            known = tuple(c for c in columns if paths.get(c, _BEHIND) != _BEHIND)
            page = await self.page(RowQuery(dataset, columns=known, limit=_SAMPLE_ROWS), None, ask)
        except MisconfiguredError as exc:
            if exc.reason is Reason.CREDENTIALS:
                raise
            return DatasetInfo(exists=False, message=exc.message)
        return DatasetInfo(exists=True, paths=paths, sample=page.rows)

    async def aclose(self) -> None:
        """Stop a sign-in under way; the transport is closed by who opened it."""
        await self._dialect.aclose()

    def _texts(self, options: Options) -> tuple[str, ...]:
        """Paths of texts that the system orders as we do."""
        return options.sort_text if self._settings.text_order == "code_point" else ()

    def _of(self, dataset: Dataset) -> Options:
        known = json.dumps(dict(dataset.options), sort_keys=True, default=str)
        if known not in self._options:
            try:
                self._options[known] = Options.model_validate(dict(dataset.options))
            except ValidationError as exc:
                wrong = exc.errors()[0]
                where = ".".join(str(part) for part in wrong["loc"])
                msg = f"the options of {dataset.name} are wrong: {where}: {wrong['msg']}"
                raise MisconfiguredError(self._system, msg) from exc
        return self._options[known]

    def _plan(self, dataset: Dataset, where: tuple[Clause, ...], columns: Sequence[str]) -> Plan:
        return Plan.of(dataset.name, self._of(dataset), where, (*dataset.key, *columns))

    async def _along(self, plan: Plan, ask: Ask) -> Sequence[Row | None]:
        """The rows that the calls are repeated for; None for just one call."""
        fan = plan.options.fan_out
        if fan is None:
            return (None,)
        return plan.chosen(await self._members.rows(fan, plan.attached, ask))

    async def _total(self, plan: Plan, members: Sequence[Row | None], ask: Ask) -> int | None:
        counts = (self._dialect.count(plan.search(member), ask) for member in members)
        return sum(await asyncio.gather(*counts))

    async def _whole(
        self, plan: Plan, member: Row | None, rows: Sequence[Row], ask: Ask
    ) -> Sequence[Row]:
        """Rows of one search with what belongs to them attached, split where they are to be."""
        if rows:
            overlays = (self._overlaid(plan, member, name, rows, ask) for name in plan.overlays)
            await asyncio.gather(*overlays)
        further: Row = {} if plan.options.read_at is None else {plan.options.read_at: self._now()}
        if plan.options.fan_out is not None:
            further[plan.options.fan_out.name] = member
        rows = [row | further for row in rows] if further else rows
        split = plan.options.split
        return rows if split is None else split_rows(rows, split, plan.split_where)

    async def _overlaid(
        self, plan: Plan, member: Row | None, name: str, rows: Sequence[Row], ask: Ask
    ) -> None:
        """Attach to each row what it is under another context."""
        ids = tuple(row["id"] for row in rows)
        search = plan.search(member)
        context = {**search.context, **filled(plan.options.overlays[name].context, member or {})}
        search = Search(
            model=search.model,
            where=((Test("id", Op.IN, ids, "integer"),),),
            columns=plan.overlays[name],
            context=context,
        )
        found = {row["id"]: row for row in await self._dialect.search(search, ask)}
        for row in rows:
            row[name] = found.get(row["id"])

    async def _chunk(self, plan: Plan, values: Sequence[Any], ask: Ask) -> RowBatch:
        try:
            members = await self._along(plan, ask)
            parts = await asyncio.gather(*(self._every(plan, member, ask) for member in members))
        except SupplygraphError as exc:
            return RowBatch((), {str(value): exc for value in values})
        return RowBatch([row for part in parts for row in part])

    async def _every(self, plan: Plan, member: Row | None, ask: Ask) -> Sequence[Row]:
        size, position = self._settings.page_size, Position()
        found: list[Row] = []
        while True:
            search = position.applied(plan.search(member), size)
            rows = await self._dialect.search(search, ask)
            found.extend(await self._whole(plan, member, rows, ask))
            if len(rows) < size:
                return found
            position = Position.read(position.after(rows, member, by_id=True))

    async def _resolved(
        self, dataset: Dataset, options: Options, columns: Sequence[str], ask: Ask
    ) -> dict[str, str]:
        """The columns that exist, with their types, and the model's own fields."""
        fan = options.fan_out
        found = {} if options.read_at is None else {options.read_at: "datetime"}
        if options.split is not None:
            found[options.split.name] = "split"
        own = [c for c in columns if within(fan, c) is None and c not in found]
        plain = [c for c in own if c.partition(".")[0] not in options.overlays]
        found |= await self._types(dataset.name, plain, ask)
        for name in options.overlays:
            laid = [c.partition(".")[2] for c in own if c.startswith(f"{name}.")]
            types = await self._types(dataset.name, laid, ask)
            found |= {f"{name}.{path}": type_ for path, type_ in types.items()}
        if fan is not None:
            attached = [inner for c in columns if (inner := within(fan, c)) is not None]
            types = await self._types(fan.dataset, attached, ask)
            found |= {f"{fan.name}.{path}": type_ for path, type_ in types.items()}
        return found

    async def _types(self, model: str, paths: Sequence[str], ask: Ask) -> Mapping[str, str]:
        fields = await self._dialect.fields(model, ask)
        found = {name: f.type for name, f in fields.items()}
        for name, rest in prefixes(paths).items():
            field = fields.get(name)
            if field is not None and field.type == MISSING:
                found |= {f"{name}.{p}": MISSING for p in rest}
            elif field is not None and field.type == "reference":  # to records of several models
                found |= {f"{name}.{p}": field.type if p in _EVERYWHERE else _BEHIND for p in rest}
            elif rest and field is not None and field.relation:
                inner = await self._types(field.relation, rest, ask)
                found |= {f"{name}.{p}": t for p, t in inner.items() if p in rest}
        return found


async def _nothing() -> None:
    return None
