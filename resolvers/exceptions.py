"""What people have to look at: exceptions, and what is decided on them.

Suppliers see none. Who is bound to regions or companies sees those that name some and none but
theirs, and decides on no others.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from canonical.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    UnsupportedError,
)
from canonical.exceptions import ExceptionDesk, ExceptionFilter, SupplyException, named
from execution.fields import Asked
from loaders.lists import Listed
from resolvers.commands import UserError
from resolvers.connections import Connection, page_size
from resolvers.context import RequestContext
from resolvers.events import Shown
from resolvers.visibility import admitted, sees_everything

_ALL: Final = ExceptionFilter()
_REFUSALS: Final = (InvalidInputError, NotFoundError, ConflictError)


class ExceptionPayload(Struct, frozen=True):
    """What came of a decision on an exception."""

    exception: SupplyException | None = None
    user_errors: Sequence[UserError] = ()


async def exceptions(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    filter: ExceptionFilter | None = None,
    first: int | None = None,
    after: str | None = None,
) -> list[Connection]:
    """A page of exceptions, the latest opened first."""
    context.operation.personal = True  # not kept: the next answer shows what is decided by then
    desk, wanted = _desk(context), _within(context, filter or _ALL)
    found = await desk.page(wanted, first=page_size(first, context), after=after)
    shown: Sequence[Any] = found.exceptions
    cursors = [each.exception_id for each in found.exceptions]
    listed = Listed(shown, cursors, found.more, found.total, (), after is not None)
    return [Connection(listed, shown) for _ in parents]


async def exception(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, id: str
) -> list[SupplyException | None]:
    """The exception with an id."""
    context.operation.personal = True  # as above
    found = (await seen(context, [id])).get(id)
    return [found for _ in parents]


async def told_of(
    context: RequestContext, parents: Sequence[Shown], asked: Asked
) -> list[SupplyException | NotFoundError]:
    """The exception that each event is about, as it is now."""
    found = await seen(context, [p.event.key for p in parents])
    return [found.get(p.event.key) or _unknown(p.event.key) for p in parents]


async def seen(context: RequestContext, ids: Sequence[str]) -> dict[str, SupplyException]:
    """Exceptions by id; without those that are not there, or that the caller may not see."""
    found = await _desk(context).by_ids(ids)
    return {name: each for name, each in found.items() if _may_see(context, each)}


async def open_now(
    context: RequestContext, wanted: ExceptionFilter, most: int
) -> tuple[Sequence[SupplyException], bool]:
    """Exceptions that a caller may see, the latest opened first, and whether there are more."""
    page = await _desk(context).page(_within(context, wanted), first=most, after=None)
    return page.exceptions, page.more


async def assign_exception(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, input: Any
) -> list[ExceptionPayload]:
    """Give an exception to somebody."""
    return await _decided(
        context, input.id, lambda desk, actor: desk.assign(input.id, input.owner, actor=actor)
    )


async def comment_exception(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, input: Any
) -> list[ExceptionPayload]:
    """Say something to an exception."""
    return await _decided(
        context, input.id, lambda desk, actor: desk.comment(input.id, input.text, actor=actor)
    )


async def retry_exception(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, input: Any
) -> list[ExceptionPayload]:
    """Have the process that waits for an exception try again."""
    return await _decided(context, input.id, lambda desk, actor: desk.retry(input.id, actor=actor))


async def resolve_exception(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, input: Any
) -> list[ExceptionPayload]:
    """Say that an exception is settled, and how."""
    return await _decided(
        context, input.id, lambda desk, actor: desk.resolve(input.id, input.text, actor=actor)
    )


async def cancel_exception(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, input: Any
) -> list[ExceptionPayload]:
    """Give up the process that waits for an exception."""
    return await _decided(
        context, input.id, lambda desk, actor: desk.cancel(input.id, input.reason, actor=actor)
    )


async def _decided(
    context: RequestContext,
    exception_id: str,
    decide: Callable[[ExceptionDesk, str], Awaitable[SupplyException]],
) -> list[ExceptionPayload]:
    """Decide on an exception, if the caller may see it at all."""
    context.operation.personal = True  # whoever decides is in the answer
    desk = _desk(context)
    try:
        if exception_id not in await seen(context, [exception_id]):
            raise _unknown(exception_id)
        decided = await decide(desk, context.caller.subject)
    except _REFUSALS as exc:
        return [ExceptionPayload(user_errors=[UserError(exc.code, exc.message)])]
    return [ExceptionPayload(decided)]


def _desk(context: RequestContext) -> ExceptionDesk:
    """The desk, if the caller may come to it."""
    if not sees_everything(context.caller):
        raise RefusedError("suppliers may not see exception data")
    desk = context.processing.exceptions
    if desk is None:
        raise UnsupportedError("this installation runs no processes: there are no exceptions")
    return desk


def _within(context: RequestContext, wanted: ExceptionFilter) -> ExceptionFilter:
    territory = context.reads.context.territory
    regions, companies = territory.regions, territory.companies
    return replace(
        wanted,
        regions=None if regions is None else tuple(sorted(regions)),
        companies=None if companies is None else tuple(sorted(companies)),
    )


def _may_see(context: RequestContext, exception: SupplyException) -> bool:
    territory, subjects = context.reads.context.territory, exception.subjects
    return admitted(named(subjects, "region"), territory.regions) and admitted(
        named(subjects, "company"), territory.companies
    )


def _unknown(exception_id: str) -> NotFoundError:
    return NotFoundError(f"there is no exception {exception_id!r}, or you may not see it")
