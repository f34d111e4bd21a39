"""Local extensions: what a region or a company adds to a shared process, without touching it.

An extension stands before or after a step of a process, by the step's name. Before it, it may
refuse what is about to be done; after it, it may refuse what was found, or put something else of
the same form in its place: so it replaces a policy. It is asked in a step of its own, which is
kept, shown and tried again like any other.

    the process begins -> which extensions are for it, in their newest versions: kept
    before / after a step -> those of them that stand there, in the manifest's order

A process goes on with the versions that it began with. So an old version stays in the manifest
until nothing runs by it; without it, a process that needs it waits for an operator, who is told
which.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from canonical.errors import InvalidInputError, Reason, RejectedError, UnavailableError
from canonical.exceptions import ExceptionCategory, Trouble
from workflows.process import NeedsOperatorError, Process, ProcessKind, Work

T = TypeVar("T")

_encode: Final = msgspec.json.Encoder(decimal_format="string").encode
_CHOOSING: Final = "choose extensions"


class Place(StrEnum):
    """Where an extension stands."""

    BEFORE = "before"
    AFTER = "after"


class Verdict(StrEnum):
    """What an extension says."""

    CONTINUE = "continue"
    REFUSE = "refuse"


class Question(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an extension is asked, as JSON.

    Attributes:
        process_id: The process; with `step` and `place` it names the question, for ever.
        kind: Which process.
        step: The step.
        place: Where.
        correlation_id: Ties it to what it is about.
        asked: The input of the process.
        result: What the step gave; null before it.
    """

    process_id: str
    kind: str
    step: str
    place: Place
    correlation_id: str
    asked: msgspec.Raw
    result: msgspec.Raw = msgspec.Raw(b"null")


class Opinion(Struct, frozen=True, kw_only=True):
    """What an extension says, as JSON.

    Attributes:
        verdict: Whether the process goes on.
        message: Why not, for the person who asked for the process.
        result: What takes the place of the step's result; null for nothing.
    """

    verdict: Verdict = Verdict.CONTINUE
    message: str = ""
    result: msgspec.Raw = msgspec.Raw(b"null")


Asking = Callable[[bytes], Awaitable[bytes]]
"""Asks an extension: a `Question` as JSON in, an `Opinion` as JSON out.

It raises UnavailableError where it cannot be asked now.
"""


class Edition(Struct, frozen=True, kw_only=True):
    """One version of an extension.

    Attributes:
        ask: Asks it.
        deadline_s: How long it may take.
        fallback: What counts as said where it cannot be asked in time; None asks it again and
            again, like a system.
    """

    ask: Asking
    deadline_s: float = 5.0
    fallback: Opinion | None = None


class Extension(Struct, frozen=True, kw_only=True):
    """What a region or a company adds to a process.

    Attributes:
        name: Its name.
        kind: Which process.
        step: Name of the step that it stands at; a trailing `*` stands for any rest.
        place: Before or after it.
        regions: For what is in one of these regions alone; None for all.
        companies: For one of these companies alone; None for all.
        editions: Its versions.
    """

    name: str
    kind: str
    step: str
    place: Place
    editions: Mapping[int, Edition]
    regions: frozenset[str] | None = None
    companies: frozenset[str] | None = None

    def pinned(self) -> "Pinned":
        """Its newest version, for a process that begins."""
        return Pinned(self.name, max(self.editions), self.step, self.place)

    def is_for(self, whereabouts: "Whereabouts") -> bool:
        """Whether it is for something that is there."""
        return (self.regions is None or bool(self.regions & whereabouts.regions)) and (
            self.companies is None or bool(self.companies & whereabouts.companies)
        )


class Whereabouts(Struct, frozen=True):
    """Where what a process is about is: its regions and companies."""

    regions: frozenset[str] = frozenset()
    companies: frozenset[str] = frozenset()


Locating = Callable[[Struct, str], Awaitable[Whereabouts]]
"""Tells where something is, by a process's input and correlation id."""


class Pinned(Struct, frozen=True):
    """A version of an extension that a process goes by, and where it stood when that began."""

    name: str
    version: int
    step: str
    place: Place

    def stands_at(self, step: str, place: Place) -> bool:
        """Whether it stands at a step."""
        if place is not self.place:
            return False
        if self.step.endswith("*"):
            return step.startswith(self.step[:-1])
        return step == self.step


class Chosen(Struct, frozen=True):
    """The extensions that a process goes by, in the order in which they are asked."""

    pinned: tuple[Pinned, ...] = ()


def extended(kind: ProcessKind, extensions: Sequence[Extension], locating: Locating) -> ProcessKind:
    """A process with its extensions.

    Args:
        kind: The process.
        extensions: All that are declared.
        locating: Tells where what it is about is.
    """
    own = [extension for extension in extensions if extension.kind == kind.kind]
    named = {each.name: each for each in own}

    async def run(process: Process, asked: Any) -> Struct:
        async def choose() -> Chosen:
            if not own:
                return Chosen()
            there = await locating(asked, process.correlation_id)
            return Chosen(tuple(each.pinned() for each in own if each.is_for(there)))

        # Also where there is none: an extension that comes later changes no process under way.
        chosen = await process.step(_CHOOSING, choose, Chosen)
        if not chosen.pinned:
            return await kind.run(process, asked)
        return await kind.run(_ExtendedProcess(process, kind.kind, asked, named, chosen), asked)

    return msgspec.structs.replace(kind, run=run)


class _ExtendedProcess:
    """A process whose steps have others around them.

    Args:
        process: The process.
        kind: Which.
        asked: Its input.
        named: Extensions that are declared now.
        chosen: The versions that it goes by.
    """

    def __init__(  # made in one place
        self,
        process: Process,
        kind: str,
        asked: Struct,
        named: Mapping[str, Extension],
        chosen: Chosen,
    ) -> None:
        self._process = process
        self._kind = kind
        self._asked = msgspec.Raw(_encode(asked))
        self._named = named
        self._chosen = chosen

    @property
    def id(self) -> str:
        """As `Process.id`."""
        return self._process.id

    @property
    def correlation_id(self) -> str:
        """As `Process.correlation_id`."""
        return self._process.correlation_id

    async def step(self, name: str, work: Work[T], result: type[T]) -> T:
        """As `Process.step`, with the extensions that stand there."""
        await self._consult(name, Place.BEFORE, None, type(None))
        found = await self._process.step(name, work, result)
        return await self._consult(name, Place.AFTER, found, result)

    async def write(self, name: str, tell: Work[T], became: Work[T | None], result: type[T]) -> T:
        """As `Process.write`, with the extensions that stand there."""
        await self._consult(name, Place.BEFORE, None, type(None))
        found = await self._process.write(name, tell, became, result)
        return await self._consult(name, Place.AFTER, found, result)

    async def wait(self, topic: str, until: datetime | None, message: type[T]) -> T | None:
        """As `Process.wait`."""
        return await self._process.wait(topic, until, message)

    async def now(self) -> datetime:
        """As `Process.now`."""
        return await self._process.now()

    async def start(self, kind: str, process_id: str, asked: Struct) -> None:
        """As `Process.start`."""
        await self._process.start(kind, process_id, asked)

    async def result(self, process_id: str, result: type[T]) -> T:
        """As `Process.result`."""
        return await self._process.result(process_id, result)

    async def signal(self, process_id: str, topic: str, message: Struct) -> None:
        """As `Process.signal`."""
        await self._process.signal(process_id, topic, message)

    async def about(self, *subjects: str) -> None:
        """As `Process.about`."""
        await self._process.about(*subjects)

    async def waits_for(self, what: str | None) -> None:
        """As `Process.waits_for`."""
        await self._process.waits_for(what)

    async def report(self, trouble: Trouble) -> None:
        """As `Process.report`."""
        await self._process.report(trouble)

    async def over(self, cause: str, why: str) -> None:
        """As `Process.over`."""
        await self._process.over(cause, why)

    async def _consult(self, step: str, place: Place, found: Any, result: type[T]) -> T:
        """What comes of a step after those who stand there were asked."""
        for each in self._chosen.pinned:
            if each.stands_at(step, place):
                found = await self._ask(each, step, found, result)
        return found  # type: ignore[no-any-return]  # of the same form

    async def _ask(self, pinned: Pinned, step: str, found: Any, result: Any) -> Any:
        name, version, place = pinned.name, pinned.version, pinned.place

        async def ask() -> Opinion:
            edition = self._edition(name, version)
            question = Question(
                process_id=self.id,
                kind=self._kind,
                step=step,
                place=place,
                correlation_id=self.correlation_id,
                asked=self._asked,
                result=msgspec.Raw(_encode(found)),
            )
            opinion = await _asked(f"extension {name}", edition, _encode(question))
            if opinion.verdict is Verdict.REFUSE:
                raise RejectedError(name, opinion.message or "it gives no reason")
            return opinion

        title = f"{name} v{version}, {place.value} {step}"
        opinion = await self._process.step(title, ask, Opinion)
        if place is Place.BEFORE or bytes(opinion.result) == b"null":
            return found
        try:
            return msgspec.json.decode(opinion.result, type=result)
        except msgspec.DecodeError as exc:
            raise InvalidInputError(
                f"extension {name} v{version} has given another result than {step!r} has: {exc}"
            ) from exc

    def _edition(self, name: str, version: int) -> Edition:
        extension = self._named.get(name)
        edition = None if extension is None else extension.editions.get(version)
        if edition is None:
            raise NeedsOperatorError(
                ExceptionCategory.MAPPING_MISSING,
                f"this process began with version {version} of the extension {name!r}, which the "
                "manifest does not have any more: put it back, and have the step tried again",
            )
        return edition


async def _asked(who: str, edition: Edition, question: bytes) -> Opinion:
    """What an extension says in its time, or what counts as said."""
    try:
        async with asyncio.timeout(edition.deadline_s):
            answer = await edition.ask(question)
    except TimeoutError as exc:
        if edition.fallback is not None:
            return edition.fallback
        message = f"has not answered within {edition.deadline_s:g} s"
        raise UnavailableError(who, Reason.TIMEOUT, message) from exc
    except UnavailableError:
        if edition.fallback is not None:
            return edition.fallback
        raise
    try:
        return msgspec.json.decode(answer, type=Opinion)
    except msgspec.DecodeError as exc:
        raise NeedsOperatorError(
            ExceptionCategory.INTERNAL,
            f"{who} has answered what is no opinion ({exc}): it is to be JSON with `verdict` "
            "(continue or refuse), `message` and perhaps `result`",
        ) from exc
