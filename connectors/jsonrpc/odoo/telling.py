"""Odoo is told: create with commands for related records, write, and the methods of buttons."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final

from canonical.errors import InDoubtError
from canonical.ports import Ask
from connectors.jsonrpc.dialect import Context, ModelField
from connectors.jsonrpc.odoo.models import Models
from connectors.jsonrpc.odoo.wire import Told, Wire
from connectors.jsonrpc.telling import Target, parted
from connectors.kit.rows import Row

_CREATE, _UPDATE, _LINK = 0, 1, 4
"""Commands for related records."""


class OdooTeller:
    """Changes records of one Odoo database. Each call is a transaction of its own.

    Odoo has no locking of its own: who must not overwrite reads `write_date` just before.

    Args:
        wire: How it is told.
        models: What it has.
        context: Sent with every call.
    """

    version: str | None = None

    def __init__(self, wire: Wire, models: Models, context: Context) -> None:
        self._wire = wire
        self._models = models
        self._context = context

    async def create(self, target: Target, row: Row, ask: Ask) -> int:
        """Make a record with its related ones; its id."""
        values = await self._values(target.model, row, ask)
        made = await self._tell(target, "create", {"vals_list": [values]}, ask)
        match made:
            case int() | [int()]:
                return made if isinstance(made, int) else int(made[0])
        raise InDoubtError(self._wire.system, f"{target.model} answered no id of what was made")

    async def change(self, target: Target, row: Row, ask: Ask) -> None:
        """Change fields of a record."""
        values = await self._values(target.model, row, ask)
        await self._tell(target, "write", {"vals": values}, ask)

    async def act(
        self, target: Target, method: str, arguments: Mapping[str, Any], ask: Ask
    ) -> None:
        """Do what a button does."""
        await self._tell(target, method, arguments, ask)

    async def _tell(
        self, target: Target, method: str, arguments: Mapping[str, Any], ask: Ask
    ) -> Any:
        context = {**self._context, **target.context}
        ids = None if target.id is None else [target.id]
        return await self._wire.tell(Told(target.model, method, arguments, context, ids), ask)

    async def _values(self, model: str, row: Row, ask: Ask) -> Row:
        """Fields by this version's names; those that it may lack and does are left out."""
        found: Row = {}
        for name, value in row.items():
            spelled = await self._models.spell(model, name, ask)
            if spelled.field is None:
                continue
            if isinstance(value, list | tuple) and spelled.field.relation is not None:
                value = await self._commands(spelled.field.relation, value, ask)  # noqa: PLW2901
            found[spelled.name] = _sent(value, spelled.field)
        return found

    async def _commands(self, model: str, rows: Any, ask: Ask) -> list[list[Any]]:
        new, known = parted(rows)
        found = [[_CREATE, 0, await self._values(model, row, ask)] for row in new]
        for record, row in known:
            values = await self._values(model, row, ask)
            found.append([_UPDATE, record, values] if values else [_LINK, record, 0])
        return found


def _sent(value: Any, field: ModelField) -> Any:
    """A value as Odoo takes it: False for null, times in UTC without saying so."""
    if value is None:
        return False
    if not isinstance(value, date):
        return value
    if field.type != "datetime":
        return (value.date() if isinstance(value, datetime) else value).isoformat()
    moment = value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)
    return moment.astimezone(UTC).strftime(_MOMENT)


_MOMENT: Final = "%Y-%m-%d %H:%M:%S"
