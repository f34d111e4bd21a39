"""Writing the answer, upwards: the JSON of every distinct object once, made of its children's.

    leaves -> columns of texts -> one template for all rows -> texts of the objects -> their parents

In a column None stands for a value that is null where null is not allowed: the object that holds it
is null itself, and so on upwards until somewhere null is allowed.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from execution.cells import NULL, Cells, Leaves, Many, Objects, Place, Rows
from execution.fields import Column
from execution.plans import Field, Shape
from execution.reporting import Reports

Text = str | None
_NULL: Final = "null"


class Writer:
    """Writes one run's answer.

    Args:
        reports: Takes the errors that show only now.
    """

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def data(self, root: Rows) -> bytes:
        """JSON of the response's `data`."""
        [text] = self._objects_of(root)
        return (text or _NULL).encode()

    def _objects_of(self, rows: Rows) -> Sequence[Text]:
        """JSON of all objects; None for those that hold a null where none is allowed."""
        parts: list[str] = []
        columns: list[Sequence[Text]] = []
        for field, cells in zip(rows.selection.fields, rows.cells, strict=True):
            if cells is None:
                parts.append(f'"{field.key}":"{rows.selection.type_name}"')
                continue
            form, column = self._column(field, cells, Place(rows, field))
            parts.append(f'"{field.key}":{form}')
            columns.append(column)
        rows.cells = []
        template = f"{{{','.join(parts)}}}"
        if not columns:
            return [template] * len(rows.objects)
        texts: list[Text] = list(map(template.__mod__, zip(*columns, strict=True)))
        for column in columns:
            if None in column:
                texts = [None if c is None else t for c, t in zip(column, texts, strict=True)]
        return texts

    def _column(self, field: Field, cells: Cells, place: Place) -> tuple[str, Sequence[Text]]:
        """The form of a field in its row, and what is put into it row by row."""
        if isinstance(cells, Leaves):
            return self._leaf_column(field, cells.values, place)
        if isinstance(cells, Many):
            return self._list_column(cells, field.shape, place)
        return "%s", self._objects(cells, field.shape, place)

    def _list_column(self, cells: Many, shape: Shape, place: Place) -> tuple[str, Sequence[Text]]:
        assert shape.item is not None  # noqa: S101  # planned so
        inner = self._texts(cells.inner, shape.item, place.inside(cells.lengths))
        left = iter(inner)
        if min(cells.lengths, default=0) >= 0 and None not in inner:
            return "[%s]", [",".join(islice(left, n)) for n in cells.lengths]  # type: ignore[arg-type]  # no None in it
        texts: list[Text] = []
        for position, length in enumerate(cells.lengths):
            if length < 0:
                texts.append(self._null(length, shape, place, position))
                continue
            own = list(islice(left, length))
            if None in own:
                texts.append(_NULL if shape.nullable else None)
            else:
                texts.append(f"[{','.join(own)}]")  # type: ignore[arg-type]  # as above
        return "%s", texts

    def _leaf_column(
        self, field: Field, values: Sequence[Any], place: Place
    ) -> tuple[str, Sequence[Text]]:
        leaf = field.leaf
        assert leaf is not None  # noqa: S101  # planned so
        bare = leaf.bare(values) if len(values) else []
        if bare is not None:
            return ('"%s"' if leaf.quoted else "%s"), bare
        return "%s", self._leaves(values, field.shape, place)

    def _texts(self, cells: Cells, shape: Shape, place: Place) -> Sequence[Text]:
        if isinstance(cells, Leaves):
            return self._leaves(cells.values, shape, place)
        if isinstance(cells, Many):
            form, texts = self._list_column(cells, shape, place)
            return texts if form == "%s" else [form % text for text in texts]
        return self._objects(cells, shape, place)

    def _objects(self, cells: Objects, shape: Shape, place: Place) -> Sequence[Text]:
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
            made[n] if n >= 0 else self._null(n, shape, place, position)
            for position, n in enumerate(cells.numbers)
        ]

    def _leaves(self, values: Sequence[Any], shape: Shape, place: Place) -> Sequence[Text]:
        leaf = place.field.leaf
        assert leaf is not None  # noqa: S101  # planned so
        there = [v for v in values if v is not None]
        bare = leaf.bare(there) if there else []
        if bare is not None:
            form = '"%s"' if leaf.quoted else "%s"
            written = iter(bare)
            return [
                self._null(NULL, shape, place, i) if v is None else form % next(written)
                for i, v in enumerate(values)
            ]
        return [self._leaf(v, shape, place, i) for i, v in enumerate(values)]

    def _leaf(self, value: Any, shape: Shape, place: Place, position: int) -> Text:
        leaf = place.field.leaf
        assert leaf is not None  # noqa: S101  # planned so
        answer = place.field.answer
        try:
            if isinstance(value, Exception):
                raise value
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
