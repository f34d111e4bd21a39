"""Tryton as a dialect: search_read with dotted names, which reads whole trees in one call."""

from collections.abc import Mapping, Sequence
from typing import Any

from canonical.errors import BadAnswerError
from canonical.ports import Ask
from connectors.jsonrpc.dialect import Context, ModelField, Search
from connectors.jsonrpc.tryton.domains import columns, domain, push
from connectors.jsonrpc.tryton.session import TrytonSession
from connectors.kit.rows import Push, Row, Test


class TrytonDialect:
    """Searches in one Tryton database."""

    def __init__(self, session: TrytonSession, context: Context) -> None:
        self._session = session
        self._context = context

    def push(self, test: Test) -> Push:
        """Tell whether a domain can express a test."""
        return push(test)

    async def search(self, search: Search, ask: Ask) -> Sequence[Row]:
        """Records with nested ones, all in one call."""
        order = [[path, "DESC" if down else "ASC"] for path, down in search.sort]
        if all(path != "id" for path, _ in search.sort):
            order.append(["id", "ASC"])
        params = [domain(search.where), search.offset, search.limit, order, columns(search.columns)]
        found = await self._call(search.model, "search_read", params, search.context, ask)
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise BadAnswerError(
                self._session.system, f"{search.model} answered no list of records"
            )
        return found

    async def count(self, search: Search, ask: Ask) -> int:
        """How many records match."""
        params = [domain(search.where), 0, None]
        found = await self._call(search.model, "search_count", params, search.context, ask)
        if not isinstance(found, int):
            raise BadAnswerError(self._session.system, f"{search.model} answered no count")
        return found

    async def fields(self, model: str, ask: Ask) -> Mapping[str, ModelField]:
        """The fields of a model."""
        found = await self._call(model, "fields_get", [], {}, ask)
        if not isinstance(found, dict):
            raise BadAnswerError(self._session.system, f"{model} does not tell its fields")
        fields = {n: ModelField(str(f.get("type")), f.get("relation")) for n, f in found.items()}
        return fields | {"_timestamp": ModelField("char")}  # which every model has, and none tells

    async def aclose(self) -> None:
        """Stop a sign-in under way."""
        await self._session.aclose()

    async def _call(
        self, model: str, method: str, params: list[Any], context: Context, ask: Ask
    ) -> Any:
        user = await self._session.context(ask)
        params = [*params, {**user, **self._context, **context}]
        return await self._session.call(f"model.{model}.{method}", params, ask, label=model)
