"""What is said of an order that is to be confirmed, and what came of it.

OrderSent   begins the process `confirmation`; its outcome is a Confirmed
Spoken      begins the process `confirmation_word`; its outcome is a Verdict
Word        what the former hears of the latter
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct
from typing_extensions import override

from canonical.ordering import AcknowledgementChoice, AcknowledgementFinding, OrderReference
from canonical.writing import Promise
from workflows.ordering.handing import CONFIRMATION

__all__ = ["CONFIRMATION"]

WORD: Final = "confirmation_word"
WORDS: Final = "words"
VERDICTS: Final = "verdicts"


class SaidLine(Struct, frozen=True, kw_only=True):
    """What is said of one line. A quantity or day that is left out is as it was ordered."""

    line_number: int
    quantity: Decimal | None = None
    on: date | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """What a supplier says to an order.

    Attributes:
        lines: What it promises.
        actor: Who says so; None for systems.
        note: What it writes besides.
        system: The system that shows it already; None for none.
    """

    lines: tuple[SaidLine, ...]
    actor: str | None = None
    note: str | None = None
    system: str | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """What a buyer says to an answer.

    Attributes:
        choice: What is to be done.
        actor: Who says so.
        note: A text for the supplier, or the reason.
        rest_on: Day on which the rest is wanted, of a split.
    """

    choice: AcknowledgementChoice
    actor: str
    note: str | None = None
    rest_on: date | None = None


class Word(Struct, frozen=True, kw_only=True):
    """Something that is said, and the process that waits to hear what came of it.

    One without answer and decision says that the order is to be looked at.
    """

    answer: Answer | None = None
    decision: Decision | None = None
    reply_to: str | None = None


class OrderSent(Struct, frozen=True, kw_only=True):
    """An order that is on its way to the supplier, who has to confirm it.

    What ordering hands on (`workflows.ordering.handing.OrderHanded`) can be read as one.

    Attributes:
        system: The system that leads it.
        key: Its key there.
        number: Its number there.
        supplier: Code of the supplier.
        follow: What the other systems have of it, to be told of what is confirmed.
        seeks: Whether it is looked for in other systems, because nobody knows where else it is.
        maker: The process that still makes it in other systems: those are told in the end.
        promised: What is settled already; None to judge whatever the leading system shows.
        first: A word that is heard before all others, also if nothing has to be confirmed.
    """

    system: str
    key: str
    number: str
    supplier: str
    follow: tuple[OrderReference, ...] = ()
    seeks: bool = False
    maker: str | None = None
    promised: tuple[Promise, ...] | None = None
    first: Word | None = None

    @property
    def reference(self) -> OrderReference:
        """The leading system's order."""
        return OrderReference(self.system, self.key, self.number)

    @property
    def everywhere(self) -> tuple[OrderReference, ...]:
        """What all systems have of it, the leading one first."""
        return (self.reference, *self.follow)


class Spoken(Struct, frozen=True, kw_only=True):
    """A word that is to be heard.

    Attributes:
        order: The order, in the system that the speaker names.
        supplier: Code of the supplier.
        answer: What the supplier says.
        decision: What a buyer says.
        leads: Whether `order` may be led by its system: then an answer begins a confirmation.
    """

    order: OrderReference
    supplier: str
    answer: Answer | None = None
    decision: Decision | None = None
    leads: bool = True


class VerdictState(StrEnum):
    """What came of a word."""

    APPLIED = "applied"
    """What was said is done."""
    PENDING = "pending"
    """A buyer has to decide on some of it; the rest is done."""
    KNOWN = "known"
    """It says nothing new."""
    OVER = "over"
    """The order can no longer be confirmed."""
    NOTHING = "nothing"
    """There is nothing to decide on, or nobody to hear it."""
    REFUSED = "refused"
    """It cannot be done as it is said."""


class Verdict(Struct, frozen=True, kw_only=True):
    """What came of a word."""

    state: VerdictState
    findings: tuple[AcknowledgementFinding, ...] = ()

    @override
    def __str__(self) -> str:
        return "; ".join([self.state.value, *(each.message for each in self.findings)])


class ConfirmedState(StrEnum):
    """How a confirmation ended."""

    CONFIRMED = "confirmed"
    """The supplier has promised all lines that are still open."""
    OVER = "over"
    """The order has come to where nothing is confirmed any more."""
    CALLED_OFF = "called_off"
    """A buyer calls the order off."""
    UNANSWERED = "unanswered"
    """Nobody answered for so long that nobody waits any more."""


class Confirmed(Struct, frozen=True, kw_only=True):
    """What came of a confirmation.

    Attributes:
        state: How it ended.
        order: The leading system's order.
        promises: What counts as promised, by line.
    """

    state: ConfirmedState
    order: OrderReference
    promises: tuple[Promise, ...] = ()

    @override
    def __str__(self) -> str:
        lines = ", ".join(f"{p.line_number}: {p.quantity} on {p.on}" for p in self.promises)
        said = f"{self.state.value.replace('_', ' ')}: {self.order.number or self.order.key}"
        return f"{said} ({lines})" if lines else said
