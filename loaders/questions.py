"""What is asked of systems by key."""

from msgspec import Struct

from canonical.criteria import Criteria
from canonical.entities import ENTITIES, KEY, EntityName
from loaders.catalog import Supply


class KeyQuestion(Struct, frozen=True):
    """Records of an entity whose column has one of many keys.

    Attributes:
        entity: What is wanted.
        column: `canonical.entities.KEY`, or one of the entity's lookups.
        columns: Columns that the records must know.
        criteria: What they must satisfy besides.
        system: The only system to ask, if it is known.
    """

    entity: EntityName
    column: str
    columns: frozenset[str]
    criteria: Criteria = ()
    system: str | None = None


def needed_columns(question: KeyQuestion, supply: Supply) -> frozenset[str]:
    """Columns to ask a supply for: what is wanted, and what tells the records apart."""
    entity = ENTITIES[question.entity]
    told_apart = {*entity.natural} | ({question.column} - {KEY})
    return (question.columns | told_apart) & supply.columns
