"""A process that audits: `python -m tests.events.appender ADDRESS NAME COUNT`."""

import asyncio
import sys

from canonical.audit import AuditEntry
from runtime.audit.log import AuditLog
from runtime.store.settings import StoreSettings
from runtime.store.store import Store


async def main(address: str, name: str, count: int) -> None:
    """Append entries, some at a time."""
    store = Store(StoreSettings(url=address))
    log = AuditLog(store)
    for number in range(0, count, 5):
        await asyncio.gather(
            *(log.append(AuditEntry(actor=name, action=f"{number + n}")) for n in range(5))
        )
    await log.aclose()
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
