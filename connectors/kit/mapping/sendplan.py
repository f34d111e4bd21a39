"""A mapping's `writes`, worked out: for each request what it sends, and what is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, field

from canonical.entities import EntityName
from canonical.writing import Ability
from connectors.kit.mapping.model import EntityMapping
from connectors.kit.mapping.sending import (
    FORECAST,
    NEEDED,
    NEEDED_OF_LINES,
    ORDER,
    ORDER_LINE,
    STEP,
    STEP_LINE,
    NotBackwardsError,
    Sent,
    as_read,
    line_place,
    sent_by,
)
from connectors.kit.mapping.writes import (
    Create,
    LineRows,
    Publish,
    Receive,
    SendForm,
    Step,
    Writes,
)

Place = tuple[str, ...]
Types = Mapping[str, type[Any]]

_STEPS: Final = ("release", "acknowledge", "change", "cancel")


class WriteMistake(Struct, frozen=True):
    """One thing that is wrong: where within the entity, and what to do."""

    place: Place
    message: str


class RowPlan(Struct, frozen=True):
    """A row that is sent.

    Attributes:
        sent: Its values.
        at: Where its lines stand, `.` where the row is the line itself; None if it has none.
        lines: Values of each.
    """

    sent: tuple[Sent, ...]
    at: str | None = None
    lines: tuple[Sent, ...] = ()

    def columns(self) -> frozenset[str]:
        """Columns that it sends."""
        forms = (each.form for each in (*self.sent, *self.lines))
        return frozenset(form.column for form in forms if form.column is not None)


class StepPlan(Struct, frozen=True):
    """One request of an action."""

    step: Step
    row: RowPlan
    key: tuple[Sent, ...] = ()


class WritePlans(Struct):
    """All that a mapping can tell.

    Attributes:
        create: The row of an order.
        steps: Requests of each action.
        receive: The row of a receipt.
        publish: The row of a forecast.
        mistakes: What is wrong. With any, the rest is not to be used.
    """

    create: RowPlan | None = None
    steps: dict[Ability, tuple[StepPlan, ...]] = field(default_factory=dict)
    receive: RowPlan | None = None
    publish: RowPlan | None = None
    mistakes: list[WriteMistake] = field(default_factory=list)


def write_plans(entity: EntityName, mapping: EntityMapping) -> WritePlans:
    """Work out the writes of an entity."""
    plans = WritePlans()
    writes = mapping.writes
    if writes is None:
        return plans
    plans.mistakes += _out_of_place(entity, mapping, writes)
    if plans.mistakes:
        return plans
    planner = _Planner(mapping, plans.mistakes)
    if writes.create is not None:
        plans.create = planner.create(writes)
    for name in _STEPS:
        steps: Sequence[Step] | None = getattr(writes, name)
        if steps is not None:
            plans.steps[Ability(name)] = tuple(planner.steps(name, steps))
    if writes.receive is not None:
        plans.receive = planner.receive(writes.receive)
    if writes.publish is not None:
        plans.publish = planner.publish(writes.publish)
    return plans


def _out_of_place(
    entity: EntityName, mapping: EntityMapping, writes: Writes
) -> Iterator[WriteMistake]:
    said = {name for name in Writes.model_fields if getattr(writes, name) is not None}
    if entity is EntityName.FORECAST:
        wrong = sorted(said - {"publish"})
        if wrong:
            message = "belongs to orders: of forecasts only `publish` can be said"
            yield from (WriteMistake(("writes", name), message) for name in wrong)
    elif entity is EntityName.PURCHASE_ORDER:
        if "publish" in said:
            yield WriteMistake(("writes", "publish"), "is for forecasts, not for orders")
        if mapping.group and said:
            message = "several rows make one order here (`group`): there is no row to write"
            yield WriteMistake(("writes",), message)
    elif said:
        message = "nothing is told of this entity: only purchase_order and forecast have `writes`"
        yield WriteMistake(("writes",), message)


class _Planner:
    """Works out rows, and takes down what is wrong."""

    def __init__(self, mapping: EntityMapping, mistakes: list[WriteMistake]) -> None:
        self._mapping = mapping
        self._mistakes = mistakes

    def create(self, writes: Writes) -> RowPlan:
        form = writes.create or Create.model_validate({})
        place = ("writes", "create")
        sent = self._values(form.columns, form.send, ORDER, place, needed=NEEDED)
        at = self._list(form.lines, (*place, "lines"))
        needed = tuple(c for c in NEEDED_OF_LINES if c not in _named(form.send))
        lines = self._values(
            form.lines.columns,
            form.lines.send,
            ORDER_LINE,
            (*place, "lines"),
            needed=needed,
            line=True,
        )
        self._no_rows((*sent, *lines), place)
        return RowPlan(sent, at, lines)

    def steps(self, name: str, steps: Sequence[Step]) -> Iterator[StepPlan]:
        for number, step in enumerate(steps):
            place = ("writes", name, str(number))
            if step.only is not None and name != "change":
                self._wrong((*place, "only"), "is for `change`, which alone cancels lines")
            types = {**STEP[name], **(STEP_LINE[name] if step.each else {})}
            if step.each and not STEP_LINE[name]:
                self._wrong((*place, "each"), f"`{name}` tells of the whole order, not of lines")
            key = sent_by(step.key, types)
            self._known(step.key, types, (*place, "key"))
            sent = self._values(step.columns, step.send, types, place, line=step.each)
            yield StepPlan(step, self._with_lines(sent, step.lines, name, place), key)

    def receive(self, form: Receive) -> RowPlan:
        place = ("writes", "receive")
        types = {**STEP["receive"], **(STEP_LINE["receive"] if form.each else {})}
        sent = self._values((), form.send, types, place)
        return self._with_lines(sent, form.lines, "receive", place)

    def publish(self, form: Publish) -> RowPlan:
        place = ("writes", "publish")
        needed = tuple(c for c in FORECAST if c != "version" and c not in _named(form.send))
        sent = self._values(form.columns, form.send, FORECAST, place, needed=needed)
        self._no_rows(sent, place)
        return RowPlan(sent)

    def _with_lines(
        self, sent: tuple[Sent, ...], rows: LineRows | None, name: str, place: Place
    ) -> RowPlan:
        if rows is None:
            return RowPlan(sent)
        inner = (*place, "lines")
        if not STEP_LINE[name]:
            self._wrong(inner, f"`{name}` tells of the whole order, not of lines")
        types = {**STEP[name], **STEP_LINE[name]}
        lines = self._values(rows.columns or (), rows.send, types, inner, line=True)
        return RowPlan(sent, self._list(rows, inner), lines)

    def _list(self, rows: LineRows, place: Place) -> str:
        at = line_place(self._mapping, rows)
        if at is None:
            self._wrong(place, "say by `at` where the list stands: `lines` have no `each`")
        return at or "."

    def _values(
        self,
        columns: Sequence[str] | None,
        send: Mapping[str, SendForm],
        types: Types,
        place: Place,
        *,
        needed: Sequence[str] = (),
        line: bool = False,
    ) -> tuple[Sent, ...]:
        self._known(send, types, (*place, "send"))
        explicit = sent_by(send, types)
        taken = _named(send)
        chosen = [c for c in needed if c not in taken] if columns is None else columns
        found: list[Sent] = []
        for column in chosen:
            if column not in types:
                self._wrong((*place, "columns"), _no_column(column, types))
                continue
            try:
                found += as_read(self._mapping, column, types[column], line=line)
            except NotBackwardsError as exc:
                self._wrong(
                    (*place, "columns") if columns is not None else place,
                    f"{column} cannot be sent as it is read: {exc}. Say by `send` where it goes, "
                    f"or name the others by `columns`",
                )
        by_path = {each.path: each for each in (*found, *explicit)}
        return tuple(by_path.values())

    def _known(self, send: Mapping[str, SendForm], types: Types, place: Place) -> None:
        for path, form in send.items():
            if form.column is not None and form.column not in types:
                self._wrong((*place, path), _no_column(form.column, types))
            if form.find is not None:
                self._known(form.find.match, types, (*place, path, "find", "match"))

    def _no_rows(self, sent: Sequence[Sent], place: Place) -> None:
        for each in sent:
            if each.form.row is not None:
                message = "there is no row yet that `row` could take a value from"
                self._wrong((*place, "send", each.path), message)

    def _wrong(self, place: Place, message: str) -> None:
        self._mistakes.append(WriteMistake(place, message))


def _named(send: Mapping[str, SendForm]) -> frozenset[str]:
    return frozenset(form.column for form in send.values() if form.column is not None)


def _no_column(column: str, types: Types) -> str:
    known = ", ".join(sorted(types)) or "none"
    return f"nothing that is told here is called {column!r}; there is {known}"
