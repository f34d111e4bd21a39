"""Writing the answer, upwards: the JSON of every distinct object once, made of its children's.

    leaves -> columns of texts -> one template for all rows -> texts of the objects -> their parents

In a column None stands for a value that is null where null is not allowed: the object that holds it
is null itself, and so on upwards until somewhere null is allowed.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from execution.cells import NULL, Cells, Leaves, Many, Objects, Place, Rows
from execution.fields import Column, Link
from execution.links import foreseen
from execution.plans import LIST, PLAIN, QUOTED, Shape
from execution.reporting import Reports

Text = str | None
_NULL: Final = "null"


class Writer:
    """Writes one run's answers.

    Args:
        reports: Takes the errors that show only now.
    """

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self.objects: dict[str, int] = {}

    def data(self, roots: Rows) -> list[bytes]:
        """JSON of the `data` of each root's response."""
        return [(text or _NULL).encode() for text in self._objects_of(roots)]

    def _objects_of(self, rows: Rows) -> Sequence[Text]:
        """JSON of all objects; None for those that hold a null where none is allowed."""
        if not len(rows.objects):
            return ()
        name = rows.selection.type_name
        self.objects[name] = self.objects.get(name, 0) + len(rows.objects)
        forms: list[str] = []
        columns: list[Sequence[Text]] = []
        for cells in rows.cells:
            if cells is not None:
                form, column = self._column(cells)
                forms.append(form)
                columns.append(column)
        rows.cells = []
        if not columns:
            return [rows.selection.constant()] * len(rows.objects)
        texts: list[Text] = list(rows.selection.writer(tuple(forms))(columns))
        for column in columns:
            if None in column:
                texts = [None if c is None else t for c, t in zip(column, texts, strict=True)]
        return texts

    def _column(self, cells: Cells) -> tuple[str, Sequence[Text]]:
        """The form of a field in its row, and what is put into it row by row."""
        if isinstance(cells, Leaves):
            return self._leaf_column(cells)
        if isinstance(cells, Many):
            return self._list_column(cells, cells.place.field.shape)
        return PLAIN, self._objects(cells, cells.place.field.shape)

    def _texts(self, cells: Cells, shape: Shape) -> Sequence[Text]:
        if isinstance(cells, Leaves):
            return self._leaves(cells, shape)
        if isinstance(cells, Many):
            form, texts = self._list_column(cells, shape)
            return texts if form == PLAIN else [form % text for text in texts]
        return self._objects(cells, shape)

    def _list_column(self, cells: Many, shape: Shape) -> tuple[str, Sequence[Text]]:
        assert shape.item is not None  # noqa: S101  # planned so
        inner = self._texts(cells.inner, shape.item)
        left = iter(inner)
        if min(cells.lengths, default=0) >= 0 and None not in inner:
            return LIST, [",".join(islice(left, n)) for n in cells.lengths]  # type: ignore[arg-type]  # no None in it
        texts: list[Text] = []
        for position, length in enumerate(cells.lengths):
            if length < 0:
                texts.append(self._null(length, shape, cells.place, position))
                continue
            own = list(islice(left, length))
            if None in own:
                texts.append(_NULL if shape.nullable else None)
            else:
                texts.append(f"[{','.join(own)}]")  # type: ignore[arg-type]  # as above
        return PLAIN, texts

    def _objects(self, cells: Objects, shape: Shape) -> Sequence[Text]:
        written = [self._objects_of(rows) for rows in cells.rows]
        if cells.homes is None:
            made = written[0]
        else:
            made = [written[group][number] for group, number in cells.homes]
        if shape.nullable and None in made:
            made = [_NULL if text is None else text for text in made]
        if cells.numbers is None:
            return made
        if min(cells.numbers, default=0) >= 0:
            return [made[n] for n in cells.numbers]
        return [
            made[n] if n >= 0 else self._null(n, shape, cells.place, position)
            for position, n in enumerate(cells.numbers)
        ]

    def _leaf_column(self, cells: Leaves) -> tuple[str, Sequence[Text]]:
        field = cells.place.field
        assert field.leaf is not None  # noqa: S101  # planned so
        bare = field.leaf.bare(cells.values) if len(cells.values) else []
        if bare is not None:
            return (QUOTED if field.leaf.quoted else PLAIN), bare
        return PLAIN, self._leaves(cells, field.shape)

    def _leaves(self, cells: Leaves, shape: Shape) -> Sequence[Text]:
        place, leaf = cells.place, cells.place.field.leaf
        assert leaf is not None  # noqa: S101  # planned so
        there = [v for v in cells.values if v is not None]
        bare = leaf.bare(there) if there else []
        if bare is None:
            return [self._leaf(v, shape, place, i) for i, v in enumerate(cells.values)]
        form = QUOTED if leaf.quoted else PLAIN
        written = iter(bare)
        return [
            self._null(NULL, shape, place, i) if v is None else form % next(written)
            for i, v in enumerate(cells.values)
        ]

    def _leaf(self, value: Any, shape: Shape, place: Place, position: int) -> Text:
        leaf, answer = place.field.leaf, place.field.answer
        assert leaf is not None  # noqa: S101  # planned so
        try:
            if isinstance(value, Exception):
                raise foreseen(value) if isinstance(answer, Link) else value
            if isinstance(answer, Column) and not place.lists:
                value = answer.read(place.rows.objects[position])  # which says why it is not there
            return self._null(NULL, shape, place, position) if value is None else leaf.text(value)
        except Exception as exc:  # noqa: BLE001  # one value's fault costs that value
            self._reports.error(exc, place, position)
            return _NULL if shape.nullable else None

    def _null(self, why: int, shape: Shape, place: Place, position: int) -> Text:
        """In place of a value that is not there."""
        if shape.nullable:
            return _NULL
        if why == NULL:
            message = f"Cannot return null for non-nullable field {place.field.name}."
            self._reports.error(TypeError(message), place, position)
        return None
