"""Which keys in the three systems mean the same thing, written as CSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.world import World

BACKEND_NAMES: Mapping[str, str] = {
    "s4": "erp",
    "coupa": "procurement",
    "frepple": "planning",
}


def write_crosswalks(
    world: World, folder: Path, names: Mapping[str, str] = BACKEND_NAMES
) -> dict[str, Path]:
    """Write items.csv, suppliers.csv and locations.csv: canonical key, then one column a backend.

    Args:
        world: Whose keys.
        folder: Where to; made if it is not there. Files of the same name are replaced.
        names: What each of s4, coupa and frepple is called in the column heads.

    Returns:
        The files by entity: items, suppliers, locations.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, Iterable[tuple[str, str, str]]] = {
        "items": ((item.number, item.coupa_number, item.number) for item in world.items),
        "suppliers": ((s.number, s.coupa_number, s.planning_name) for s in world.suppliers),
        "locations": ((plant.code, plant.coupa_code, plant.name) for plant in world.plants),
    }
    head = ("canonical", names["s4"], names["coupa"], names["frepple"])
    return {entity: _write(folder / f"{entity}.csv", head, keys) for entity, keys in rows.items()}


def _write(path: Path, head: tuple[str, ...], keys: Iterable[tuple[str, str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows((canonical, canonical, *rest) for canonical, *rest in keys)
    return path
