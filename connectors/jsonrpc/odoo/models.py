"""What Odoo tells of its models, and which of the names that a preset uses this version has.

Fields change their names from version to version and come and go with modules, so every name that
is asked for is looked up first: one fields_get for each model, kept for an hour.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from canonical.criteria import Condition, holds
from canonical.errors import BadAnswerError, MisconfiguredError
from canonical.ports import Ask
from connectors.jsonrpc.dialect import MISSING, ModelField
from connectors.jsonrpc.odoo.wire import Wire
from connectors.kit.rows import Clause, Test

_KEPT_S: Final = 3_600.0


class Spelled(Struct, frozen=True):
    """A field as a preset names it and as this version does; None where it has none."""

    name: str
    field: ModelField | None


class Models:
    """The models of one database.

    Args:
        wire: How it is asked.
        renamed: `model.field` to other names of the field.
        optional: `model.field` that may be missing.
    """

    def __init__(
        self, wire: Wire, renamed: Mapping[str, tuple[str, ...]], optional: frozenset[str]
    ) -> None:
        self._wire = wire
        self._renamed = renamed
        self._optional = optional
        self._held: dict[str, tuple[float, Mapping[str, ModelField]]] = {}
        self._reading: dict[str, asyncio.Lock] = {}

    async def fields(self, model: str, ask: Ask) -> Mapping[str, ModelField]:
        """The fields of a model, by the system's own names."""
        async with self._reading.setdefault(model, asyncio.Lock()):
            now = asyncio.get_running_loop().time()
            held = self._held.get(model)
            if held is None or held[0] <= now:
                held = (now + _KEPT_S, await self._read(model, ask))
                self._held[model] = held
        return held[1]

    async def described(self, model: str, ask: Ask) -> Mapping[str, ModelField]:
        """The fields of a model, by the preset's names too."""
        found = dict(await self.fields(model, ask))
        for place in (*self._renamed, *self._optional):
            owner, _, name = place.rpartition(".")
            if owner == model:
                spelled = await self.spell(model, name, ask)
                found[name] = spelled.field or ModelField(MISSING)
        return found | {"position": ModelField("integer")}

    async def spell(self, model: str, name: str, ask: Ask) -> Spelled:
        """A field of a model by a preset's name.

        Raises:
            MisconfiguredError: if there is none, and it may not be missing.
        """
        fields = await self.fields(model, ask)
        place = f"{model}.{name}"
        for candidate in (name, *self._renamed.get(place, ())):
            if candidate in fields:
                return Spelled(candidate, fields[candidate])
        if place in self._optional:
            return Spelled(name, None)
        msg = f"{model} has no field {name!r}, or its module is not installed"
        raise MisconfiguredError(self._wire.system, msg)

    async def spell_path(self, model: str, path: str, ask: Ask) -> str | None:
        """A dotted path in this version's names; None where a field on it is missing."""
        steps = []
        at: str | None = model
        for name in path.split("."):
            if at is None:
                msg = f"{model}: {path!r} goes on behind a field that is no relation"
                raise MisconfiguredError(self._wire.system, msg)
            spelled = await self.spell(at, name, ask)
            if spelled.field is None:
                return None
            steps.append(spelled.name)
            at = spelled.field.relation
        return ".".join(steps)

    async def spell_where(
        self, model: str, where: Sequence[Clause], ask: Ask
    ) -> tuple[Clause, ...]:
        """Clauses in this version's names; tests on a missing field, which is null, are decided."""
        found: list[Clause] = []
        for clause in where:
            tests: list[Test] = []
            satisfied = False
            for test in clause:
                path = await self.spell_path(model, test.path, ask)
                if path is not None:
                    tests.append(Test(path, test.op, test.value, test.kind, test.negated))
                elif holds(Condition(test.path, test.op, test.value), None) is not test.negated:
                    satisfied = True
            if not satisfied:
                found.append(tuple(tests))
        return tuple(found)

    async def _read(self, model: str, ask: Ask) -> Mapping[str, ModelField]:
        arguments: dict[str, Any] = {"attributes": ["type", "relation"]}
        found = await self._wire.call(model, "fields_get", arguments, ask)
        if not isinstance(found, dict):
            raise BadAnswerError(self._wire.system, f"{model} does not tell its fields")
        return {
            name: ModelField(str(told.get("type")), told.get("relation") or None)
            for name, told in found.items()
            if isinstance(told, dict)
        }
