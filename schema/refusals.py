"""Why a change was refused, in a form that a person and a program can act on."""

import strawberry

from execution.links import column
from schema.scalars import JSON


@strawberry.type(
    description="A refusal that a person can act on. Anything else is a GraphQL error."
)
class UserError:
    """A refusal."""

    code: str = column("Stable code for programs.")
    message: str = column("What is wrong and what to do, for people.")
    field: list[str] | None = column("Path of the input that is wrong.")
    details: JSON | None = column("What programs may read besides.")
