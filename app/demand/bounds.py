"""What a document may hold, and how it is said that one holds too much."""

from typing import Final

from graphql import GraphQLError
from msgspec import Struct

TOO_LARGE: Final = "OPERATION_TOO_LARGE"
"""Code of what exceeds a bound."""

MANY: Final = 1_000_000
"""Counts stop here: fragments multiply, and what is more than this is too much anywhere."""


class Bounds(Struct, frozen=True, kw_only=True):
    """The largest document that is answered, and its variables.

    Counts of fields are those of one operation with all fragments in their places.

    Attributes:
        characters: Length of the text.
        tokens: Words and signs of the text, comments among them.
        nesting: Brackets within each other, of whatever kind.
        depth: Levels of fields.
        schema_depth: Levels of fields of a question about the schema.
        root_fields: Fields at the root.
        aliases: Fields that are given another name.
        fields: Fields in all.
        schema_fields: Of these, fields of questions about the schema, which nobody pays for with a
            token. The query that tools send has some 230.
        directives: Directives in the text.
        directives_at_once: Directives at one place.
        operations: Operations of the text.
        fragments: Fragments of the text.
        variables: Variables of one operation.
        variable_bytes: Length of their values as JSON.
        literal_nesting: Lists and objects within each other, in the text or in variables.
        values: Values in all lists and objects of the text, or of the variables.
        name_characters: Length of the operation's name in the request.
    """

    characters: int = 64 * 1024
    tokens: int = 2_000
    nesting: int = 60
    depth: int = 15
    schema_depth: int = 18
    root_fields: int = 50
    aliases: int = 100
    fields: int = 5_000
    schema_fields: int = 500
    directives: int = 200
    directives_at_once: int = 5
    operations: int = 20
    fragments: int = 100
    variables: int = 100
    variable_bytes: int = 64 * 1024
    literal_nesting: int = 10
    values: int = 10_000
    name_characters: int = 200

    def loosest(self, other: "Bounds") -> "Bounds":
        """Bounds that hold whatever either does."""
        return Bounds(**{n: max(getattr(self, n), getattr(other, n)) for n in _NAMES})


_NAMES: Final = Bounds.__struct_fields__


def too_large(message: str) -> GraphQLError:
    """Why a document is not answered."""
    return GraphQLError(message, extensions={"code": TOO_LARGE})
