"""Conditions of the mapping language as expressions that a system may be asked."""

from typing import Any

from canonical.criteria import Op
from connectors.kit.mapping import expr as ex
from connectors.kit.mapping.expr import ALL, ANY, NEVER, Expr
from connectors.kit.mapping.model import MappingSettings
from connectors.kit.mapping.types import kind_of
from connectors.kit.mapping.when import Compare, When
from connectors.kit.rows import Test


def when_expr(when: When, settings: MappingSettings, attached: tuple[str, ...] = ()) -> Expr:
    """What may be asked of a dataset for a condition on its rows.

    Args:
        when: The condition.
        settings: What holds for the whole mapping.
        attached: Paths under which other datasets are attached, which the system knows nothing of.
    """
    parts = [ALL, *(_path(p.lstrip("/"), t, settings, attached) for p, t in when.tests.items())]
    if when.any_ is not None or when.all_ is not None or when.compare is not None:
        parts.append(ANY)
    if when.or_:
        options = NEVER
        for option in when.or_:
            options = ex.either(options, when_expr(option, settings, attached))
        parts.append(options)
    return ex.both(*parts)


def _path(path: str, wanted: Any, settings: MappingSettings, attached: tuple[str, ...]) -> Expr:
    if any(path == a or path.startswith(f"{a}.") for a in attached):
        return ANY
    if not isinstance(wanted, Compare):
        return _one_of(path, wanted if isinstance(wanted, tuple) else (wanted,), settings)
    parts = [ALL]
    if "not_" in wanted.model_fields_set:
        refused = wanted.not_ if isinstance(wanted.not_, list) else [wanted.not_]
        parts.append(ex.negated(_one_of(path, tuple(refused), settings)))
    if wanted.null is not None:
        parts.append(_null(path, settings, null=wanted.null))
    parts += [_bounded(path, n, getattr(wanted, n)) for n in ("gte", "gt", "lt", "lte")]
    if wanted.starts_with is not None:
        parts.append(ex.of(Test(path, Op.STARTS_WITH, wanted.starts_with)))
    if wanted.gte_path is not None:
        parts.append(ANY)
    return ex.both(*parts)


def _one_of(path: str, values: tuple[Any, ...], settings: MappingSettings) -> Expr:
    result = NEVER
    by_kind: dict[str, list[Any]] = {}
    for value in values:
        if value is None:
            result = ex.either(result, _null(path, settings, null=True))
        else:
            by_kind.setdefault(kind_of(value), []).append(value)
    for kind, same in by_kind.items():
        result = ex.either(result, ex.of(Test(path, Op.IN, tuple(same), kind)))
    return result


def _null(path: str, settings: MappingSettings, *, null: bool) -> Expr:
    """Values that mean null besides null are not asked for: how to spell them is not known here."""
    exact = not any(isinstance(e, str) for e in settings.empty)
    if null and not exact:
        return ANY
    return ex.of(Test(path, Op.IS_NULL, null), exact=exact)


def _bounded(path: str, name: str, bound: Any) -> Expr:
    if bound is None:
        return ALL
    if isinstance(bound, str):
        return ANY  # systems order text in their own ways
    return ex.of(ex.within(path, kind_of(bound), **{name: bound}))
