"""How an order stands in its system: found by its key there or by ours, and read anew each time."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from canonical.errors import BadAnswerError, ConflictError
from canonical.ports import Ask
from canonical.writing import OrderInSystem
from connectors.kit.mapping.compiler import Compiler
from connectors.kit.mapping.conditions import Holds
from connectors.kit.mapping.needs import joined, plan, wanted_tree, when_paths
from connectors.kit.mapping.paths import BadValueError, Env, compile_list, compile_path, token
from connectors.kit.mapping.sending import Sent, line_form
from connectors.kit.mapping.sendplan import WritePlans
from connectors.kit.mapping.shape import Column
from connectors.kit.mapping.when import When
from connectors.kit.mapping.writes import KeyPlace, Writes
from connectors.kit.rows import Dataset, Push, Row
from connectors.kit.source_core import Core, in_test
from connectors.kit.writing import RowWriter

_TEXT = Column(str, many=False, nullable=True)
_NUMBER = Column(int, many=False, nullable=True)


class Seen(Struct, frozen=True):
    """An order as its system has it.

    Attributes:
        row: Its row, with related rows attached.
        order: What is told of it.
    """

    row: Row
    order: OrderInSystem


def key_text(key: str, place: KeyPlace) -> str:
    """Our key as the system holds it: itself, or a digest where it is too long for the field."""
    if place.length is None or len(key) <= place.length:
        return key
    digest = base64.b32encode(hashlib.sha256(key.encode()).digest()).decode()
    return digest[: place.length]


class Looker:
    """Reads orders for those who write them.

    Args:
        core: The entity as it is read.
        writes: What can be told.
        plans: The same, worked out.
        writer: Who tells it, and knows versions where the mapping names none.
    """

    def __init__(self, core: Core, writes: Writes, plans: WritePlans, writer: RowWriter) -> None:
        self._core = core
        self._writes = writes
        self._writer = writer
        self._compiler = Compiler(core.settings)
        number = core.mapping.fields.get("number")
        self._number = None if number is None else self._compiler.field(number, _TEXT, {})
        self._released = self.condition(writes.released)
        self._cancelled = self.condition(writes.cancelled)
        self._version = None if writes.version is None else compile_path(writes.version)
        self._lines = self._numbered()
        columns = [c for c in ("number",) if c in core.mapping.fields]
        if self._lines is not None:
            columns.append("lines.line_number")
        further = tuple(_paths(core, writes, plans))
        self._plan = plan(core.mapping, wanted_tree(columns), further)

    def condition(self, when: When | None) -> Holds | None:
        """A condition, compiled; None where it always holds."""
        return None if when is None else self._compiler.when(when)

    def holds(self, condition: Holds | None, row: Row) -> bool:
        """Whether a condition holds of an order.

        Raises:
            BadAnswerError: if that cannot be told.
        """
        try:
            return condition is None or condition(row, Env([row]))
        except BadValueError as exc:
            raise BadAnswerError(self._core.system, f"{self._core.entity}: {exc}") from exc

    async def of(self, record: str, ask: Ask) -> Seen | None:
        """The order with a key of the system's."""
        core = self._core
        values = core.keys.values(record)
        if values is None:
            return None
        first, *others = zip(core.keys.parts, values, strict=True)
        tests = [in_test(part.path, (value,), part.type.value) for part, value in others]
        where = tuple(
            (test,) for test in tests if core.reader.push(core.dataset, test) is not Push.NO
        )
        batch = await core.reader.by_values(
            core.dataset,
            first[0].path,
            [first[1]],
            self._plan.columns,
            ask,
            where=where,
            kind=first[0].type.value,
        )
        for error in batch.failures.values():
            raise error
        rows = [row for row in batch.rows if core.key_of(row) == record][:1]
        return await self._seen(rows[0], ask) if rows else None

    async def by_our_key(self, key: str, place: KeyPlace, ask: Ask) -> Seen | None:
        """The order that carries a key of ours.

        Raises:
            ConflictError: if there are several.
        """
        core = self._core
        rows = await self.rows_by_key(core.dataset, key, place, self._plan.columns, ask)
        distinct = {core.key_of(row): row for row in rows}
        if len(distinct) > 1:
            raise ConflictError(
                f"{core.system} has several orders with the key {key}: "
                f"{', '.join(sorted(distinct))}. Cancel all but one there"
            )
        return await self._seen(next(iter(distinct.values())), ask) if distinct else None

    async def rows_by_key(
        self, dataset: Dataset, key: str, place: KeyPlace, columns: Sequence[str], ask: Ask
    ) -> list[Row]:
        """Rows of a dataset that carry a key of ours."""
        text, get = key_text(key, place), compile_path(place.path)
        wanted = tuple(dict.fromkeys((*columns, place.path)))
        batch = await self._core.reader.by_values(dataset, place.path, [text], wanted, ask)
        for error in batch.failures.values():
            raise error
        held = [get(row, Env([row])) for row in batch.rows]
        if any(str(value).strip().casefold() != text.casefold() for value in held):
            # To be told that there is none, where the question was not heard, would make a second.
            message = f"{dataset.name} cannot be searched by {place.path}: other rows came"
            raise BadAnswerError(self._core.system, message)
        return [row for row, value in zip(batch.rows, held, strict=True) if value == text]

    async def made(self, row: Row, ask: Ask) -> Seen:
        """An order that was just made, of which the system answered a row.

        Raises:
            BadAnswerError: if it is not to be found.
        """
        record = self._core.key_of(row)
        seen = await self.of(record, ask)
        if seen is None:
            message = f"{self._core.entity} {record} was made there, and cannot be read"
            raise BadAnswerError(self._core.system, message)
        return seen

    def lines(self, row: Row) -> dict[int, Row]:
        """The lines of an order by their numbers.

        Raises:
            BadAnswerError: if a number cannot be read.
        """
        if self._lines is None:
            return {}
        try:
            return self._lines(row)
        except BadValueError as exc:
            raise BadAnswerError(self._core.system, f"{self._core.entity}: {exc}") from exc

    async def _seen(self, row: Row, ask: Ask) -> Seen:
        errors = await self._core.attach([row], self._plan.related, ask)
        for error in errors.values():
            raise error
        return Seen(row, self._order(row))

    def _order(self, row: Row) -> OrderInSystem:
        env = Env([row])
        key = self._core.key_of(row)
        try:
            cancelled = self._writes.cancelled is not None and self.holds(self._cancelled, row)
            number = None if self._number is None else self._number(row, env)
            version = self._version_of(row, env)
        except BadValueError as exc:
            message = f"{self._core.entity} {key!r}: {exc}"
            raise BadAnswerError(self._core.system, message) from exc
        released = self.holds(self._released, row)
        return OrderInSystem(
            key=key,
            number=number or None,
            released=released and not cancelled,
            cancelled=cancelled,
            version=version,
        )

    def _version_of(self, row: Row, env: Env) -> str | None:
        if self._version is None:
            return self._writer.version_of(self._core.dataset, row)
        value = token(self._version(row, env))
        return None if value is None else str(value)

    def _numbered(self) -> Callable[[Row], dict[int, Row]] | None:
        form = line_form(self._core.mapping)
        if form is None or "line_number" not in form.fields:
            return None
        elements, holds = compile_list(form.each), self._compiler.when(form.where)
        number = self._compiler.field(form.fields["line_number"], _NUMBER, {})

        def lines(row: Row) -> dict[int, Row]:
            env, found = Env([row]), dict[int, Row]()
            for place, element in enumerate(elements(row, env)):
                env.place = place
                if holds is None or holds(element, env):
                    found.setdefault(number(element, env), element)
            return found

        return lines


def _paths(core: Core, writes: Writes, plans: WritePlans) -> Iterable[str]:
    """Paths of an order that writing it takes."""
    for when in (writes.released, writes.cancelled):
        if when is not None:
            yield from when_paths(when)
    if writes.version is not None:
        yield writes.version
    form = line_form(core.mapping)
    place = "" if form is None else form.each.strip("/.")
    for step in (step for steps in plans.steps.values() for step in steps):
        yield from when_paths(step.step.when)
        own = place if step.step.each else ""
        yield from _rows_of((*step.key, *step.row.sent), own)
        yield from _rows_of(step.row.lines, place)
    if plans.receive is not None:
        each = writes.receive is not None and writes.receive.each
        yield from _rows_of(plans.receive.sent, place if each else "")
        yield from _rows_of(plans.receive.lines, place)


def _rows_of(sent: Iterable[Sent], base: str) -> Iterable[str]:
    return (joined(base, each.form.row) for each in sent if each.form.row is not None)
