"""The two installations in the variants that are measured: what is kept between requests."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final

import yaml

KIT: Final = Path(__file__).parent / "kit" / "manifest.yaml"
HOUSE: Final = Path(__file__).with_name("house.yaml")

_LIMITS: Final = {
    "max_page_size": 10_000,
    "operation_timeout_s": 60,
    "rate_per_s": None,  # all load comes from one caller
    "max_cost": 100_000_000,
}


class Keeping(Enum):
    """What is kept between requests."""

    NOTHING = "nothing"
    """No record, no answer; equal requests at the same moment are two."""
    IN_FLIGHT = "in flight"
    """No record, no answer; equal requests at the same moment share one execution, as shipped."""
    RECORDS = "records"
    """Records for as long as they are fresh by default; no answers, and nothing shared."""
    ANSWERS = "answers"
    """Everything, as shipped."""


def write_manifest(source: Path, keeping: Keeping, folder: Path) -> Path:
    """Write a variant of a manifest into a folder."""
    document = yaml.safe_load(source.read_text(encoding="utf-8"))
    target = folder / f"{source.stem}-{keeping.name.lower()}.yaml"
    target.write_text(yaml.safe_dump(varied(document, keeping), sort_keys=False), encoding="utf-8")
    return target


def varied(document: Mapping[str, Any], keeping: Keeping) -> dict[str, Any]:
    """A manifest that keeps what is said."""
    made: dict[str, Any] = {**document, "limits": _LIMITS}
    if keeping in {Keeping.NOTHING, Keeping.IN_FLIGHT}:
        unkept = {"freshness_s": 0, "grace_s": 0}
        made["entities"] = {n: {**entity, **unkept} for n, entity in made["entities"].items()}
    if keeping is not Keeping.ANSWERS:
        answers = {"enabled": False, "share_in_flight": keeping is Keeping.IN_FLIGHT}
        made["cache"] = {**made.get("cache", {}), "answers": answers}
    return made
