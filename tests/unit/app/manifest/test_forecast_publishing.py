"""Where forecasts are published to: names that lead nowhere are told of before anything runs."""

from pathlib import Path

import pytest

from tests.unit.app.manifest.sound import SOUND, load, wrong

PUBLISHED = "processes: {forecasts: {system: planning}}\n"
END = "    - {unit: BOX, base: PC, numerator: 12}\n"
PLACE = "26: processes.forecasts.system:"


def test_forecasts_go_to_a_source_of_them_that_takes_them(tmp_path: Path) -> None:
    load(tmp_path, SOUND + PUBLISHED)


@pytest.mark.parametrize(
    "system, said",
    [
        ("plannin", "there is no backend 'plannin'; did you mean 'planning'?"),
        ("erp", "'erp' is no source of forecast: name it under entities.forecast.sources"),
    ],
)
def test_any_other_system_is_refused(tmp_path: Path, system: str, said: str) -> None:
    told = wrong(tmp_path, (END, END + PUBLISHED.replace("planning", system)))
    assert [line for line in told if line.startswith(f"{PLACE} {said}")], told


def test_a_system_that_cannot_be_told_says_how_it_could(tmp_path: Path) -> None:
    mapping = "forecast: {fields: {version: {const: v1}}"
    told = wrong(
        tmp_path,
        (END, END + PUBLISHED),
        (mapping, f"{mapping}, writes: {{publish: null}}"),
    )
    assert any("'planning' takes no forecasts" in line for line in told), told
