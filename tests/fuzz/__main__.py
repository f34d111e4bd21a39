"""schemathesis over the published schema, against a whole house: `make fuzz MINUTES=10`.

It makes up questions from the schema and asks them of a server over the sandbox's systems, as a
planner, a supplier, an operator and an auditor in turn. What must not be in an answer is in
`tests.fuzz.checks`.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from runtime.embedded.valkey import embedded_valkey
from runtime.security.principal import Role
from sandbox.launch import Sandbox
from tests.journeys.house import ROOT, House, environment, open_house

_CHECKS: Final = "answered,nothing_inside,errors_are_told"
_ROLES: Final = (Role.PLANNER, Role.SUPPLIER, Role.OPERATOR, Role.AUDITOR)
_KNOWN: Final = """{
  items(first: 3) { nodes { id sku } pageInfo { endCursor } }
  suppliers(first: 3) { nodes { id code } }
  locations(first: 3) { nodes { id code } }
  purchaseOrders(first: 5) { nodes { id number } pageInfo { endCursor } }
}"""


async def main() -> int:
    """Run it.

    Returns:
        0 if nothing was found, 1 if something was.
    """
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0, help="0 for another one each time")
    parser.add_argument("--schemathesis", type=Path, default=ROOT / ".fuzz/bin/schemathesis")
    given = parser.parse_args()
    today = datetime.now(UTC).date()
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(
            seed=7, size=0.05, today=today, options={"coupa": ["--burst", "100000"]}
        ) as sandbox,
    ):
        async with (
            embedded_valkey() as redis_url,
            open_house(sandbox, Path(folder), redis_url) as house,
        ):
            codes = [await _tried(given, house, role) for role in _ROLES]
            status, _ = await house.ready()
    return 0 if status == 200 and not any(codes) else 1


async def _tried(given: argparse.Namespace, house: House, role: Role) -> int:
    """What schemathesis comes to, as one role."""
    suppliers = [house.sandbox.world.suppliers[0].number] if role is Role.SUPPLIER else None
    token = house.token(role, suppliers)
    known = (await house.ask(_KNOWN)).data
    systems = environment(house.sandbox, "", "")
    hidden = [v for name, v in systems.items() if name.endswith(("_URL", "_PASSWORD")) and v]
    seconds = max(1, round(given.minutes * 60 / len(_ROLES)))
    seed = ["--seed", str(given.seed)] if given.seed else []
    process = await asyncio.create_subprocess_exec(
        given.schemathesis,
        *("run", f"{house.client.base_url}/graphql", "--checks", _CHECKS, *seed),
        *("--max-time", str(seconds), "--continue-on-failure", "--no-color"),
        *("--header", f"Authorization: Bearer {token}", "--generation-database", "none"),
        cwd=ROOT,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.fuzz.checks",
            "PYTHONPATH": str(ROOT),
            "FUZZ_HIDDEN": "\n".join(hidden),
            "FUZZ_KNOWN": "\n".join(_leaves(known)),
        },
    )
    return await process.wait()


def _leaves(data: Any) -> list[str]:
    """All texts in an answer."""
    if isinstance(data, dict | list):
        inner = data.values() if isinstance(data, dict) else data
        return [text for each in inner for text in _leaves(each)]
    return [data] if isinstance(data, str) else []


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
