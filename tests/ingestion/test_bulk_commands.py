"""`supplygraph ingest`: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from tests.ingestion.declared import HEAD, declared_in, line


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "forecast.csv"
    file.write_text(HEAD + line("A", "5") + line("B", "6"), encoding="utf-8")
    return file


def ingest(folder: Path, *arguments: str, **spoiled: str) -> Result:
    _, environ = declared_in(folder, **spoiled)
    return CliRunner(env=environ).invoke(app, ["ingest", *arguments])


def counts_of(result: Result) -> dict[str, int]:
    told = json.loads(result.stdout)
    return {name: told[name] for name in ("rows", "new", "revised", "unchanged", "late", "bad")}


def test_a_file_is_taken_in_once_and_the_same_is_told_again(tmp_path: Path, file: Path) -> None:
    first = ingest(tmp_path, "planning", str(file), "--json")
    again = ingest(tmp_path, "planning", str(file), "--json")
    other = ingest(tmp_path, "planning", str(file), "--json", "--run", "other")

    assert first.exit_code == again.exit_code == 0
    assert first.stdout == again.stdout
    assert counts_of(first) == {
        "rows": 2, "new": 2, "revised": 0, "unchanged": 0, "late": 0, "bad": 0
    }  # fmt: skip
    assert counts_of(other) == {**counts_of(first), "new": 0, "unchanged": 2}


def test_bad_rows_are_told_of_and_fail(tmp_path: Path, file: Path) -> None:
    file.write_text(HEAD + line("A", "5") + line("B", "six"), encoding="utf-8")
    result = ingest(tmp_path, "planning", str(file), "--baseline")

    assert result.exit_code == 1
    assert "1 new, 0 revised, 0 unchanged, 0 late, 1 bad" in result.stdout
    assert "dead letters" in result.stderr


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["plannning"], "no files of 'plannning' are declared; did you mean 'planning'?"),
        (["planning", "--entity", "item"], "no files of 'item' are declared, only of forecast"),
    ],
)
def test_what_is_not_declared_is_told_so(
    tmp_path: Path, file: Path, arguments: list[str], message: str
) -> None:
    result = ingest(tmp_path, arguments[0], str(file), *arguments[1:])

    assert result.exit_code == 1
    assert message in result.stderr


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("quantity: forecasttotal", "quantty: forecasttotal", "no column quantty"),
        ("          quantity: forecasttotal\n", "", "name the file's column for quantity"),
        ("key: [item, location, customer, startdate]", "key: []", "ingestion.planning.bulk"),
        ("max_megabytes: 1", "timezone: Mars/Base", "there is no time zone 'Mars/Base'"),
    ],
)
def test_a_mapping_that_cannot_be_is_told_before_a_row_is_read(
    tmp_path: Path, file: Path, old: str, new: str, message: str
) -> None:
    result = ingest(tmp_path, "planning", str(file), **{old: new})

    assert result.exit_code == 2
    assert message in result.stderr
