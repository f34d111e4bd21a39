"""Rows told over JSON-RPC: what Tryton and Odoo have in common, whatever their dialect."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from canonical.errors import MisconfiguredError, NotFoundError
from canonical.ports import Ask
from connectors.jsonrpc.settings import Options
from connectors.jsonrpc.telling import Target, Teller
from connectors.kit.rows import Dataset, Row


class JSONRPCWriter:
    """Tells one system (`connectors.kit.writing.RowWriter`).

    Args:
        system: The backend's name.
        teller: How the system is told.
    """

    def __init__(self, system: str, teller: Teller) -> None:
        self._system = system
        self._teller = teller

    def version_of(self, dataset: Dataset, row: Row) -> str | None:
        """What the system itself compares, where it was read."""
        del dataset
        found = None if self._teller.version is None else row.get(self._teller.version)
        return None if found is None else str(found)

    async def create(self, dataset: Dataset, row: Row, ask: Ask) -> Row:
        """Make a record, with the related ones in it; its id."""
        return {"id": await self._teller.create(self._target(dataset), row, ask)}

    async def change(
        self,
        dataset: Dataset,
        key: Mapping[str, Any],
        row: Row,
        ask: Ask,
        *,
        version: str | None = None,
    ) -> None:
        """Change fields of a record, and of related ones that have their id in it."""
        await self._teller.change(self._target(dataset, key, version), row, ask)

    async def call(
        self,
        dataset: Dataset,
        key: Mapping[str, Any],
        action: str,
        ask: Ask,
        *,
        row: Row | None = None,
        version: str | None = None,
    ) -> None:
        """Press a button of a record."""
        await self._teller.act(self._target(dataset, key, version), action, row or {}, ask)

    def _target(
        self,
        dataset: Dataset,
        key: Mapping[str, Any] | None = None,
        version: str | None = None,
    ) -> Target:
        # What is given with a step in another model is the order's.
        is_own = dataset.version == self._teller.version
        return Target(
            model=dataset.name,
            id=None if key is None else self._id(dataset, key),
            version=version if is_own else None,
            context=self._context(dataset),
        )

    def _id(self, dataset: Dataset, key: Mapping[str, Any]) -> int:
        record = key.get("id")
        if isinstance(record, int) or (isinstance(record, str) and record.isdecimal()):
            return int(record)
        raise NotFoundError(f"{self._system}: {dataset.name} has no record {record!r}")

    def _context(self, dataset: Dataset) -> Mapping[str, Any]:
        try:
            return Options.model_validate(dict(dataset.options)).context
        except ValidationError as exc:
            message = f"the options of {dataset.name} are wrong: {exc.errors()[0]['msg']}"
            raise MisconfiguredError(self._system, message) from exc
