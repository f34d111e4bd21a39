"""Records made of many rows at once are those that are made one by one, whatever the rows hold."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.entities import EntityName
from canonical.records import Provenance, Record
from connectors.kit.mapping.batch import Batch
from connectors.kit.mapping.builder import RecordBuilder
from connectors.kit.mapping.keys import Keys
from connectors.kit.mapping.model import EntityMapping, KeyPart, MappingSettings
from connectors.kit.mapping.paths import BadValueError
from connectors.kit.mapping.records import Stamp
from connectors.kit.rows import Row

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SETTINGS = MappingSettings.model_validate(
    {"units": {"ST": "PC"}, "time_zone": "Europe/Berlin", "empty": ["-"]}
)

# Forms that are read by columns beside forms that are not, and both within lists.
ORDER = EntityMapping.model_validate(
    yaml.safe_load("""
    dataset: orders
    key: [id]
    fields:
      number: id
      supplier: {path: sup.code, empty: [""]}
      buyer: {template: "{sup.code}/{id}"}
      raw_status: {coalesce: [{path: s, empty: [""]}, sup.code]}
      status:
        rules:
          - {when: {s: [o, 1]}, then: SENT}
          - {when: {s: x, sup.code: {not: A}}, then: CANCELLED}
          - {when: {or: [{s: "true"}, {n: {gte: 5}}]}, then: ACKNOWLEDGED}
        default: DRAFT
      ordered_on: {path: day, type: date}
      currency: {path: cur, map: {E: EUR, D: USD}, default: USD}
      total: {money: {amount: n, currency: cur}}
      updated_at: day
      acknowledgement:
        when: {s: o}
        at: sup
        fields:
          acknowledged_at: /day
          note: code
          lines:
            each: /items
            fields: {line_number: {position: 0}, confirmed_quantity: q, confirmed_on: /day}
      lines:
        each: items
        where: {void: {not: true}}
        fields:
          line_number: {position: 1}
          item: sku
          quantity: {path: q, digits: 2}
          received: {quantities: {of: got, amount: q, unit: u}}
          unit: {path: u, unit: true}
          unit_price: {money: {amount: p, currency: /cur}}
          due_on: {path: due, format: ["%d.%m.%Y", "%G-W%V"]}
          cancelled: {path: void}
          completed: {const: false}
    """)
)
STOCK = EntityMapping.model_validate(
    yaml.safe_load("""
    dataset: stock
    key: [m, {path: w, type: integer}]
    fields:
      item: m
      location: {path: w, type: integer}
      on_hand: q
      reserved: {path: r, default: 0}
      available: {compute: available}
      in_transit: {path: t, empty: [0]}
      unit: {path: u, unit: true}
      as_of: {const: "2026-01-01T00:00:00Z"}
    """)
)

texts = st.sampled_from(["A", "B", "", "-", "o", "x", "1", "E", "D", "ST", "a|b"])
numbers = st.sampled_from([0, 1, 7, Decimal("1.0"), Decimal("2.345"), "12.50", " 3 ", 10**20])
days = st.sampled_from(["2026-01-31", "2026-01-31T10:00:00Z", "", "0000-00-00", "9999-12-31"])
due = st.sampled_from(["31.01.2026", "2026-W01", ""])
odd = st.sampled_from(
    [None, True, False, 1, 1.5, Decimal("NaN"), "never", [], [1], {}, {"code": 1}, "2026-13-01"]
)


def mostly(usual: st.SearchStrategy[Any], *, odd_in: int) -> st.SearchStrategy[Any]:
    """Values as they should be; one in so many is anything at all."""
    return st.integers(1, odd_in).flatmap(lambda n: odd if n == 1 else usual)


def holding(fields: dict[str, st.SearchStrategy[Any]], *, all_there: bool) -> Any:
    """Objects with some names, of which single ones may be missing."""
    if all_there:
        return st.fixed_dictionaries(fields)
    return st.fixed_dictionaries({}, optional=fields)


def order_rows(odd_in: int, *, all_there: bool) -> st.SearchStrategy[list[Row]]:
    def some(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return mostly(usual, odd_in=odd_in)

    got = holding({"q": some(numbers), "u": some(texts)}, all_there=True)
    line = holding(
        {
            "sku": some(texts),
            "q": some(numbers),
            "p": some(numbers),
            "u": some(texts),
            "due": some(due),
            "void": some(st.booleans()),
            "got": some(st.lists(got, max_size=2)),
        },
        all_there=all_there,
    )
    row = holding(
        {
            "id": some(st.sampled_from(["1", "2", "3"])),
            "sup": some(holding({"code": some(texts)}, all_there=all_there)),
            "s": some(st.sampled_from(["o", "x", "true", "?"])),
            "n": some(numbers),
            "day": some(days),
            "cur": some(texts),
            "items": some(st.lists(line | st.none(), max_size=3)),
        },
        all_there=all_there,
    )
    return st.lists(row, min_size=1, max_size=4)


def stock_rows(odd_in: int) -> st.SearchStrategy[list[Row]]:
    row = {n: mostly(numbers, odd_in=odd_in) for n in "qrt"}
    row |= {"m": mostly(texts, odd_in=odd_in), "u": mostly(texts, odd_in=odd_in)}
    row["w"] = mostly(st.integers(1, 3), odd_in=odd_in)
    return st.lists(st.fixed_dictionaries(row), min_size=1, max_size=4)


batches = st.one_of(
    st.tuples(
        st.just(EntityName.PURCHASE_ORDER),
        st.one_of(
            *(
                order_rows(odd_in, all_there=whole)
                for odd_in in (4, 60, 10_000)
                for whole in (True, False)
            )
        ),
    ),
    st.tuples(st.just(EntityName.INVENTORY), st.one_of(stock_rows(4), stock_rows(10_000))),
)
MAPPINGS = {EntityName.PURCHASE_ORDER: ORDER, EntityName.INVENTORY: STOCK}


def one_by_one(make: Callable[[Row], Any], rows: Sequence[Row]) -> list[Any] | None:
    try:
        return [make(row) for row in rows]
    except BadValueError:
        return None


def exactly(values: Any) -> str:
    """Unlike equality it tells 1.0 from 1.00, and 1 from true."""
    return repr(values)


@given(batch=batches, data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_batch_gives_the_records_of_its_rows_or_leaves_them_to_be_read_one_by_one(
    batch: tuple[EntityName, list[Row]], data: st.DataObject
) -> None:
    entity, rows = batch
    mapping = MAPPINGS[entity]
    known = sorted({*mapping.fields, "lines.item", "lines.line_number", "nothing"})
    columns = data.draw(st.frozensets(st.sampled_from(known)), label="columns")
    builder = RecordBuilder(entity, mapping, SETTINGS, columns)
    keys = [str(n) for n in range(len(rows))]
    stamped = dict(zip(map(id, rows), keys, strict=True))

    def alone(row: Row) -> Record:
        return builder.build([row], Provenance("erp", stamped[id(row)], NOW))

    wanted = one_by_one(alone, rows)
    made = builder.build_all(Batch(rows), keys, Stamp("erp", NOW))
    if wanted is None:
        assert made is None
    elif made is not None:  # what is odd may be left to be read one by one
        assert exactly(made) == exactly(wanted)


FORMS: tuple[tuple[str, Any], ...] = (
    ("number", "v"),
    ("number", {"path": "v", "default": "?"}),
    ("number", {"path": "v.code", "empty": ["A"]}),
    ("buyer", {"path": "v", "map": {"A": "a", None: "none"}}),
    ("buyer", {"path": "v", "unit": True}),
    ("buyer", {"path": "v", "type": "integer"}),
    ("buyer", {"template": "{v}-{w}"}),
    ("buyer", {"coalesce": [{"path": "v", "empty": [1]}, "w"]}),
    ("raw_status", {"path": "v", "type": "date"}),
    ("status", {"path": "v", "map": {"A": "SENT", 1: "DRAFT"}, "default": "APPROVED"}),
    (
        "status",
        {
            "rules": [
                {"when": {"v": ["A", 1]}, "then": "SENT"},
                {"when": {"w": True}, "then": "DRAFT"},
            ],
            "default": "CANCELLED",
        },
    ),
    ("status", {"rules": [{"when": {"v": {"not": "A"}}, "then": "SENT"}], "default": "DRAFT"}),
    ("ordered_on", {"path": "v", "plus_months": 1}),
    ("updated_at", "v"),
    ("updated_at", {"path": "v", "type": "day", "format": "%d.%m.%Y"}),
    ("total", {"money": {"amount": "v", "currency": "w"}}),
    ("total", {"money": {"amount": {"path": "v", "digits": 1}, "currency": {"const": "EUR"}}}),
    ("total", {"money": {"amount": {"path": "v", "empty": [1]}, "currency": "w"}}),
    ("total", {"coalesce": [{"money": {"amount": "v", "currency": "w"}}]}),
    ("acknowledgement", {"at": "v", "fields": {"note": "code", "acknowledged_by": "/w"}}),
    ("acknowledgement", {"when": {"v": "A"}, "fields": {"note": {"const": "x"}}}),
    ("lines", {"each": "v", "fields": {"line_number": {"position": 1}}}),
    ("lines", {"each": "v.code", "fields": {"item": "sku", "unit": "/w"}}),
    ("lines", {"each": "v", "where": {"sku": "A"}, "fields": {"line_number": {"position": 0}}}),
    ("lines", {"each": "v", "fields": {"line_number": "q", "quantity": "q", "cancelled": "f"}}),
    ("lines", {"each": "v", "match": {"sku": "w"}, "fields": {"item": "sku"}}),
)
"""Fields of an order, each of a value `v`, and some of another, `w`."""

lines = st.fixed_dictionaries(
    {"sku": st.sampled_from(["A", "B"]), "q": st.integers(0, 3)},
    optional={"f": st.booleans() | st.none()},
)
values = st.one_of(
    odd, odd, texts, numbers, days, due, st.fixed_dictionaries({"code": texts}),
    st.lists(lines, max_size=3), st.lists(lines | st.sampled_from([None, 1, "A"]), max_size=3),
    st.lists(lines, max_size=2).map(lambda found: {"code": found}),
)  # fmt: skip
uniform = st.one_of(*(st.lists(s, min_size=1, max_size=5) for s in (texts, numbers, days, due)))
columns_of_values = st.one_of(
    uniform,
    uniform.map(lambda found: [*found, None]),
    st.lists(values, min_size=1, max_size=3),
    st.lists(st.sampled_from([1, True, "1", "true", None, Decimal("1.0")]), min_size=1, max_size=5),
)


@pytest.mark.parametrize("column, form", FORMS, ids=str)
@given(v=columns_of_values, w=columns_of_values)
@settings(max_examples=60, deadline=None)
def test_one_field_of_a_batch_is_that_of_its_rows(
    column: str, form: Any, v: list[Any], w: list[Any]
) -> None:
    compare(column, form, [{"id": "1", "v": a, "w": w[i % len(w)]} for i, a in enumerate(v)])


@pytest.mark.parametrize("column, form", FORMS, ids=str)
@pytest.mark.parametrize(
    "mixed",
    [[1, True], [True, 1], ["1", 1], [Decimal("NaN"), Decimal(1)], [1, Decimal("1.0")], [1, 2]],
    ids=str,
)
def test_values_that_are_easily_mixed_up_are_kept_apart(
    column: str, form: Any, mixed: list[Any]
) -> None:
    compare(column, form, [{"id": "1", "v": value, "w": "A"} for value in mixed])


def compare(column: str, form: Any, rows: list[Row]) -> None:
    mapping = EntityMapping.model_validate({"dataset": "o", "key": "id", "fields": {column: form}})
    empty = MappingSettings.model_validate({"units": {"ST": "PC"}})
    for told in (SETTINGS, empty):
        builder = RecordBuilder(EntityName.PURCHASE_ORDER, mapping, told, frozenset({column}))
        wanted = one_by_one(lambda r: builder.build([r], Provenance("erp", "1", NOW)), rows)  # noqa: B023
        made = builder.build_all(Batch(rows), ["1"] * len(rows), Stamp("erp", NOW))
        if wanted is None:
            assert made is None
        elif made is not None:  # what is odd may be left to be read one by one
            assert exactly(made) == exactly(wanted)


@given(
    rows=st.one_of(*(order_rows(n, all_there=True) for n in (4, 10_000)), stock_rows(6)),
    data=st.data(),
)
@settings(max_examples=100, deadline=None)
def test_keys_of_a_batch_are_those_of_its_rows(rows: list[Row], data: st.DataObject) -> None:
    if "id" in rows[0]:
        rows[-1]["id"] = data.draw(st.sampled_from(["", "4", 4, None, False]))
    paths = ("m", "w") if "m" in rows[0] else ("id",)
    types = {"w": "integer"}
    keys = Keys(
        [KeyPart.model_validate({"path": p, "type": types.get(p, "string")}) for p in paths]
    )
    wanted = one_by_one(keys.of, rows)
    if wanted is None:
        with pytest.raises(BadValueError):
            keys.of_all(Batch(rows))
    else:
        assert list(keys.of_all(Batch(rows))) == wanted


def test_rows_as_they_should_be_are_made_together() -> None:
    line = {"sku": "A", "q": 1, "p": Decimal("2.5"), "u": "ST", "due": "2026-W02", "void": False}
    rows: list[Row] = [
        {
            "id": i,
            "sup": {"code": "S"},
            "s": "o",
            "n": 5,
            "day": "2026-01-31",
            "cur": "E",
            "items": [{**line, "void": True, "got": []}, {**line, "got": [{"q": 2, "u": "KG"}]}],
        }
        for i in ("1", "2")
    ]
    columns = frozenset(ORDER.fields)
    builder = RecordBuilder(EntityName.PURCHASE_ORDER, ORDER, SETTINGS, columns)
    made: Any = builder.build_all(Batch(rows), ["1", "2"], Stamp("erp", NOW))
    assert [r.provenance for r in made] == [Provenance("erp", k, NOW) for k in ("1", "2")]
    assert made[0].lines[0].line_number == 2
    assert exactly(made) == exactly(
        [builder.build([r], Provenance("erp", r["id"], NOW)) for r in rows]
    )


def test_the_rows_of_a_group_are_not_made_together() -> None:
    document = {"dataset": "s", "key": ["m"], "group": ["m"], "fields": {"item": "m"}}
    mapping = EntityMapping.model_validate(document)
    builder = RecordBuilder(EntityName.INVENTORY, mapping, SETTINGS, frozenset({"item"}))
    assert builder.build_all(Batch([{"m": "A"}]), ["A"], Stamp("erp", NOW)) is None
