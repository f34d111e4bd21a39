"""A schema of people and pets with what the published one does not have, over random data.

Unions, lists in lists, elements that may be null, enums whose values are not their names, defaults
of every kind, changes that must be made one after another; values of the wrong kind and errors
anywhere among them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Annotated, Any, Final

import strawberry
from msgspec import Struct
from strawberry.schema.config import StrawberryConfig

from canonical.errors import NotFoundError, SupplygraphError
from execution.fields import Asked, Reference
from execution.links import REQUIRED, Argument, column, computed, heard, link
from execution.operation import Operation, Partial
from tests.differential.values import NUMBERS, TEXTS


class Lost(SupplygraphError):
    """Nobody knows where it is."""

    code = "LOST"


class Person(Struct, frozen=True):
    """Somebody; numbers are keys."""

    key: int
    name: Any = "P"
    age: Any = None
    mood: Any = "calm-1"
    nicknames: Any = ()
    grid: Any = ()
    pets: tuple[int, ...] = ()
    best: int | None = None
    friends: tuple[int, ...] = ()


class Dog(Struct, frozen=True):
    """A dog."""

    key: int
    name: Any = "D"
    barks: Any = True
    toys: Any = ()
    owner: int | None = None


class Cat(Struct, frozen=True):
    """A cat."""

    key: int
    name: Any = "C"
    lives: Any = 9
    owner: int | None = None


GONE: Final = 99
"""Key of what nobody has: an error."""


@dataclass
class Zoo:
    """Who there is, and the context of one operation about them."""

    people: Mapping[int, Any] = field(default_factory=dict)
    animals: Mapping[int, Any] = field(default_factory=dict)
    operation: Operation = field(default_factory=Operation)
    asked: list[str] = field(default_factory=list)
    steps: int = 0

    async def found(self, known: Mapping[int, Any], keys: Sequence[int | None]) -> list[Any]:
        """What stands under each key; an error where nothing does."""
        await asyncio.sleep(0)
        return [None if k is None else known.get(k, Lost(f"{k} is lost")) for k in keys]


async def _person(zoo: Zoo, parents: Sequence[None], asked: Asked, *, key: int) -> list[Any]:
    zoo.asked.append("person")
    return await zoo.found(zoo.people, [key for _ in parents])


async def _everybody(zoo: Zoo, parents: Sequence[None], asked: Asked) -> list[Any]:
    zoo.asked.append("everybody")
    return [[p for p in zoo.people.values() if isinstance(p, Person)] for _ in parents]


async def _somebody(
    zoo: Zoo, parents: Sequence[None], asked: Asked, *, keys: Sequence[int] = (0, GONE, 1)
) -> list[Any]:
    zoo.asked.append("somebody")
    found = await zoo.found({**zoo.people, 7: None}, keys)
    return [Partial(found, (NotFoundError("some are not there"),)) for _ in parents]


async def _all_named(zoo: Zoo, parents: Sequence[None], asked: Asked) -> list[Any]:
    zoo.asked.append("named")
    return [[*zoo.people.values(), None, *zoo.animals.values()] for _ in parents]


async def _pets(zoo: Zoo, parents: Sequence[Person], asked: Asked) -> list[Any]:
    zoo.asked.append("pets")
    return [await zoo.found(zoo.animals, p.pets) if p.key % 5 else None for p in parents]


async def _best(zoo: Zoo, parents: Sequence[Person], asked: Asked) -> list[Any]:
    zoo.asked.append("best")
    return await zoo.found(zoo.animals, [p.best for p in parents])


async def _friends(
    zoo: Zoo, parents: Sequence[Person], asked: Asked, *, first: int = 2, backwards: bool = False
) -> list[Any]:
    zoo.asked.append("friends")
    if first < 0:
        raise Lost("there are no such friends")
    answers: list[Any] = []
    for p in parents:
        keys = (p.friends[::-1] if backwards else p.friends)[:first]
        found = await zoo.found(zoo.people, keys)
        answers.append(Partial(found, (Lost(f"of {p.key}"),)) if p.key == 3 else found)
    return answers


async def _owner(zoo: Zoo, parents: Sequence[Any], asked: Asked) -> list[Any]:
    zoo.asked.append("owner")
    return await zoo.found(zoo.people, [p.owner for p in parents])


def _owners(parents: Sequence[Any]) -> list[Any]:
    made = {p.owner: Person(p.owner) for p in parents if p.owner is not None}
    return [None if p.owner is None else made[p.owner] for p in parents]


async def _letters(zoo: Zoo, parents: Sequence[Person], asked: Asked) -> list[Any]:
    """Needs no more of a person than its key, so it is read early."""
    zoo.asked.append("letters")
    await asyncio.sleep(0)
    return [
        Lost(f"letters of {p.key}") if p.key == 4 else [f"to {p.key}"] * (p.key % 3)
        for p in parents
    ]


async def _echo(zoo: Zoo, parents: Sequence[None], asked: Asked, **given: Any) -> list[str]:
    return [repr(sorted(given.items())) for _ in parents]


async def _step(zoo: Zoo, parents: Sequence[None], asked: Asked, *, by: int = 1) -> list[Any]:
    before = zoo.steps
    await asyncio.sleep(0)
    zoo.steps = before + by
    return [Lost("nobody stands still") if by == 0 else zoo.steps for _ in parents]


async def _broken(zoo: Zoo, parents: Sequence[Any], asked: Asked) -> list[Any]:
    raise ZeroDivisionError("inside")


def _shouted(people: Sequence[Person]) -> list[Any]:
    return [p.name.upper() for p in people]


def _whispered(people: Sequence[Person]) -> list[Any]:
    return [Lost("nobody hears") if p.key % 4 == 2 else f"({p.name})" for p in people]


@strawberry.enum
class Mood(Enum):
    """Values are not names."""

    CALM = "calm-1"
    WILD = "wild-2"


@strawberry.input
class Place:
    """Where something is."""

    row: int = strawberry.field(default=1)
    name: str | None = strawberry.field(default="middle")
    moods: list[Mood | None] | None = strawberry.field(default=None)
    inner: "Place | None" = strawberry.field(default=None)
    must: str = strawberry.field()


@strawberry.interface
class Named:
    name: str = column("Name.", "name")


def _is(kind: type) -> Any:
    return classmethod(lambda _, value, __: isinstance(value, kind))


_PersonType = Annotated["PersonType", strawberry.lazy("tests.differential.zoo")]
_EARLY: Final = Reference(_owners, frozenset({"key"}))


@strawberry.type(name="Dog")
class DogType(Named):
    barks: bool | None = column("Whether it barks.", "barks")
    toys: list[list[str | None]] | None = column("Toys by box.", "toys")
    owner: _PersonType = link(_owner, _PersonType, "Whose.", "owner", reference=_EARLY)
    is_type_of = _is(Dog)


@strawberry.type(name="Cat")
class CatType(Named):
    lives: int = column("Lives left.", "lives")
    owner: _PersonType | None = link(
        _owner, _PersonType | None, "Whose.", "owner", reference=_EARLY
    )
    is_type_of = _is(Cat)


Pet = Annotated[DogType | CatType, strawberry.union("Pet")]


@strawberry.type(name="Person")
class PersonType(Named):
    key: int = column("Key.", "key")
    age: int | None = column("Age.", "age")
    mood: Mood = column("Mood.", "mood")
    nicknames: list[str] | None = column("Nicknames.", "nicknames")
    grid: list[list[int | None] | None] = column("Numbers.", "grid")
    shout: str = computed(_shouted, str, "Loud.", "name")
    whisper: str | None = computed(_whispered, str | None, "Not loud.", "name")
    pets: list[Pet] | None = link(_pets, list[Pet] | None, "Its pets.", "pets")
    some_pets: list[Pet | None] | None = link(
        _pets, list[Pet | None] | None, "Its pets as far as they are there.", "pets"
    )
    best: Pet | None = link(_best, Pet | None, "The pet it likes best.", "best")
    friends: list[_PersonType | None] = link(
        _friends,
        list[_PersonType | None],
        "Friends.",
        "friends",
        arguments={
            "first": Argument(int | None, "How many.", 2),
            "backwards": Argument(bool, "Last ones first.", False),
        },
    )
    letters: list[str] = link(_letters, list[str], "Letters to it.", "key")
    broken: int | None = link(_broken, int | None, "Never works.", "key")
    is_type_of = _is(Person)


@strawberry.type
class Query:
    person: PersonType | None = link(
        _person, PersonType | None, "One.", arguments={"key": Argument(int, "Which.", REQUIRED)}
    )
    everybody: list[PersonType] = link(_everybody, list[PersonType], "All people.")
    somebody: list[PersonType | None] = link(
        _somebody,
        list[PersonType | None],
        "Some people.",
        arguments={"keys": Argument(list[int] | None, "Which.")},
    )
    named: list[Named | None] | None = link(
        _all_named, list[Named | None] | None, "All that have names, and one that is not there."
    )
    echo: str | None = link(
        _echo,
        str | None,
        "The arguments as they arrived.",
        arguments={
            "text": Argument(str | None, "A text.", "none"),
            "count": Argument(int, "A number.", 3),
            "mood": Argument(Mood | None, "A mood.", Mood.WILD),
            "rows": Argument(list[list[int | None]] | None, "Rows."),
            "place": Argument(Place | None, "A place."),
            "ratio": Argument(float | None, "A ratio."),
            "id": Argument(strawberry.ID | None, "An id."),
        },
    )


@strawberry.type
class Mutation:
    step: int | None = link(
        _step, int | None, "Go on.", arguments={"by": Argument(int | None, "How far.", 1)}
    )
    stride: int = link(
        _step, int, "Go on, and never fail.", arguments={"by": Argument(int, "How far.", REQUIRED)}
    )


@strawberry.type
class Subscription:
    spoke: PersonType = heard(
        PersonType, "Who speaks.", arguments={"first": Argument(int | None, "From whom on.", 2)}
    )
    passed: Named | None = heard(Named | None, "Who passes by, if it can be seen.")
    met: list[Pet | None] | None = heard(
        list[Pet | None] | None,
        "Pets that meet.",
        arguments={"key": Argument(int, "Where.", REQUIRED)},
    )


def heard_of(made: Zoo, field: str) -> list[Any]:
    """What is heard of a field of `Subscription`."""
    people, animals = list(made.people.values()), list(made.animals.values())
    if field == "spoke":
        return [*people, people[0]]
    if field == "passed":
        return [*animals[:3], None, *people[:2], Lost("nobody looks")]
    return [animals[:2], None, [], [animals[3], None, animals[3]], animals[4], animals[5:]]


SCHEMA = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=[DogType, CatType],
    config=StrawberryConfig(default_resolver=lambda value, name: getattr(value, name, None)),
)._schema


def zoo(seed: int) -> Zoo:
    """People and pets of a seed."""
    rnd = Random(seed)
    people = {key: _some_person(key, rnd) for key in range(6)}
    animals = {key: _some_animal(key, rnd) for key in range(8)}
    return Zoo(people, animals)


def _some_person(key: int, rnd: Random) -> Any:
    odd = seldom(rnd, None, 5, "text", Lost("a column"))
    return Person(
        key,
        rnd.choice((*TEXTS, *odd)),
        rnd.choice((*NUMBERS, None, 3.0, *odd)),
        rnd.choice(("calm-1", "wild-2", "calm-1", *seldom(rnd, None, "rage"))),
        rnd.choice(((), ("a", "b"), None, ("",), *seldom(rnd, ("x", None), "text", ("y", 5)))),
        rnd.choice(((), ((1, 2), (3, None), ()), ((1,), None), *seldom(rnd, None, ((1, "x"),)))),
        tuple(rnd.choices((*range(8), *seldom(rnd, GONE)), k=rnd.randrange(4))),
        rnd.choice((None, 1, 2, 3, *seldom(rnd, GONE))),
        tuple(rnd.choices((*range(6), *seldom(rnd, GONE)), k=rnd.randrange(4))),
    )


def _some_animal(key: int, rnd: Random) -> Any:
    owner = rnd.choice((0, 0, 1, 2, 3, 4, *seldom(rnd, None, GONE)))
    name = rnd.choice((*TEXTS, *seldom(rnd, None)))
    if key % 2:
        return Cat(key, name, rnd.choice((9, 1, 0, *seldom(rnd, None, "many"))), owner)
    toys = rnd.choice((None, (), (("ball", None), ()), *seldom(rnd, (None,), ("x",), (5,))))
    return Dog(key, name, rnd.choice((True, False, None, *seldom(rnd, "yes", 1))), toys, owner)


def seldom(rnd: Random, *values: Any) -> tuple[Any, ...]:
    """Values that are wrong: in one of four cases all of them, else none."""
    return values if rnd.random() < 0.25 else ()
