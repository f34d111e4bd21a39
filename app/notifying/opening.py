"""The outbox of a process, and what sends from it, as a manifest declares them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import SystemRandom

from app.beside import beside
from app.event_log import EventLog
from app.manifest.notifications import NotificationsConfig
from canonical.exceptions import Troubles
from connectors.kit.secrets import Vault
from runtime.notifications.outbox import OutboxRows
from workflows.notifications.outbox import Outbox, Silence
from workflows.notifications.ports import Notices
from workflows.notifications.sending import Sender


def notices_of(config: NotificationsConfig | None, log: EventLog) -> Notices:
    """What people are told through; nobody is told where a manifest says nothing of it."""
    if config is None:
        return Silence()
    return Outbox(OutboxRows(log.store), config.routing(), now=log.ledger.now)


@asynccontextmanager
async def sending(
    config: NotificationsConfig | None, vault: Vault, log: EventLog, troubles: Troubles
) -> AsyncIterator[None]:
    """Send what people are told while the block lasts.

    Args:
        config: By which channels; None for nothing.
        vault: Where their secrets are.
        log: Where the outbox is.
        troubles: Where it is reported that something cannot be sent.

    Raises:
        ValueError: if a secret is not there, or does not fit its channel.
    """
    if config is None:
        yield
        return
    sender = Sender(
        OutboxRows(log.store),
        log.leases,
        holder=log.member,
        channels=config.ways(vault, log.ledger.now),
        troubles=troubles,
        pace=config.pace(),
        now=log.ledger.now,
        random=SystemRandom(),
    )
    async with beside(sender.run()):
        yield
