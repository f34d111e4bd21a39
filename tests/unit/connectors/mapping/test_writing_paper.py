"""docs/writing.md is true: what it shows is understood, and its tables name what there is."""

import re
from pathlib import Path
from typing import Any

import yaml

from canonical.entities import EntityName
from connectors.kit.mapping.model import EntityMapping
from connectors.kit.mapping.sending import ORDER, ORDER_LINE, STEP, STEP_LINE
from connectors.kit.mapping.sendplan import write_plans
from connectors.kit.mapping.writes import SendForm, Writes
from connectors.rest.styles import WriteStyle

PAPER = (Path(__file__).parents[4] / "docs" / "writing.md").read_text(encoding="utf-8")
BLOCKS: list[dict[str, Any]] = [
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAPER, re.DOTALL)
]


def test_its_order_is_told_as_it_says() -> None:
    mapping = EntityMapping.model_validate(BLOCKS[0]["purchase_order"])
    plans = write_plans(EntityName.PURCHASE_ORDER, mapping)
    assert plans.mistakes == []
    assert plans.create is not None
    assert {sent.path for sent in plans.create.sent} == {
        "supplier", "currency", "ordered", "po_no", "state", "row_version",
    }  # fmt: skip
    assert {sent.path for sent in plans.create.lines} == {
        "line_no", "sku", "site", "qty", "uom", "price", "due",
    }  # fmt: skip


def test_its_fragments_are_understood() -> None:
    release, style, publish = BLOCKS[1:]
    Writes.model_validate({**release, "released": {"state": "sent"}})
    WriteStyle.model_validate(style["writes"])
    assert Writes.model_validate(publish).publish is not None


def test_it_names_every_column_and_every_form() -> None:
    columns = {*ORDER, *ORDER_LINE}
    for named in (*STEP.values(), *STEP_LINE.values()):
        columns |= set(named)
    shown = set(re.findall(r"`(\w+)`", PAPER))
    assert columns <= shown
    forms = set(SendForm.model_fields) - {"column", "row", "const", "find", "plus_months"}
    assert forms <= shown
    told = set(Writes.model_fields)
    assert told <= shown
