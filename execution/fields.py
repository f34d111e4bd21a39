"""What a schema field says of itself: how it is answered for many parents, from which columns.

    Column    an attribute of its parent, read without waiting
    Computed  worked out from columns of the parents alone: a list in, a list out
    Link      other records, read for all parents at once

The declarations of `execution.links` put one of these, and the columns that the field needs, into
the metadata of an ordinary strawberry field; graphql-core and the planner both go by it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from graphql import GraphQLField
from msgspec import Struct

DEFINITION: Final = "strawberry-definition"

BatchResolver = Callable[..., Awaitable[Sequence[Any]]]
"""`async (context, parents, asked, **arguments) -> results`, in the parents' order."""

Computation = Callable[[Sequence[Any]], Sequence[Any]]
"""`(parents) -> results`, in the parents' order; a result may be an error for its parent alone."""

Referring = Callable[[Sequence[Any]], Sequence[Any]]
"""`(parents) -> records`, each knowing its key alone; the same key, the same object; or None."""


class Columns(Struct, frozen=True):
    """Metadata of a field: which record columns it reads.

    Attributes:
        names: Columns that the field itself needs; with a leading slash, of the record and not of
            the part in it.
        inside: Prefix of the columns that its subselection describes; "" where it describes the
            same record (transparent), None where it describes another record or nothing.
    """

    names: tuple[str, ...] = ()
    inside: str | None = None


class Column(Struct, frozen=True):
    """A field that is an attribute of its parent.

    Attributes:
        path: The attribute, dotted.
        read: Reads it of one parent, and says why where it is not there.
    """

    path: str
    read: Callable[[Any], Any]


class Computed(Struct, frozen=True):
    """A field that is worked out from its parents.

    Attributes:
        batch: Works it out.
    """

    batch: Computation


class Reference(Struct, frozen=True):
    """What a link's parents tell of the records that it leads to, before these are read.

    What hangs below those records and needs no more than this is read at the same time as they are.

    Attributes:
        records: The records, each knowing `columns` alone.
        columns: What they know.
    """

    records: Referring
    columns: frozenset[str]


class Link(Struct, frozen=True):
    """A field that is answered by other records.

    Attributes:
        batch: Reads them.
        reference: What is known of them before, if anything is.
        separate: Whether a parent's answer is the same whoever else is asked for with it.
    """

    batch: BatchResolver
    reference: Reference | None = None
    separate: bool = True


Answer = Column | Computed | Link


class Asked(Struct, frozen=True):
    """What a selection wants of the records that a link answers with.

    Attributes:
        columns: Record columns, dotted where structured.
        total: Whether a connection's `totalCount` is wanted.
    """

    columns: frozenset[str]
    total: bool = False


def columns_of(field: GraphQLField) -> Columns:
    """Columns that a schema field reads; none if it does not say."""
    columns = _metadata(field).get("columns")
    return columns if isinstance(columns, Columns) else Columns()


def answer_of(field: GraphQLField, default: Callable[[Any, str], Any]) -> Answer | None:
    """How a schema field is answered; None if nothing but its own resolver can tell.

    Args:
        field: The field.
        default: Reads an attribute of a parent, for fields that are nothing else.
    """
    metadata = _metadata(field)
    answer = metadata.get("answer")
    if isinstance(answer, Column | Computed | Link):
        return answer
    definition: Any = field.extensions.get(DEFINITION)
    if "columns" not in metadata or definition.base_resolver is not None:
        return None
    name: str = definition.python_name
    return Column(name, lambda parent: default(parent, name))


def _metadata(field: GraphQLField) -> Mapping[str, Any]:
    definition = field.extensions.get(DEFINITION)
    return definition.metadata if definition is not None else {}
