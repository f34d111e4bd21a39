"""Functions that make records of columns: the one place where Python source is generated.

    maker(Item, read=["sku", "name"], fixed={"unit": "EA"}, keyed=True)

    def make(column_0, column_1, last, system, fetched_at):
        return [
            record(
                provenance=Provenance(system, value_last, fetched_at),
                sku=value_0, name=value_1, unit=fixed_0,
            )
            for value_0, value_1, value_last in zip(column_0, column_1, last, strict=True)
        ]

Keywords that are written out cost a third of those in a dict. Nothing but names of the record's own
columns, which are ours, gets into the source; whatever a mapping or a question says comes as an
argument.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from canonical.records import Provenance

_SOURCE: Final = """
def make({parameters}):
    return [record({arguments}) for {values}, in zip({columns}, strict=True)]
"""


def maker(
    record: type[Struct], read: Sequence[str], fixed: Mapping[str, Any], *, keyed: bool
) -> Callable[..., list[Any]]:
    """A function that makes a record of each row of some columns, given in the order of `read`.

    Of a record it is given the keys too, and what all have in common; of a part, the elements.
    Nothing but names of the record's own columns gets into its source; values are arguments.
    """
    unknown = {*read, *fixed}.difference(record.__struct_fields__)
    if unknown:
        raise ValueError(f"{record.__name__} has no {', '.join(sorted(unknown))}")
    arguments = [f"{n}=value_{i}" for i, n in enumerate(read)]
    arguments += [f"{n}=fixed_{i}" for i, n in enumerate(fixed)]
    columns = [*(f"column_{i}" for i in range(len(read))), "last"]
    values = [*(f"value_{i}" for i in range(len(read))), "value_last"]
    if keyed:
        arguments.insert(0, "provenance=Provenance(system, value_last, fetched_at)")
    source = _SOURCE.format(
        parameters=", ".join(columns + ["system", "fetched_at"] * keyed),
        arguments=", ".join(arguments),
        values=", ".join(values),
        columns=", ".join(columns),
    )
    space: dict[str, Any] = {"record": record, "Provenance": Provenance}
    space.update({f"fixed_{i}": value for i, value in enumerate(fixed.values())})
    exec(source, space)  # noqa: S102 - see above
    made: Callable[..., list[Any]] = space["make"]
    return made
