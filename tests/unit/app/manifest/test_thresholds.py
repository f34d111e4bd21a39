"""What a manifest may say of thresholds of stock."""

from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from app.manifest.thresholds import rules_of
from app.threshold_figures import crossings_of
from loaders.keyed import KeyedReader
from runtime.events.ledger import Ledger
from tests.unit.app.manifest.sound import SOUND, load, wrong
from workflows.ingestion.thresholds import Level, Rule

_UNITS = "units:\n"
_WITH_STOCK = SOUND.replace(
    "entities:\n  item:", "entities:\n  inventory: {sources: [erp]}\n  item:"
)


def test_safety_stock_is_watched_where_nothing_is_said(tmp_path: Path) -> None:
    manifest = load(tmp_path).manifest
    assert rules_of(manifest.thresholds) == [
        Rule(name="safety_stock", below=Level.SAFETY_STOCK, recover_at=Decimal("1.1"))
    ]


def test_rules_are_read_in_their_order_with_exact_numbers(tmp_path: Path) -> None:
    text = """\
thresholds:
  - {name: safety_stock, below: 12.5, recover_at: 1.25, categories: [bolts], regions: [EU]}
  - {name: safety_stock}
  - {name: reorder, below: reorder_point, items: [A], locations: [L1]}
"""
    assert rules_of(load(tmp_path, SOUND + text).manifest.thresholds) == [
        Rule(
            name="safety_stock",
            below=Decimal("12.5"),
            recover_at=Decimal("1.25"),
            categories=frozenset({"bolts"}),
            regions=frozenset({"EU"}),
        ),
        Rule(name="safety_stock"),
        Rule(
            name="reorder",
            below=Level.REORDER_POINT,
            items=frozenset({"A"}),
            locations=frozenset({"L1"}),
        ),
    ]


@pytest.mark.parametrize(
    "rules, said",
    [
        ("[{name: s, below: stock}]", "give safety_stock or reorder_point, or a quantity"),
        ("[{name: s, below: -1}]", "give safety_stock or reorder_point, or a quantity of 0 or"),
        ("[{name: s, below: true}]", "give safety_stock or reorder_point, or a quantity of 0 or"),
        ("[{name: s, recover_at: 0.9}]", "recover_at"),
        ("[{name: S tock}]", "name"),
        ("[{name: s, belo: 3}]", "belo"),
        ("[{name: s}, {name: s, items: [A]}]", "s: an earlier rule of this name is for all"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_stands(
    tmp_path: Path, rules: str, said: str
) -> None:
    [problem] = wrong(tmp_path, (_UNITS, f"thresholds: {rules}\n{_UNITS}"))
    line = 1 + SOUND[: SOUND.index(_UNITS)].count("\n")
    assert problem.startswith(f"{line}: thresholds")
    assert said in problem


@pytest.mark.parametrize(
    "text, watched",
    [(_WITH_STOCK, True), (_WITH_STOCK + "thresholds: []\n", False), (SOUND, False)],
)
def test_thresholds_are_watched_where_they_are_declared_and_stock_is_known(
    tmp_path: Path, text: str, *, watched: bool
) -> None:
    keyed, ledger = cast("KeyedReader", None), cast("Ledger", None)  # nothing is read yet
    assert (crossings_of(load(tmp_path, text).manifest, keyed, ledger) is not None) is watched
