"""Rows to canonical records: compiled once for each set of columns, then only closures."""

from collections.abc import Mapping, Sequence
from typing import Any

from canonical.entities import ENTITIES, EntityName
from canonical.purchase_orders import net_total
from canonical.records import Provenance, Record
from connectors.kit.mapping import needs
from connectors.kit.mapping.batch import Batch
from connectors.kit.mapping.compiler import Compiler
from connectors.kit.mapping.fields import ComputeField
from connectors.kit.mapping.keys import Keys
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.mapping.needs import Plan
from connectors.kit.mapping.paths import BadValueError, Env
from connectors.kit.mapping.records import BatchCompiler, MakeRecords, Stamp
from connectors.kit.rows import Row


class RecordBuilder:
    """Makes records of one entity that know some columns.

    Args:
        entity: Which entity.
        mapping: Where its columns come from.
        settings: What holds for the whole mapping.
        columns: Canonical columns that the records are to know (dotted; a bare structured one:
            all of it).

    Attributes:
        plan: What is to be fetched for them.
        keys: The records' keys.
    """

    def __init__(
        self,
        entity: EntityName,
        mapping: EntityMapping,
        settings: MappingSettings,
        columns: frozenset[str],
    ) -> None:
        self._record = ENTITIES[entity].record
        wanted = needs.wanted_tree(columns)
        tree = needs.with_computed(mapping, wanted)
        self.plan: Plan = needs.plan(mapping, tree)
        self.keys = Keys(mapping.key)
        compiler = Compiler(settings, grouped=bool(mapping.group))
        # Without any column there is nothing to read but the key; an empty tree would mean all.
        self._values = compiler.struct(self._record, mapping.fields, tree) if tree else _nothing
        self._batches: MakeRecords | None = None
        if not mapping.group:
            self._batches = BatchCompiler(compiler, settings).records(
                self._record, mapping.fields, tree, wanted
            )
        self._computed = {
            name: form.compute
            for name, form in mapping.fields.items()
            if name in wanted and isinstance(form, ComputeField)
        }
        self._surplus = tuple(name for name in tree if name not in wanted)

    def build(self, rows: list[Row], provenance: Provenance) -> Record:
        """The record of a row, or of all rows of a group.

        Raises:
            BadValueError: if a value cannot be read; the message begins with the column.
        """
        env = Env(rows)
        values = self._values(env.root, env)
        for name, computation in self._computed.items():
            values[name] = _COMPUTATIONS[computation](values)
        for name in self._surplus:
            values.pop(name, None)
        return self._record(provenance=provenance, **values)

    def build_all(self, batch: Batch, keys: Sequence[str], stamp: Stamp) -> list[Any] | None:
        """The records of rows, one each, equal to what `build` makes of them one by one.

        Returns:
            None if they cannot be made all at once: rows are grouped, or a value cannot be read.
        """
        if self._batches is None:
            return None
        try:
            return self._batches(batch, keys, stamp)
        except BadValueError:
            return None


def _nothing(_element: Any, _env: Env) -> dict[str, Any]:
    return {}


def _net_total(values: Mapping[str, Any]) -> Any:
    return net_total(values["lines"], values["currency"])


def _available(values: Mapping[str, Any]) -> Any:
    return values["on_hand"] - values["reserved"]


_COMPUTATIONS = {"net_total": _net_total, "available": _available}
