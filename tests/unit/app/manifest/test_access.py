"""What a manifest says of access and regions is held against the schema and the sources."""

from pathlib import Path

import pytest

from app.residency import PROCESS_REGION, settled
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from tests.unit.app.manifest.sound import ENVIRON, SOUND, load, wrong

END = "    - {unit: BOX, base: PC, numerator: 12}\n"
EU = "region: EU, columns: [sku, name]"


def added(folder: Path, section: str) -> list[str]:
    return wrong(folder, (END, END + section))


def test_what_is_said_in_the_tables_own_words_is_taken(tmp_path: Path) -> None:
    section = """\
access:
  groups: {desk: [buyer, operator]}
  objects: {Forecast: {roles: [planner], parts: [ForecastConnection]}}
  fields:
    Item.standardCost: [desk]
    Query.purchaseOrder(system:): {roles: [operator], scopes: [orders:write]}
  forecast_weeks: {supplier: 8, desk: all}
  introspection: {roles: [desk], strangers: true}
regions:
  EU: {principals: [EU, HQ], processes: [EU]}
"""
    assert added(tmp_path, section) == []


@pytest.mark.parametrize(
    "section, said",
    [
        (
            "access: {fields: {Item.standardCosts: [buyer]}}\n",
            (
                "26: access.fields.Item.standardCosts: there is no field 'Item.standardCosts'; "
                "did you mean 'Item.standardCost'?"
            ),
        ),
        (
            "access:\n  fields:\n    Item.standardCost: [byer]\n",
            "28: access.fields.Item.standardCost: there is no role 'byer'; did you mean 'buyer'?",
        ),
        (
            "access:\n  objects:\n    Item:\n      scopes: [item:read]\n",
            (
                "29: access.objects.Item.scopes[0]: there is no scope 'item:read'; did you mean "
                "'items:read'?"
            ),
        ),
        (
            "access: {mutation: {createOrder: nobody}}\n",
            (
                "26: access.mutation.createOrder: there is no field of Mutation 'createOrder'; "
                "did you mean 'createPurchaseOrder'?"
            ),
        ),
        (
            "regions: {EUU: {}}\n",
            "26: regions.EUU: no source is in region 'EUU'; did you mean 'EU'?",
        ),
    ],
)
def test_a_slip_is_told_at_its_line_with_what_was_meant(
    tmp_path: Path, section: str, said: str
) -> None:
    assert added(tmp_path, section) == [said]


RESIDENT = SOUND + "regions:\n  EU: {processes: [EU]}\n"


def test_a_source_elsewhere_is_not_there_for_this_process(tmp_path: Path) -> None:
    declared = load(tmp_path, RESIDENT, {**ENVIRON, PROCESS_REGION: "US"})
    here, residence = settled(declared)
    assert [s.backend for s in here.manifest.entities[EntityName.ITEM].sources] == ["erp"]
    assert set(here.manifest.backends) == {"erp", "planning"}  # it has forecasts in no region
    assert (residence.elsewhere, residence.narrow) == ({}, True)
    whole, residence = settled(load(tmp_path, RESIDENT, {**ENVIRON, PROCESS_REGION: "EU"}))
    assert [s.backend for s in whole.manifest.entities[EntityName.ITEM].sources] == [
        "erp",
        "planning",
    ]
    assert residence.narrow is False


def test_a_backend_of_which_nothing_is_left_is_not_opened(tmp_path: Path) -> None:
    text = RESIDENT.replace("sources: [planning]", "sources: [{backend: planning, region: EU}]")
    here, residence = settled(load(tmp_path, text))
    assert set(here.manifest.backends) == {"erp"}
    assert EntityName.FORECAST not in here.manifest.entities
    assert residence.elsewhere == {"planning": "EU"}


def test_a_process_that_nothing_is_for_says_so(tmp_path: Path) -> None:
    text = RESIDENT.replace("sources: [planning]", "sources: [{backend: planning, region: EU}]")
    text = text.replace("sources: [erp,", "sources: [{backend: erp, region: EU},")
    with pytest.raises(InvalidInputError, match="no source of the manifest is for a process"):
        settled(load(tmp_path, text))
