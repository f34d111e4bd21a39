"""What a schema says is to go: fields, arguments, input fields and enum values."""

from collections.abc import Iterator, Mapping

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)

from canonical.catalogue import Deprecation
from schema.ownership import own_types
from schema.retiring import retirement

_Part = GraphQLField | GraphQLArgument | GraphQLInputField | GraphQLEnumValue


def deprecated(schema: GraphQLSchema) -> Mapping[str, str]:
    """Reasons by coordinate, in the order of types, fields and arguments."""
    return dict(_reasons(schema))


def deprecations(schema: GraphQLSchema) -> Iterator[Deprecation]:
    """The same with what each reason says."""
    for coordinate, reason in deprecated(schema).items():
        said = retirement(reason)
        if said is None:
            yield Deprecation(coordinate, reason)
        else:
            yield Deprecation(coordinate, reason, said.use, said.since, said.ends)


def _reasons(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    for coordinate, part in _parts(schema):
        if part.deprecation_reason is not None:
            yield coordinate, part.deprecation_reason


def _parts(schema: GraphQLSchema) -> Iterator[tuple[str, _Part]]:
    """All that can be deprecated, by coordinate."""
    for named in own_types(schema):
        if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in named.fields.items():
                yield f"{named.name}.{name}", field
                for argument, details in field.args.items():
                    yield f"{named.name}.{name}({argument}:)", details
        elif isinstance(named, GraphQLInputObjectType):
            yield from ((f"{named.name}.{name}", entry) for name, entry in named.fields.items())
        elif isinstance(named, GraphQLEnumType):
            yield from ((f"{named.name}.{name}", value) for name, value in named.values.items())
