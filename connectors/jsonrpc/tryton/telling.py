"""Tryton is told: create, write and buttons, with its own optimistic locking by `_timestamp`."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from canonical.errors import InDoubtError, MisconfiguredError
from canonical.ports import Ask
from connectors.jsonrpc.dialect import Context, ModelField
from connectors.jsonrpc.telling import Target, parted
from connectors.jsonrpc.tryton.dialect import TrytonDialect
from connectors.jsonrpc.tryton.errors import WarnedError
from connectors.jsonrpc.tryton.session import TrytonSession
from connectors.kit.rows import Row

_MOST_WARNINGS: Final = 5
_SKIP: Final = "model.res.user.warning.skip"


class TrytonTeller:
    """Changes records of one Tryton database. Each call is a transaction of its own.

    Args:
        session: How it is told.
        dialect: What it has.
        context: Sent with every call.
        accepted: Names of warnings that count as confirmed by a user.
    """

    version: str | None = "_timestamp"

    def __init__(
        self,
        session: TrytonSession,
        dialect: TrytonDialect,
        context: Context,
        accepted: frozenset[str],
    ) -> None:
        self._session = session
        self._dialect = dialect
        self._context = context
        self._accepted = accepted
        self._fields: dict[str, Mapping[str, ModelField]] = {}
        self._reading = asyncio.Lock()

    async def create(self, target: Target, row: Row, ask: Ask) -> int:
        """Make a record with its related ones; its id."""
        values = await self._values(target.model, row, ask, new=True)
        match await self._tell(target, "create", [[values]], ask):
            case [int(record)]:
                return record
        raise InDoubtError(self._session.system, f"{target.model} answered no id of what was made")

    async def change(self, target: Target, row: Row, ask: Ask) -> None:
        """Change fields of a record.

        Raises:
            ConflictError: if it has changed since it was in the state that is named.
        """
        values = await self._values(target.model, row, ask)
        await self._tell(target, "write", [[target.id], values], ask)

    async def act(
        self, target: Target, method: str, arguments: Mapping[str, Any], ask: Ask
    ) -> None:
        """Do what a button does; what it is given goes by its place.

        Raises:
            ConflictError: if the record has changed since it was in the state that is named.
        """
        await self._tell(target, method, [[target.id], *arguments.values()], ask)

    async def _tell(self, target: Target, method: str, params: list[Any], ask: Ask) -> Any:
        """Call a method; again after a warning that counts as confirmed: nothing was done yet."""
        context = {**await self._session.context(ask), **self._context, **target.context}
        stamped = context
        if target.version is not None:
            stamped = {**context, "_timestamp": {f"{target.model},{target.id}": target.version}}
        name, left = f"model.{target.model}.{method}", _MOST_WARNINGS
        while True:
            try:
                return await self._session.tell(name, [*params, stamped], ask, label=target.model)
            except WarnedError as exc:
                left -= 1
                if exc.name not in self._accepted or left < 0:
                    raise
                await self._session.call(_SKIP, [exc.key, False, context], ask, label="warning")

    async def _values(self, model: str, row: Row, ask: Ask, *, new: bool = False) -> Row:
        """Fields as their types want them.

        Raises:
            MisconfiguredError: if the model has no such field.
        """
        fields = await self._fields_of(model, ask)
        found: Row = {}
        for name, value in row.items():
            if name not in fields:
                raise MisconfiguredError(self._session.system, f"{model} has no field {name!r}")
            field = fields[name]
            if isinstance(value, list | tuple) and field.relation is not None:
                found[name] = await self._commands(field.relation, value, ask, new=new)
            else:
                found[name] = _sent(value, field)
        return found

    async def _commands(self, model: str, rows: Any, ask: Ask, *, new: bool) -> list[list[Any]]:
        """What becomes of related records; of those that have fields it is known where they are."""
        fresh, known = parted(rows)
        made = [await self._values(model, row, ask, new=True) for row in fresh]
        found: list[list[Any]] = [["create", made]] if made else []
        added = [record for record, row in known if new or not row]
        if added:
            found.append(["add", added])
        for record, row in known:
            values = await self._values(model, row, ask)
            if values:
                found.append(["write", [record], values])
        return found

    async def _fields_of(self, model: str, ask: Ask) -> Mapping[str, ModelField]:
        async with self._reading:
            if model not in self._fields:
                self._fields[model] = await self._dialect.fields(model, ask)
            return self._fields[model]


def _sent(value: Any, field: ModelField) -> Any:
    """A value as a field holds it: quantities are floats, prices are decimals."""
    if field.type == "float" and isinstance(value, Decimal | int):
        return float(value)
    if field.type == "numeric" and isinstance(value, int):
        return Decimal(value)
    return value
