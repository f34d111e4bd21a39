"""Declaring fields: columns, computed fields and links, once, for both ways of running a query.

A field declared here is an ordinary strawberry field. Its metadata says how it is answered for all
parents at once, which is what the planned executor goes by. Its resolver serves graphql-core, which
comes with one parent at a time: parents of a link at the same place of the query queue in the
link's loader until the level is complete.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Annotated, Any, Final

import strawberry
from aiodataloader import DataLoader, Loader, dispatch_queue_batch
from graphql import GraphQLError, GraphQLResolveInfo
from msgspec import Struct
from strawberry.types import Info
from typing_extensions import override

from canonical.errors import SupplygraphError
from execution.fields import (
    Asked,
    BatchResolver,
    Column,
    Columns,
    Computation,
    Computed,
    Link,
    Reference,
)
from execution.operation import BatchError, OperationContext, Partial, Path
from execution.selection import Selections


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


def attribute(source: Column, returns: Any, description: str, *names: str) -> Any:
    """A field that is an attribute of something within its parent.

    Args:
        source: Which attribute, and how it is read of one parent.
        returns: The field's GraphQL type as a Python annotation.
        description: For readers of the schema.
        names: The columns that it reads.
    """

    def read(root: Any) -> Any:
        return source.read(root)

    read.__annotations__ = {"return": returns}
    metadata = {"columns": Columns(names), "answer": source}
    return strawberry.field(resolver=read, description=description, metadata=metadata)


def computed(
    batch: Computation, returns: Any, description: str, *needs: str, inside: str | None = None
) -> Any:
    """A field worked out from columns of its own record alone, without reading anything.

    Args:
        batch: Works it out for many parents.
        returns: The field's GraphQL type as a Python annotation.
        description: For readers of the schema.
        needs: The columns.
        inside: As of `column`.
    """

    def work_out(root: Any) -> Any:
        [result] = batch([root])
        if isinstance(result, Exception):
            raise result
        return result

    work_out.__annotations__ = {"return": returns}
    metadata = {"columns": Columns(needs, inside), "answer": Computed(batch)}
    return strawberry.field(resolver=work_out, description=description, metadata=metadata)


def link(
    batch: BatchResolver,
    returns: Any,
    description: str,
    *needs: str,
    arguments: Mapping[str, Argument] | None = None,
    reference: Reference | None = None,
    separate: bool = True,
) -> Any:
    """A field that is answered by other records, for all parents at once.

    The batch resolver gets the context, the list of parents, what is asked of the records (`Asked`)
    and the field's arguments, and returns one result per parent: a value, a `Partial`, or an error
    for that parent alone.

    Args:
        batch: The batch resolver.
        returns: The field's GraphQL type as a Python annotation.
        description: For readers of the schema.
        needs: Columns of the parent that the batch resolver starts from.
        arguments: The field's arguments. Inputs with a method `canonical` are handed over as what
            it returns.
        reference: What the parents tell of the records before these are read.
        separate: Whether a parent's answer is the same whoever else is asked for with it.
    """
    taken = dict(arguments or {})

    def resolve(root: Any, info: Info[Any, Any], **given: Any) -> Awaitable[Any]:
        return _queue(batch, root, info, given)

    declare(resolve, returns, taken)
    return strawberry.field(
        resolver=resolve,
        description=description,
        metadata={"columns": Columns(needs), "answer": Link(batch, reference, separate)},
    )


def heard(
    returns: Any, description: str, *, arguments: Mapping[str, Argument] | None = None
) -> Any:
    """The field of a subscription: each event is the root's value, and this field's.

    What its arguments choose is sent to it; they are read when the subscription is opened.

    Args:
        returns: The field's GraphQL type as a Python annotation.
        description: For readers of the schema.
        arguments: The field's arguments, handed over as those of a link.
    """

    def tell(root: Any, info: Info[Any, Any], **_: Any) -> Any:  # noqa: ARG001  # by these names
        return root

    declare(tell, returns, dict(arguments or {}))
    metadata = {"columns": Columns(), "answer": Computed(lambda events: events)}
    return strawberry.field(resolver=tell, description=description, metadata=metadata)


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


def canonical_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """A field's arguments as batch resolvers take them: none that is null or was left out."""
    return {
        name: _canonical(value)
        for name, value in given.items()
        if value is not None and value is not strawberry.UNSET
    }


def _canonical(value: Any) -> Any:
    if isinstance(value, list):
        return [_canonical(v) for v in value]
    return value.canonical() if hasattr(value, "canonical") else value


async def _queue(
    batch: BatchResolver, root: Any, info: Info[Any, Any], given: Mapping[str, Any]
) -> Any:
    context: OperationContext = info.context
    operation = context.operation
    raw: GraphQLResolveInfo[Any] = info._raw_info  # noqa: SLF001  strawberry hides the field nodes
    arguments = canonical_arguments(given)
    asked = operation.once(("asked", *map(id, raw.field_nodes)), lambda: _asked(raw))
    path = tuple(raw.path.as_list())
    place = tuple(step for step in path if isinstance(step, str))
    key = (place, batch, _frozen(arguments))
    loader = operation.once(key, lambda: _LinkLoader(context, batch, arguments))
    # graphql-core cancels what a failed sibling waits for, and others may wait for the same batch.
    return await asyncio.shield(loader.load(_Queued(root, asked, path)))


def _asked(info: GraphQLResolveInfo[Any]) -> Asked:
    selections = Selections.of(info)
    returns, nodes = info.return_type, info.field_nodes
    return Asked(
        selections.columns(returns, nodes), selections.selects(returns, nodes, "totalCount")
    )


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple(sorted((k, _frozen(v)) for k, v in value.items()))
    if isinstance(value, list | tuple):
        return (type(value).__name__, *(_frozen(v) for v in value))
    if is_dataclass(value):
        return (type(value).__name__, _frozen(vars(value)))
    return value


class _LinkLoader(DataLoader[_Queued, Any]):
    """Gathers the parents of one link at one place of the query, and hands each its own result."""

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
        parents = list(unique.values())
        results = await answered(self._context, self._batch, parents, asked, self._arguments)
        by_parent = dict(zip(unique, results, strict=True))
        return [self._own_result(q, by_parent[id(q.parent)]) for q in keys]

    def _own_result(self, queued: _Queued, result: Any) -> Any:
        if isinstance(result, Partial):
            for problem in result.problems:
                self._context.operation.report(problem, queued.path)
            result = result.value
        return _own(result) if isinstance(result, Exception) else result


async def answered(
    context: OperationContext,
    batch: BatchResolver,
    parents: Sequence[Any],
    asked: Asked,
    arguments: Mapping[str, Any],
) -> Sequence[Any]:
    """What a batch resolver says for each parent; where it fails, that error for each."""
    try:
        results = await batch(context, parents, asked, **arguments)
        if len(results) != len(parents):
            message = f"{len(results)} results for {len(parents)} parents"
            raise ValueError(message)  # a resolver's mistake is a fault like others
    except Exception as exc:  # noqa: BLE001  # whatever it is, each parent's field reports it
        return [foreseen(exc)] * len(parents)
    return results


def foreseen(error: Exception) -> Exception:
    """An error that a caller may be told of, or one that only says that there was another."""
    if isinstance(error, SupplygraphError | GraphQLError | BatchError):
        return error
    fault = BatchError()
    fault.__cause__ = error
    return fault


def _own(error: Exception) -> Exception:
    """Give each field an error of its own: one that is raised many times grows each time."""
    error = foreseen(error)
    copy = error.__class__.__new__(error.__class__)
    copy.__dict__.update(error.__dict__)
    copy.args = error.args
    copy.__cause__ = error if isinstance(error, SupplygraphError) else error.__cause__
    return copy
