"""Receipts: goods that have come, booked under a key of ours, each once."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from canonical.errors import InDoubtError, SupplygraphError
from canonical.ports import Ask
from connectors.kit.mapping.needs import when_paths
from connectors.kit.mapping.paths import BadValueError, Env, compile_path, token
from connectors.kit.mapping.writes import Receive
from connectors.kit.rows import Dataset, Row
from connectors.kit.sink_rows import RowMaker, RowWords, Telling, put
from connectors.kit.sink_state import Looker, key_text
from connectors.kit.writing import RowWriter


class Receipts:
    """Makes receipts of orders of one system.

    Args:
        form: How they are made.
        words: Their row.
        maker: Makes rows.
        looker: Finds them by our key.
        writer: Tells the system.
    """

    def __init__(
        self,
        form: Receive,
        words: RowWords,
        maker: RowMaker,
        looker: Looker,
        writer: RowWriter,
    ) -> None:
        self._form = form
        self._words = words
        self._maker = maker
        self._looker = looker
        self._writer = writer
        self._dataset = Dataset(form.create, (form.gives,), form.options)
        self._gives = compile_path(form.gives)
        self._then = tuple((step.call, looker.condition(step.when)) for step in form.then)
        whens = (path for step in form.then for path in when_paths(step.when))
        self._columns = tuple(dict.fromkeys((form.gives, *whens)))

    async def book(self, key: str, telling: Telling, ask: Ask) -> str:
        """Make the receipts of some lines that are not there yet; the key of the first."""
        told = [(key, telling)]
        if self._form.each:
            told = [(f"{key}-{line.values['line_number']}", line) for line in telling.lines]
        found = {own: await self._found(own, ask) for own, _ in told}
        new = [(own, line) for own, line in told if found[own] is None]
        # Made of the order as it is now: of one that was booked already it may be impossible.
        made = await self._maker.rows(self._words, _with_keys(new), ask)
        rows = {own: row for (own, _), row in zip(new, made, strict=True)}
        records: list[str] = []
        for own, _ in told:
            try:
                records.append(await self._one(own, found[own], rows.get(own, {}), ask))
            except InDoubtError:
                raise
            except SupplygraphError as exc:
                if not records:
                    raise
                message = f"booked a part of the lines; the rest was not done: {exc.message}"
                raise InDoubtError(self._maker.system, message) from exc
        return records[0]

    async def _one(self, key: str, found: Row | None, row: Row, ask: Ask) -> str:
        if found is None:
            put(row, self._form.key.path, key_text(key, self._form.key))
            made = await self._writer.create(self._dataset, row, ask)
            given = self._key_of(made)
            if given is not None and not self._then:
                return given
            found = await self._told(key, ask)
        for call, condition in self._then:
            if self._looker.holds(condition, found):
                await self._act(call, found, ask)
                found = await self._told(key, ask)
        given = self._key_of(found)
        if given is None:
            raise InDoubtError(self._maker.system, f"its receipt {key} has no key")
        return given

    async def _act(self, call: str, row: Row, ask: Ask) -> None:
        """Do what follows; that the receipt was made stays so if it cannot be told."""
        key = {self._form.gives: self._gives(row, Env([row]))}
        try:
            await self._writer.call(self._dataset, key, call, ask)
        except InDoubtError:
            raise
        except SupplygraphError as exc:
            message = f"made a receipt, and was not told to {call} it: {exc.message}"
            raise InDoubtError(self._maker.system, message) from exc

    async def _told(self, key: str, ask: Ask) -> Row:
        """The receipt, after it was told of."""
        try:
            found = await self._found(key, ask)
        except SupplygraphError as exc:
            message = f"was told of a receipt, and cannot be asked for it: {exc.message}"
            raise InDoubtError(self._maker.system, message) from exc
        if found is None:
            raise InDoubtError(self._maker.system, f"has no receipt {key} that it was told of")
        return found

    async def _found(self, key: str, ask: Ask) -> Row | None:
        rows = await self._looker.rows_by_key(
            self._dataset, key, self._form.key, self._columns, ask
        )
        return next((row for row in rows if self._key_of(row) is not None), None)

    def _key_of(self, row: Row) -> str | None:
        try:
            value: Any = token(self._gives(row, Env([row])))
        except BadValueError:
            return None
        return None if value is None else str(value)


def _with_keys(told: Sequence[tuple[str, Telling]]) -> list[Telling]:
    return [replace(each, values={**each.values, "key": key}) for key, each in told]
