"""What one question needs of a dataset, told apart by where it is read; and places in its list."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct, structs

from canonical.criteria import Op
from connectors.jsonrpc.dialect import Search, prefixes
from connectors.jsonrpc.fan_out import filled, within
from connectors.jsonrpc.local import Reduced, by_day, reduced
from connectors.jsonrpc.settings import Options
from connectors.kit.rows import Bounds, Clause, Row, Test


class Plan(Struct, frozen=True, kw_only=True):
    """A question to one dataset.

    Attributes:
        model: Name of the model.
        options: What is particular about the dataset.
        where: Clauses for the system, and for the attached row.
        split_where: Clauses on the value that rows are split by, for the split rows.
        columns: Paths read with the rows.
        attached: Paths of the attached row, as the other dataset has them.
        overlays: Paths under each further context.
        sort: Paths that the system sorts by; empty for the natural order, by id.
    """

    model: str
    options: Options
    where: tuple[Clause, ...]
    split_where: tuple[Clause, ...]
    columns: tuple[str, ...]
    attached: tuple[str, ...]
    overlays: dict[str, tuple[str, ...]]
    sort: tuple[tuple[str, bool], ...] = ()

    @classmethod
    def of(
        cls, model: str, options: Options, where: Sequence[Clause], columns: Sequence[str]
    ) -> "Plan":
        """Sort a question by where it is answered."""
        fan, split = options.fan_out, options.split
        where = [tuple(_spelled(options, test) for test in clause) for clause in where]
        late = tuple(c for c in where if split and any(t.path == split.name for t in c))
        asked = [t.path for c in where for t in c if c in late or within(fan, t.path) is not None]
        every = [*columns, *asked, *([f"{split.list}.{split.by}"] if split else [])]
        attached = [inner for c in every if (inner := within(fan, c)) is not None]
        rest = [c for c in every if within(fan, c) is None]
        first_steps = prefixes(rest)
        laid = {n: first_steps[n] for n in options.overlays if n in first_steps}
        elsewhere = {*laid, options.read_at, split.name if split else None}
        own = {"id": None} | {c: None for c in rest if c.partition(".")[0] not in elsewhere}
        nested = {path[:i] for path in own for i, sign in enumerate(path) if sign == "."}
        return cls(
            model=model,
            options=options,
            where=tuple(c for c in where if c not in late),
            split_where=late,
            columns=tuple(c for c in own if c not in nested),
            attached=tuple(dict.fromkeys(attached)),
            overlays=laid,
        )

    def search(self, member: Row | None) -> Search:
        """The whole search, for one of the rows that the dataset fans out over."""
        context = dict(self.options.context)
        if self.options.fan_out is not None and member is not None:
            context |= filled(self.options.fan_out.context, member)
        return Search(
            model=self.model,
            where=self._reduced(member).clauses,
            columns=self.columns,
            sort=self.sort,
            context=context,
        )

    def chosen(self, members: Sequence[Row]) -> Sequence[Row]:
        """The rows of the other dataset that the clauses leave."""
        return [m for m in members if not self._reduced(m).never]

    def _reduced(self, member: Row | None) -> Reduced:
        if self.options.fan_out is None or member is None:
            return Reduced(self.where)
        return reduced(self.where, f"{self.options.fan_out.name}.", member)


def _spelled(options: Options, test: Test) -> Test:
    is_day = test.path in options.days and test.kind == "datetime"
    return by_day(test) if is_day else test


def is_natural(options: Options, sort: Sequence[tuple[str, bool]]) -> bool:
    """Tell whether an order is the one that rows come in: by attached row, by id, by split."""
    parts = ["id"]
    if options.fan_out is not None:
        parts.insert(0, f"{options.fan_out.name}.id")
    if options.split is not None:
        parts.append(options.split.name)
    return list(sort) == [(part, False) for part in parts[: len(sort)]]


class Position(NamedTuple):
    """A place in a list: which call it is in, and after which id or how many rows there.

    Attributes:
        member: Id of the row that the call is for; 0 for the first, or where there is just one.
        offset: Rows of that call before this place.
        last_id: The last id before this place; 0 from the start.
    """

    member: int = 0
    offset: int = 0
    last_id: int = 0

    @classmethod
    def read(cls, cursor: str | None) -> "Position":
        """The place that a cursor stands for; the beginning for None."""
        return cls() if cursor is None else cls(*(int(part) for part in cursor.split(" ")))

    @staticmethod
    def start(member: Row | None) -> str:
        """Cursor of the beginning of a call."""
        return f"{_id(member)} 0 0"

    def after(self, rows: Sequence[Row], member: Row | None, *, by_id: bool) -> str:
        """Cursor of the place after these rows."""
        if by_id:
            return f"{_id(member)} 0 {rows[-1]['id']}"
        return f"{_id(member)} {self.offset + len(rows)} 0"

    def within(self, members: Sequence[Row | None]) -> tuple[int | None, "Position"]:
        """Which of the calls this place is in, and the place; None after the last.

        If its row is gone, that is the beginning of the next one. Members go by their ids.
        """
        at = next((i for i, m in enumerate(members) if _id(m) >= self.member), None)
        if at is None or _id(members[at]) == self.member:
            return at, self
        return at, Position()

    def applied(self, search: Search, size: int) -> Search:
        """A search from this place on."""
        search = structs.replace(search, limit=size, offset=self.offset)
        if not self.last_id:
            return search
        after = (Test("id", Op.RANGE, Bounds(gt=self.last_id), "integer"),)
        return structs.replace(search, where=(*search.where, after))


def _id(member: Row | None) -> int:
    return 0 if member is None else int(member["id"])
