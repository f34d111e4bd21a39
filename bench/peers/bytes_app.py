"""Bytes made beforehand, bare ASGI: the least that uvicorn can do. BENCH_BYTES names the file.

The file holds a JSON list of [request body, answer].
"""

import json
import os
from pathlib import Path
from typing import Any

ANSWERS = {
    body.encode(): answer.encode()
    for body, answer in json.loads(Path(os.environ["BENCH_BYTES"]).read_text(encoding="utf-8"))
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Look the body up."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    answer = ANSWERS[body]
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
