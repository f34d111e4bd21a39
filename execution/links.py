"""Links: fields that are answered for all their parents at once, declared once on the type.

A link's batch resolver gets the context, the list of parents, what is asked of the records
(`Asked`) and the field's arguments, and returns one result per parent: a value, a `Partial`, or an
error for that parent alone. Here a link is put into an ordinary strawberry field, whose resolver
queues its parent in the link's loader.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Annotated, Any, Final

import strawberry
from aiodataloader import DataLoader, Loader, dispatch_queue_batch
from graphql import GraphQLResolveInfo
from msgspec import Struct
from strawberry.types import Info
from typing_extensions import override

from canonical.errors import SupplygraphError
from execution.operation import BatchError, OperationContext, Partial, Path
from execution.selection import Columns, selected_columns, selects

BatchResolver = Callable[..., Awaitable[Sequence[Any]]]
"""`async (context, parents, asked, **arguments) -> results`, in the parents' order."""


class Asked(Struct, frozen=True):
    """What a selection wants of the records that a link answers with.

    Attributes:
        columns: Record columns, dotted where structured.
        total: Whether a connection's `totalCount` is wanted.
    """

    columns: frozenset[str]
    total: bool = False


class Argument(Struct, frozen=True):
    """One argument of a link.

    Attributes:
        type: Its GraphQL type as a Python annotation.
        description: For readers of the schema.
        default: Its default; left out of the call where it has none and is not given.
        name: Its GraphQL name, where the parameter's cannot be it.
    """

    type: Any
    description: str
    default: Any = strawberry.UNSET
    name: str | None = None


class _Queued(Struct, frozen=True, eq=False):
    parent: Any
    asked: Asked
    path: Path


def column(description: str, *names: str, inside: str | None = None) -> Any:
    """A field that reads columns of the record it stands on.

    Args:
        description: For readers of the schema.
        names: The columns; none for a transparent field.
        inside: Prefix of what its subselection describes: the column itself where it is structured,
            "" where the same record is described further down.
    """
    return strawberry.field(description=description, metadata={"columns": Columns(names, inside)})


def computed(resolver: Callable[..., Any], description: str, *needs: str) -> Any:
    """A field worked out from columns of its own record alone, without reading anything."""
    return strawberry.field(
        resolver=resolver, description=description, metadata={"columns": Columns(needs)}
    )


def link(
    batch: BatchResolver,
    returns: Any,
    description: str,
    *needs: str,
    arguments: Mapping[str, Argument] | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """A field that is answered by other records, for all parents at once.

    Args:
        batch: The batch resolver.
        returns: The field's GraphQL type as a Python annotation.
        description: For readers of the schema.
        needs: Columns of the parent that the batch resolver starts from.
        arguments: The field's arguments. Inputs with a method `canonical` are handed over as what
            it returns.
        deprecation_reason: Why and by what it is replaced, if it is.
    """
    taken = dict(arguments or {})

    def resolve(root: Any, info: Info[Any, Any], **given: Any) -> Awaitable[Any]:
        return _queue(batch, root, info, given)

    declare(resolve, returns, taken)
    return strawberry.field(
        resolver=resolve,
        description=description,
        deprecation_reason=deprecation_reason,
        metadata={"columns": Columns(needs), "link": batch},
    )


def declare(resolve: Any, returns: Any, arguments: Mapping[str, Argument]) -> None:
    """Give a resolver that takes any arguments the signature that strawberry publishes."""
    kinds = inspect.Parameter
    parameters = [
        kinds("root", kinds.POSITIONAL_OR_KEYWORD, annotation=Any),
        kinds("info", kinds.POSITIONAL_OR_KEYWORD, annotation=Info),
    ]
    for name, argument in arguments.items():
        details = strawberry.argument(description=argument.description, name=argument.name)
        annotation = Annotated[argument.type, details]  # type: ignore[name-defined]  # known at run time
        default = kinds.empty if argument.default is REQUIRED else argument.default
        parameters.append(kinds(name, kinds.KEYWORD_ONLY, default=default, annotation=annotation))
    resolve.__signature__ = inspect.Signature(parameters, return_annotation=returns)
    resolve.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": returns}


REQUIRED: Final[Any] = object()
"""Default of an argument that must be given."""


def _queue(
    batch: BatchResolver, root: Any, info: Info[Any, Any], given: Mapping[str, Any]
) -> Awaitable[Any]:
    context: OperationContext = info.context
    operation = context.operation
    raw: GraphQLResolveInfo[Any] = info._raw_info  # noqa: SLF001  strawberry hides the field nodes
    arguments = {
        name: _canonical(value)
        for name, value in given.items()
        if value is not None and value is not strawberry.UNSET
    }
    asked = operation.once(("asked", *map(id, raw.field_nodes)), lambda: _asked(raw))
    path = tuple(raw.path.as_list())
    key = (batch, _frozen(arguments))
    loader = operation.once(key, lambda: _LinkLoader(context, batch, arguments))
    return loader.load(_Queued(root, asked, path))


def _canonical(value: Any) -> Any:
    if isinstance(value, list):
        return [_canonical(v) for v in value]
    return value.canonical() if hasattr(value, "canonical") else value


def _asked(info: GraphQLResolveInfo[Any]) -> Asked:
    return Asked(selected_columns(info), selects(info, "totalCount"))


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple(sorted((k, _frozen(v)) for k, v in value.items()))
    if isinstance(value, list | tuple):
        return (type(value).__name__, *(_frozen(v) for v in value))
    if is_dataclass(value):
        return (type(value).__name__, _frozen(vars(value)))
    return value


class _LinkLoader(DataLoader[_Queued, Any]):
    """Gathers the parents of one link with the same arguments, and hands each its own result."""

    cache = False

    def __init__(
        self, context: OperationContext, batch: BatchResolver, arguments: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self._context = context
        self._batch = batch
        self._arguments = arguments

    @override
    def do_resolve_reject(self, key: _Queued, future: "asyncio.Future[Any]") -> None:
        """Queue a parent until the operation's level is complete."""
        scheduler = self._context.operation.scheduler
        self._queue.append(Loader(key=key, future=future))
        if len(self._queue) == 1:
            scheduler.submit(self._dispatch)
        else:
            scheduler.touch()

    def _dispatch(self) -> None:
        queue, self._queue = self._queue, []
        self._context.operation.scheduler.start(dispatch_queue_batch(self, queue))

    @override
    async def batch_load_fn(self, keys: list[_Queued]) -> list[Any]:
        """Run the batch resolver once for all parents."""
        unique = {id(q.parent): q.parent for q in keys}
        asked = Asked(
            frozenset(c for q in keys for c in q.asked.columns), any(q.asked.total for q in keys)
        )
        try:
            results = await self._batch(
                self._context, list(unique.values()), asked, **self._arguments
            )
            by_parent = dict(zip(unique, results, strict=True))
        except Exception as exc:  # noqa: BLE001  # whatever it is, each parent's field reports it
            by_parent = dict.fromkeys(unique, exc)
        return [self._own_result(q, by_parent[id(q.parent)]) for q in keys]

    def _own_result(self, queued: _Queued, result: Any) -> Any:
        if isinstance(result, Partial):
            for problem in result.problems:
                self._context.operation.report(problem, queued.path)
            result = result.value
        return _own(result) if isinstance(result, Exception) else result


def _own(error: Exception) -> Exception:
    """Give each field an error of its own: one that is raised many times grows each time."""
    if isinstance(error, SupplygraphError):
        copy = error.__class__.__new__(error.__class__)
        copy.__dict__.update(error.__dict__)
        copy.args = error.args
        copy.__cause__ = error
        return copy
    fault = BatchError()
    fault.__cause__ = error
    return fault
