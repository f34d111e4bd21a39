"""API keys in the store: made, listed, revoked and replaced; each change with its audit entry."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from secrets import token_bytes
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from canonical.audit import AuditEntry
from canonical.errors import ConflictError, NotFoundError
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from runtime.security.key_texts import RandomBytes, new_key, presented
from runtime.security.principal import Role
from runtime.store.questions import among, many
from runtime.store.store import Store
from runtime.store.tables import API_KEYS


class Grants(Struct, frozen=True, kw_only=True):
    """What the holder of a key is and may see; as with principals, None is all."""

    roles: frozenset[Role]
    scopes: frozenset[str] = frozenset()
    suppliers: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    companies: tuple[str, ...] | None = None


class KeyRecord(Struct, frozen=True, kw_only=True):
    """What is kept of a key.

    Attributes:
        key_id: Its public part.
        name: The machine that holds it; while one is replaced, two keys have the same.
        digest: What it is known by.
        grants: What its holder may do.
        created_by: Who made it.
        created_at: When.
        expires_at: When it ends.
        last_used_at: When it was used, to some minutes; None if it never was.
        revoked_at: When it was revoked; None if it was not.
    """

    key_id: str
    name: str
    digest: bytes
    grants: Grants
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if self.expires_at > now else "expired"


class NewKey(Struct, frozen=True):
    """A key that was just made: the only time that its text is known here."""

    text: str
    record: KeyRecord


class KeyOrder(Struct, frozen=True, kw_only=True):
    """A key that somebody wants.

    Attributes:
        name: The machine that will hold it.
        grants: What it may do.
        expires_at: When it ends.
        actor: Who wants it.
    """

    name: str
    grants: Grants
    expires_at: datetime
    actor: str


_GRANTS: Final = msgspec.json.Decoder(Grants)
_T: Final = API_KEYS.c


async def keys_by_id(store: Store, key_ids: Collection[str]) -> Mapping[str, KeyRecord]:
    """Keys by id, in one question; those that are not there are left out."""
    query = sa.select(API_KEYS).where(among(_T.id, "ids", store.dialect))
    query = query.params(ids=many(set(key_ids), store.dialect))
    rows = await store.read(lambda connection: connection.execute(query))
    return {row.id: _record(row) for row in rows}


async def note_use(store: Store, used: Mapping[str, datetime]) -> None:
    """Write down when keys were used last."""
    change = (
        sa.update(API_KEYS)
        .where(_T.id == sa.bindparam("of"))
        .values(last_used_at=sa.bindparam("at"))
    )
    rows = [{"of": key_id, "at": at} for key_id, at in sorted(used.items())]
    if rows:
        await store.write(lambda connection: connection.execute(change, rows))


class KeyDesk:
    """Where operators make, look at and revoke keys.

    Args:
        ledger: Writes changes together with their audit entries.
        random: For keys.
    """

    def __init__(self, ledger: Ledger, random: RandomBytes = token_bytes) -> None:
        self._ledger = ledger
        self._random = random

    async def all(self) -> Sequence[KeyRecord]:
        """All keys, those revoked and expired too, by name and then the latest first."""
        query = sa.select(API_KEYS).order_by(_T.name, _T.created_at.desc(), _T.id)
        rows = await self._ledger.store.read(lambda connection: connection.execute(query))
        return [_record(row) for row in rows]

    async def create(self, order: KeyOrder) -> NewKey:
        """Make a key.

        Raises:
            ConflictError: there is a machine of that name that has a key already.
        """
        text = new_key(self._random)  # the same if the work is done again

        async def work(writing: Writing) -> NewKey:
            query = sa.select(API_KEYS).where(_T.name == order.name)
            now = writing.moment
            for row in await writing.connection.execute(query):
                if _record(row).state(now) == "active":
                    raise ConflictError(
                        f"{order.name} has a key already: rotate {row.id}, or choose another name"
                    )
            return await _made(writing, text, order, "api_key.created", {})

        return await self._ledger.write(work)

    async def revoke(self, key_id: str, *, actor: str, reason: str) -> KeyRecord:
        """Revoke a key; one that has expired too, so that nobody need wonder.

        Raises:
            NotFoundError: there is no such key.
            ConflictError: it is revoked already.
        """

        async def work(writing: Writing) -> KeyRecord:
            record = await _one(writing, key_id)
            if record.revoked_at is not None:
                raise ConflictError(f"key {key_id} is revoked already")
            now = writing.moment
            change = sa.update(API_KEYS).where(_T.id == key_id).values(revoked_at=now)
            await writing.connection.execute(change)
            details = {"name": record.name, "reason": reason}
            await _audit(writing, actor, "api_key.revoked", key_id, details)
            return msgspec.structs.replace(record, revoked_at=now)

        return await self._ledger.write(work)

    async def rotate(
        self, key_id: str, *, expires_at: datetime, old_until: datetime, actor: str
    ) -> NewKey:
        """Make a key that may do what another does, which ends soon.

        Args:
            key_id: The key to be replaced.
            expires_at: When the new one ends.
            old_until: When the old one ends, unless it does so before.
            actor: Who wants it.

        Raises:
            NotFoundError: there is no such key.
            ConflictError: it is revoked.
        """
        text = new_key(self._random)

        async def work(writing: Writing) -> NewKey:
            old = await _one(writing, key_id)
            if old.revoked_at is not None:
                raise ConflictError(f"key {key_id} is revoked: create a new one")
            ends = min(old.expires_at, old_until)
            change = sa.update(API_KEYS).where(_T.id == key_id).values(expires_at=ends)
            await writing.connection.execute(change)
            order = KeyOrder(name=old.name, grants=old.grants, expires_at=expires_at, actor=actor)
            replaced = {"replaces": key_id, "old_until": ends.isoformat()}
            return await _made(writing, text, order, "api_key.rotated", replaced)

        return await self._ledger.write(work)


async def _made(
    writing: Writing, text: str, order: KeyOrder, action: str, details: Mapping[str, Any]
) -> NewKey:
    key = presented(text)
    record = KeyRecord(
        key_id=key.key_id,
        name=order.name,
        digest=key.digest,
        grants=order.grants,
        created_by=order.actor,
        created_at=writing.moment,
        expires_at=order.expires_at,
    )
    row = msgspec.structs.asdict(record)
    row |= {
        "id": row.pop("key_id"),
        "grants": msgspec.json.encode(record.grants, order="sorted").decode(),
    }
    await writing.connection.execute(sa.insert(API_KEYS), row)
    grants = msgspec.to_builtins(order.grants, order="sorted")
    told = {"name": order.name, "grants": grants, "expires_at": order.expires_at.isoformat()}
    await _audit(writing, order.actor, action, key.key_id, {**told, **details})
    return NewKey(text, record)


async def _one(writing: Writing, key_id: str) -> KeyRecord:
    query = sa.select(API_KEYS).where(_T.id == key_id).with_for_update()
    row = (await writing.connection.execute(query)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no key {key_id!r}")
    return _record(row)


async def _audit(
    writing: Writing, actor: str, action: str, key_id: str, details: Mapping[str, Any]
) -> None:
    subject = f"api_key:{key_id}"
    await writing.audit(AuditEntry(actor=actor, action=action, subject=subject, details=details))


def _record(row: Any) -> KeyRecord:
    return KeyRecord(
        key_id=row.id,
        name=row.name,
        digest=row.digest,
        grants=_GRANTS.decode(row.grants),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
