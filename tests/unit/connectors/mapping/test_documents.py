"""Presets are validated with messages that name the place; manifests change them entry by entry."""

import copy
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from canonical.entities import ENTITIES, EntityName, columns_of
from canonical.errors import InvalidInputError
from connectors.kit.mapping.model import MappingSettings, PresetModel
from connectors.kit.mapping.presets import load_preset, merge, preset_names

DOCUMENT: dict[str, Any] = yaml.safe_load("""
    preset: erp
    title: An ERP
    protocol: rest
    settings: {time_zone: Europe/Berlin, page: {size: 50, style: offset}}
    units: {ST: PC}
    entities:
      purchase_order:
        dataset: orders
        key: [id]
        related:
          moves: {dataset: moves, key: [id], local: id, remote: order}
        lookups:
          lines.item: {dataset: lines, path: item, parent: order}
        fields:
          number: number
          status: {path: s, map: {a: APPROVED}, default: DRAFT}
          currency: currency
          lines:
            each: lines
            fields: {line_number: pos, quantity: qty}
""")
ORDER = ("entities", "purchase_order")


def changed(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return document


@pytest.mark.parametrize(
    "path, value, message",
    [
        ((*ORDER, "fields", "numbr"), "x", "purchase_order.fields.numbr: PurchaseOrder has no"),
        (
            (*ORDER, "fields", "lines", "fields", "itm"),
            "x",
            "purchase_order.fields.lines.fields.itm: PurchaseOrderLine has no such column",
        ),
        ((*ORDER, "fields", "buyer"), True, "YAML reads on, off, yes and no as true or false"),
        ((*ORDER, "fields", "buyer"), {"pth": "x"}, "one of these forms is wanted"),
        ((*ORDER, "fields", "buyer"), {"path": "x", "tpe": "date"}, "buyer.PathField.tpe"),
        ((*ORDER, "fields", "buyer"), {"path": "x", "type": "dat"}, "buyer.PathField.type"),
        ((*ORDER, "fields", "total"), "x", "fields.total: holds Money, which needs the form money"),
        ((*ORDER, "fields", "lines"), "x", "holds a list of PurchaseOrderLine, which needs the fo"),
        (
            (*ORDER, "fields", "buyer"),
            {"each": "x", "fields": {"a": "b"}},
            "fields.buyer: holds str, not structured values",
        ),
        (
            (*ORDER, "fields", "status"),
            {"path": "s", "map": {"a": "APROVED"}, "default": "DRAFT"},
            "fields.status: 'APROVED' is not one of ACKNOWLEDGED, APPROVED",
        ),
        (
            (*ORDER, "fields", "status"),
            {"path": "s", "map": {"a": "APPROVED"}},
            "fields.status: say `default`",
        ),
        (
            (*ORDER, "fields", "status"),
            {"rules": [{"when": {}, "then": "GONE"}], "default": "DRAFT"},
            "fields.status: 'GONE' is not one of",
        ),
        ((*ORDER, "fields", "total"), {"compute": "net_total"}, "needs lines.unit_price"),
        ((*ORDER, "where"), {"state": {"gtee": 1}}, "where.state.comparison.gtee"),
        ((*ORDER, "where"), {"state": {}}, "an empty comparison says nothing"),
        ((*ORDER, "lookups", "lines.itm"), {"dataset": "d", "path": "p", "parent": "o"}, "no such"),
        ((*ORDER, "related", "moves", "remote"), ["a", "b"], "same number of paths"),
        ((*ORDER, "group"), ["plant"], "`group` and `key` must name the same paths"),
        ((*ORDER, "row_key"), ["plant"], "for grouped rows"),
        ((*ORDER, "key"), [], "key"),
        (("entities", "purchase_ordr"), {}, "purchase_ordr"),
        (("protocol",), "soap", "'odata', 'rest', 'jsonrpc' or 'sql'"),
        (("colour",), "red", "colour"),
    ],
)
def test_a_mistake_is_named_with_its_place(path: tuple[str, ...], value: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PresetModel.model_validate(changed(path, value))
    assert message in str(caught.value)


def test_the_example_itself_is_right() -> None:
    preset = PresetModel.model_validate(DOCUMENT)
    assert list(preset.entities) == [EntityName.PURCHASE_ORDER]


def test_a_manifest_changes_entries_and_leaves_the_rest() -> None:
    overrides = yaml.safe_load("""
        settings: {page: {size: 10}}
        units: {KAR: BOX}
        entities:
          purchase_order:
            where: {kind: F}
            fields:
              number: {path: other}
              status: {const: APPROVED}
              currency: null
            related: {moves: null}
          supplier: {dataset: suppliers, key: [id], fields: {code: id}}
    """)
    before = copy.deepcopy(DOCUMENT)
    merged = merge(DOCUMENT, overrides)
    assert before == DOCUMENT
    assert merged["settings"] == {
        "time_zone": "Europe/Berlin",
        "page": {"size": 10, "style": "offset"},
    }
    assert merged["units"] == {"ST": "PC", "KAR": "BOX"}
    order = merged["entities"]["purchase_order"]
    assert order["dataset"] == "orders"
    assert order["where"] == {"kind": "F"}
    assert order["related"] == {}
    assert order["fields"]["number"] == {"path": "other"}
    assert order["fields"]["status"] == {"const": "APPROVED"}
    assert "currency" not in order["fields"]
    assert order["fields"]["lines"] == DOCUMENT["entities"]["purchase_order"]["fields"]["lines"]
    assert set(PresetModel.model_validate(merged).entities) == {"purchase_order", "supplier"}


def test_settings_of_the_mapping_are_taken_out_of_the_protocols() -> None:
    settings, rest = MappingSettings.take(DOCUMENT["settings"], DOCUMENT["units"])
    assert (settings.time_zone, settings.units) == ("Europe/Berlin", {"ST": "PC"})
    assert rest == {"page": {"size": 50, "style": "offset"}}


def test_a_time_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="'Mars/Base' is no IANA time zone name"):
        MappingSettings.take({"time_zone": "Mars/Base"}, {})


def test_an_unknown_preset_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InvalidInputError, match="there is no preset 'sapp'"):
        load_preset("sapp")


@pytest.mark.parametrize("name", preset_names())
def test_shipped_presets_are_right(name: str) -> None:
    preset = load_preset(name)
    assert preset.preset == name
    for entity, mapping in preset.entities.items():
        known = columns_of(ENTITIES[entity].record)
        assert set(mapping.fields) <= set(known)
