"""Findings while an order is judged, and the words that they have in common."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from canonical.entities import EntityName
from canonical.errors import SupplygraphError, UnavailableError
from canonical.ordering import Finding, FindingCode

Path = tuple[str, ...]

NAMES: Final[Mapping[EntityName, str]] = {
    EntityName.SUPPLIER: "supplier",
    EntityName.ITEM: "item",
    EntityName.SUPPLY_SOURCE: "terms of item",
    EntityName.LOCATION: "location",
}
_WHY: Final = "nothing is ordered on what could not be checked"


class Findings:
    """What is found, in the order of the input; the same at the same place counts once.

    Attributes:
        refusing: What refuses the order.
        warnings: What does not.
        unavailable: Why systems could not be asked, of what was not checked because of it.
    """

    def __init__(self) -> None:
        self.refusing: list[Finding] = []
        self.warnings: list[Finding] = []
        self.unavailable: list[UnavailableError] = []

    def refuse(self, code: FindingCode, message: str, *path: str) -> None:
        """Something that refuses the order."""
        found = Finding(code=code, message=message, field=path)
        if found not in self.refusing:
            self.refusing.append(found)

    def warn(self, code: FindingCode, message: str, *path: str) -> None:
        """Something that somebody should know."""
        self.warnings.append(Finding(code=code, message=message, field=path))

    def unread(self, what: str, why: SupplygraphError, *path: str) -> None:
        """Something that could not be read."""
        if isinstance(why, UnavailableError):
            self.unavailable.append(why)
            self.refuse(
                FindingCode.NOT_CHECKED,
                f"{what} was not checked, because {why.system} could not be asked "
                f"({why.reason.value}): {_WHY}; try again later",
                *path,
            )
        else:
            message = f"{what} was not checked: {why.message}; {_WHY}"
            self.refuse(FindingCode.NOT_CHECKED, message, *path)

    def untold(self, what: str, system: str, column: str, *path: str) -> None:
        """Something that a system does not tell at all."""
        self.refuse(
            FindingCode.NOT_CHECKED,
            f"{what} was not checked, because {system} does not tell it: {_WHY}; map {column} in "
            "the manifest",
            *path,
        )


def plain(amount: Decimal) -> str:
    """A number as people write it: without an exponent, and without zeros that say nothing."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def price_text(amount: Decimal) -> str:
    """A price as people write it: at least two digits behind the point."""
    whole, _, digits = plain(amount).partition(".")
    return f"{whole}.{digits:0<2}"
