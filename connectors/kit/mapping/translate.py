"""Canonical criteria in a system's own names: what may be pushed, never leaving out a match."""

from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from msgspec import Struct

from canonical.criteria import Condition, Op, holds
from canonical.entities import ENTITIES, EntityName
from canonical.records import Record
from connectors.kit.mapping import expr as ex
from connectors.kit.mapping.convert import literal
from connectors.kit.mapping.expr import ALL, ANY, NEVER, Expr
from connectors.kit.mapping.fields import (
    CoalesceField,
    ConstField,
    EachField,
    ObjectField,
    PathField,
    RulesField,
)
from connectors.kit.mapping.inverse import Inverse
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.mapping.needs import attach_path, joined
from connectors.kit.mapping.paths import token
from connectors.kit.mapping.shape import Column, shape_of
from connectors.kit.mapping.when import ALWAYS, When
from connectors.kit.mapping.whenexpr import when_expr

_COLUMNS: Final = 256


class Found(NamedTuple):
    """A column's field, and where it is.

    Attributes:
        form: The field as written.
        column: What it holds.
        base: Path of the list or object that the field's paths are relative to; empty at the row.
        nested: Whether it is within a part of the record.
        whole: Whether every element there counts, so that a test on the path is exact.
    """

    form: Any
    column: Column
    base: str
    nested: bool
    whole: bool


class Translator:
    """Turns canonical conditions into expressions over the system's paths.

    Args:
        entity: Which entity.
        mapping: Where its columns come from.
        settings: What holds for the whole mapping.
    """

    def __init__(
        self, entity: EntityName, mapping: EntityMapping, settings: MappingSettings
    ) -> None:
        self.record: type[Record] = ENTITIES[entity].record
        self._mapping = mapping
        self._settings = settings
        self._attached = tuple(attach_path(n, r) for n, r in mapping.related.items())
        self._find = lru_cache(_COLUMNS)(self._found)
        self._inverses: dict[tuple[int, str], Inverse | None] = {}

    def has(self, column: str) -> bool:
        """Whether the mapping has a column."""
        return self._find(column) is not None

    def condition(self, condition: Condition) -> Expr:
        """What may be asked for a condition. A column that the system does not have is null."""
        found = self._find(condition.column)
        if found is None:
            return ALL if holds(condition, None) else NEVER
        return self._field(found.form, found, condition)

    def inverse(self, column: str) -> Inverse | None:
        """A column that is a plain path which the system can be asked about, or None."""
        found = self._find(column)
        if found is None or not isinstance(found.form, PathField):
            return None
        return self._inverse(found.form, found)

    def where(self, when: When) -> Expr:
        """What may be asked for a condition of the mapping on the record's row."""
        return when_expr(when, self._settings, self._attached)

    def _found(self, dotted: str) -> Found | None:
        fields: dict[str, Any] = self._mapping.fields
        record: type[Struct] = self.record
        base, whole = "", True
        names = dotted.split(".")
        for depth, name in enumerate(names):
            form = fields.get(name)
            column = shape_of(record).get(name)
            if form is None or column is None:
                return None
            if depth == len(names) - 1 or not isinstance(form, EachField | ObjectField):
                return Found(form, column, base, nested=depth > 0, whole=whole)
            if isinstance(form, EachField):
                base = joined(base, form.each)
                whole = whole and not form.match and form.where == ALWAYS
            else:
                base = joined(base, form.at or ".")
                whole = whole and form.when == ALWAYS
            fields, record = form.fields, column.type
        return None

    def _inverse(self, form: PathField, found: Found) -> Inverse | None:
        known = (id(form), found.base)  # forms are the mapping's, and stay
        if known not in self._inverses:
            self._inverses[known] = self._inverted(form, found)
        return self._inverses[known]

    def _inverted(self, form: PathField, found: Found) -> Inverse | None:
        path = joined(found.base, form.path)
        if not form.push or not self._own(path):
            return None
        return Inverse(form, found.column, path, self._settings)

    def _own(self, path: str) -> bool:
        """Whether a path is in the entity's own rows and the same in all rows of a group."""
        mapping = self._mapping
        if mapping.group and path not in mapping.group and path not in mapping.constant:
            return False
        return not any(path == a or path.startswith(f"{a}.") for a in self._attached)

    def _field(self, form: Any, found: Found, condition: Condition) -> Expr:
        match form:
            case PathField():
                return self._path(form, found, condition)
            case ConstField() if not found.nested:
                value = literal(found.column.type, form.const)
                return ALL if holds(condition, value) else NEVER
            case RulesField() if condition.op is Op.IN and not found.nested:
                return self._rules(form, {_text_of(v) for v in condition.value})
            case CoalesceField() if condition.op is not Op.IS_NULL:
                result = NEVER
                for option in form.coalesce:
                    result = ex.either(result, self._field(option, found, condition))
                return Expr(result.clauses, exact=result.never)
        return ANY

    def _path(self, form: PathField, found: Found, condition: Condition) -> Expr:
        inverse = self._inverse(form, found)
        if inverse is None or (found.nested and condition.op is Op.IS_NULL):
            return ANY
        result = inverse.expr(condition)
        if not found.nested:
            return result
        if any(t.negated for c in result.clauses for t in c):
            return ANY  # of a list, "no element is" is not what is meant
        return Expr(result.clauses, exact=result.exact and found.whole)

    def _rules(self, form: RulesField, values: set[str]) -> Expr:
        """A superset of the rows whose rules give one of the values."""
        result = NEVER
        otherwise = [ALL]
        for rule in form.rules:
            when = self.where(rule.when)
            if _text_of(rule.then) in values:
                result = ex.either(result, when)
            else:
                otherwise.append(ex.negated(when))
        if _text_of(form.default) in values:
            result = ex.either(result, ex.both(*otherwise))
        return Expr(result.clauses, exact=result.never)


def _text_of(value: Any) -> str:
    return str(token(value.value if isinstance(value, Enum) else value))
