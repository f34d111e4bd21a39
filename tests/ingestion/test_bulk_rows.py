"""Rows of files: exact, in natural keys, whatever form they come in."""

import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.manifest.bulk import RowsConfig
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.forecasts import Forecast
from canonical.observations import Observation
from connectors.kit.mapping.fields import FieldType
from connectors.kit.mapping.keys import Keys
from connectors.kit.mapping.model import KeyPart
from loaders.crosswalks import Crosswalk
from tests.ingestion.declared import HEAD, ROOT, ROWS, line, run_of, written
from workflows.ingestion.rows import RowFile


def said(file: Path, rows: RowsConfig = ROWS, **more: Any) -> list[Observation]:
    run = run_of(file, rows, **more)
    return [run.reports.of(row) for row in run.file.rows(run.reports.reading.wanted)]


def test_values_are_exact_and_in_natural_keys(tmp_path: Path) -> None:
    text = (
        HEAD + '"B|1",DC,,2026-11-23T00:00:00,2026-11-30,0.10000000000000000001,2026-11-21 02:30\n'
    )
    walk = Crosswalk("planning", [("SKU-1", "B|1")])
    [one] = said(written(tmp_path, text), walks={EntityName.ITEM: walk})
    assert one.key == "B\\|1|DC||2026-11-23T00:00:00"
    assert one.occurred_at == datetime(2026, 11, 21, 2, 30, tzinfo=UTC)
    assert one.record == Forecast(
        item="SKU-1",
        location="DC",
        period_start=date(2026, 11, 23),
        period_end=date(2026, 11, 30),
        quantity=Decimal("0.10000000000000000001"),
        revised_at=datetime(2026, 11, 21, 2, 30, tzinfo=UTC),
    )


def test_the_key_is_the_one_that_the_connector_makes(tmp_path: Path) -> None:
    preset = yaml.safe_load((ROOT / "connectors/presets/frepple.yaml").read_text(encoding="utf-8"))
    paths = preset["entities"]["forecast"]["key"]
    keys = Keys([KeyPart(path=path, type=FieldType.STRING) for path in paths])
    row = {
        "item": "A\\|B",
        "location": "DC",
        "customer": None,
        "startdate": "2026-11-23T00:00:00",
        "enddate": "2026-11-30T00:00:00",
        "forecasttotal": 1,
        "lastmodified": "2026-11-21T02:30:00",
    }
    [one] = said(written(tmp_path, json.dumps(row), "f.ndjson"))
    assert tuple(paths) == ROWS.key
    assert one.key == keys.of(row)


def test_columns_may_be_called_as_ours_with_constants_and_formats(tmp_path: Path) -> None:
    rows = RowsConfig.model_validate(
        {
            "key": ["item", "period_start"],
            "constants": {"unit": "EA"},
            "formats": {"date": "%d.%m.%Y"},
            "timezone": "Europe/Berlin",
        }
    )
    text = "item,period_start,quantity,revised_at\nA,23.11.2026,5,2026-11-21T02:30:00\n"
    [one] = said(written(tmp_path, text), rows)
    assert one.record == Forecast(
        item="A",
        period_start=date(2026, 11, 23),
        quantity=Decimal(5),
        unit="EA",
        revised_at=datetime(2026, 11, 21, 1, 30, tzinfo=UTC),
    )


def test_forms_of_a_file_say_the_same(tmp_path: Path) -> None:
    plain = written(
        tmp_path,
        HEAD
        + 'Ü"",DC,All,2026-11-23,,5,\n"a\nb",DC,All,2026-11-23,,6.50,\n'.replace('Ü""', '"Ü"""'),
    )
    expected = [(o.key, o.record) for o in said(plain)]
    assert [key.split("|")[0] for key, _ in expected] == ['Ü"', "a\nb"]
    text = plain.read_text(encoding="utf-8")
    crlf = text.replace("\n", "\r\n").replace("a\r\nb", "a\nb").encode()
    names = HEAD.strip().split(",")
    objects = [
        dict(zip(names, ['Ü"', "DC", "All", "2026-11-23", None, 5, None], strict=True)),
        dict(zip(names, ["a\nb", "DC", "All", "2026-11-23", "", "6.50", ""], strict=True)),
    ]
    ndjson = "\n\n".join(json.dumps(o, ensure_ascii=False) for o in objects).encode()
    for content in (
        b"\xef\xbb\xbf" + text.encode(),
        b"\n\r\n" + crlf,
        gzip.compress(text.encode()),
        text.rstrip("\n").encode(),
        ndjson,
        b"\xef\xbb\xbf" + ndjson + b"\r\n",
        gzip.compress(ndjson),
    ):
        found = said(written(tmp_path, content, "other"))
        assert [(o.key, o.record) for o in found] == expected


def test_numbers_in_json_are_exact(tmp_path: Path) -> None:
    text = (
        '{"item":"A","startdate":"2026-11-23","forecasttotal":0.1000000000000000055511151231257827}'
    )
    [one] = said(written(tmp_path, text))
    assert one.said("quantity") == Decimal("0.1000000000000000055511151231257827")


def test_a_file_may_be_only_so_long_unpacked(tmp_path: Path) -> None:
    file = written(tmp_path, gzip.compress(HEAD.encode() + line("A", "5").encode() * 10_000))
    assert file.stat().st_size < 10_000
    with pytest.raises(InvalidInputError, match="longer than bulk files may be"):
        list(RowFile(file, max_bytes=100_000).rows(()))
