"""Presets that speak OData say nothing that the protocol does not know."""

import pytest

from connectors.kit.mapping.model import (
    EntityMapping,
    Lookup,
    MappingSettings,
    PresetModel,
    Related,
)
from connectors.kit.mapping.presets import load_preset, preset_names
from connectors.kit.policy import CallPolicy
from connectors.odata.settings import DatasetOptions, Settings

PRESETS = [p for p in map(load_preset, preset_names()) if p.protocol == "odata"]


@pytest.mark.parametrize("preset", PRESETS, ids=[p.preset for p in PRESETS])
def test_settings_policy_and_options_are_known(preset: PresetModel) -> None:
    _, protocol = MappingSettings.take(preset.settings, preset.units)
    Settings.model_validate(protocol)
    CallPolicy.model_validate(preset.policy)
    for entity in preset.entities.values():
        parts: list[EntityMapping | Related | Lookup] = [entity]
        parts += [*entity.related.values(), *entity.lookups.values()]
        for part in parts:
            DatasetOptions.model_validate(part.options)
            assert "/" in part.dataset


def test_sap_s4hana_is_among_them() -> None:
    (preset,) = [p for p in PRESETS if p.preset == "sap_s4hana"]
    assert len(preset.entities) == 8
