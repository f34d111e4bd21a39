"""What operators look into and put right: dead letters, and events that are to be given again."""

from collections.abc import Awaitable, Sequence
from typing import Any, Final

from msgspec import Struct

from canonical.dead_letters import (
    DeadLetter,
    DeadLetters,
    EventSelection,
    LetterFilter,
    Redelivery,
    Replayed,
)
from canonical.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    SupplygraphError,
    UnsupportedError,
)
from canonical.events import Event
from execution.fields import Asked
from loaders.lists import Listed
from resolvers.commands import UserError
from resolvers.connections import Connection, page_size
from resolvers.context import RequestContext
from resolvers.visibility import sees_everything
from runtime.security.principal import Role

_REFUSALS: Final = (InvalidInputError, NotFoundError, ConflictError)
_NOT_HERE: Final = "this installation takes in no events: there is nothing to put right"


class LetterPayload(Struct, frozen=True):
    """What came of a decision on a dead letter."""

    preview: bool
    dead_letter: DeadLetter | None = None
    events: Sequence[Event] = ()
    user_errors: Sequence[UserError] = ()


class ReplayPayload(Struct, frozen=True):
    """What came of a replay."""

    given: int = 0
    left_out: int = 0
    user_errors: Sequence[UserError] = ()


async def dead_letters(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    filter: LetterFilter | None = None,
    first: int | None = None,
    after: str | None = None,
) -> list[Connection]:
    """A page of dead letters, the latest first."""
    letters = _letters(context)
    wanted = filter or LetterFilter()
    found = await letters.page(wanted, first=page_size(first, context), after=after)
    shown: Sequence[Any] = found.letters
    cursors = [x.letter_id for x in found.letters]
    listed = Listed(shown, cursors, found.more, found.total, (), after is not None)
    return [Connection(listed, shown) for _ in parents]


async def dead_letter(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, id: str
) -> list[DeadLetter | None]:
    """The dead letter with an id."""
    found = (await _letters(context).by_ids([id])).get(id)
    return [found for _ in parents]


async def replay_dead_letter(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    id: str,
    body: str | None = None,
    note: str | None = None,
    preview: bool = False,
) -> list[LetterPayload]:
    """Take a dead letter in, with another body if one is given; or tell what that would lead to."""
    letters, raw = _letters(context), None if body is None else body.encode()
    if preview:
        work: Awaitable[Redelivery] = letters.preview(id, raw)
    else:
        work = letters.replay(id, raw, actor=context.caller.subject, note=note)
    try:
        done = await work
    except _REFUSALS as exc:
        return [LetterPayload(preview, user_errors=[_user_error(exc)])]
    return [LetterPayload(preview, done.letter, done.events)]


async def discard_dead_letter(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, id: str, reason: str
) -> list[LetterPayload]:
    """Give a dead letter up."""
    letters = _letters(context)
    if not reason.strip():
        wrong = InvalidInputError("say why it is discarded: whoever looks later wants to know")
        return [LetterPayload(preview=False, user_errors=[_user_error(wrong, "reason")])]
    try:
        letter = await letters.discard(id, actor=context.caller.subject, reason=reason)
    except _REFUSALS as exc:
        return [LetterPayload(preview=False, user_errors=[_user_error(exc)])]
    return [LetterPayload(preview=False, dead_letter=letter)]


async def replay_events(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    selection: EventSelection,
    consumer: str,
) -> list[ReplayPayload]:
    """Give events of the log to one consumer once more."""
    actor = _operator(context)
    if context.replays is None:
        raise UnsupportedError(_NOT_HERE)
    if selection == EventSelection():
        wrong = InvalidInputError("select events: by ids, business key, types or time")
        return [ReplayPayload(user_errors=[_user_error(wrong, "selection")])]
    try:
        done: Replayed = await context.replays.replay(selection, consumer, actor=actor)
    except _REFUSALS as exc:
        return [ReplayPayload(user_errors=[_user_error(exc)])]
    return [ReplayPayload(done.given, done.left_out)]


def _letters(context: RequestContext) -> DeadLetters:
    _operator(context)
    if context.dead_letters is None:
        raise UnsupportedError(_NOT_HERE)
    return context.dead_letters


def _operator(context: RequestContext) -> str:
    """Who it is that puts things right, if it may: raw deliveries show what suppliers may not see.

    Nothing of it is shared or kept: the next answer must show what was decided before it.
    """
    caller = context.caller
    context.operation.personal = True
    if Role.OPERATOR not in caller.roles or not sees_everything(caller):
        raise RefusedError("only operators, not bound to suppliers, may see and decide this")
    return caller.subject


def _user_error(error: SupplygraphError, *field: str) -> UserError:
    return UserError(error.code, error.message, field or None)
