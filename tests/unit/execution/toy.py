"""A small schema of shelves and books, to run operations on without any business objects."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError, parse, validate
from msgspec import Struct
from strawberry.schema.config import StrawberryConfig

from canonical.errors import NotFoundError, SupplygraphError
from execution.engine import Engine
from execution.fields import Asked, Reference
from execution.links import REQUIRED, Argument, column, computed, heard, link
from execution.operation import Operation, Partial


class Book(Struct, frozen=True):
    """A book; some of it may be missing, or an error."""

    isbn: str
    title: Any = "?"
    pages: Any = 1
    author: str | None = None
    tags: Any = ()

    @property
    def label(self) -> Any:
        return self.title


class Author(Struct, frozen=True):
    """Who wrote it."""

    name: str


class Shelf(Struct, frozen=True):
    """Books in a row, by their numbers."""

    name: str
    books: tuple[str | None, ...] = ()
    favourite: str | None = None

    @property
    def label(self) -> str:
        return self.name


class Loan(Struct, frozen=True):
    """An event: somebody borrowed a book; the book is told by its number."""

    reader: Any
    book: str | None = None


class Lost(SupplygraphError):
    """A book is not where it should be."""

    code = "LOST"


@dataclass
class Library:
    """What there is, and the context of one operation over it."""

    shelves: Sequence[Any] = ()
    books: Mapping[str, Any] = field(default_factory=dict)
    operation: Operation = field(default_factory=Operation)
    asked: list[tuple[str, int]] = field(default_factory=list)
    pause_s: float = 0.0

    async def read(self, what: str, keys: Sequence[Any]) -> None:
        """Note a batch; while it is read, others may begin."""
        self.asked.append((what, len(keys)))
        await asyncio.sleep(self.pause_s)
        self.asked.append((f"{what} read", len(keys)))

    def batches(self) -> list[tuple[str, int]]:
        """Batches with their numbers of parents, in the order in which they began."""
        return [(what, n) for what, n in self.asked if not what.endswith(" read")]


async def read_shelves(context: Library, parents: Sequence[None], asked: Asked) -> list[Any]:
    await context.read("shelves", parents)
    return [list(context.shelves)]


async def read_shelf(
    context: Library, parents: Sequence[None], asked: Asked, *, name: str = "none", nth: int = 0
) -> list[Any]:
    await context.read("shelf", parents)
    found = [s for s in context.shelves if isinstance(s, Shelf) and s.name == name]
    return [found[nth] if found else None]


async def read_books(context: Library, parents: Sequence[Shelf], asked: Asked) -> list[Any]:
    await context.read("books", parents)
    return [
        [None if b is None else context.books.get(b, Lost(f"{b} is lost")) for b in p.books]
        for p in parents
    ]


async def read_favourite(context: Library, parents: Sequence[Shelf], asked: Asked) -> list[Any]:
    await context.read("favourite", parents)
    return [
        None if p.favourite is None else context.books.get(p.favourite, NotFoundError("gone"))
        for p in parents
    ]


async def read_author(context: Library, parents: Sequence[Book], asked: Asked) -> list[Any]:
    await context.read("author", parents)
    return [None if p.author is None else Author(p.author) for p in parents]


async def read_borrowed(context: Library, parents: Sequence[Loan], asked: Asked) -> list[Any]:
    await context.read("borrowed", parents)
    return [None if p.book is None else context.books.get(p.book, Lost(p.book)) for p in parents]


async def read_readers(context: Library, parents: Sequence[Book], asked: Asked) -> list[Any]:
    await context.read("readers", parents)
    return [Partial([f"reader of {p.isbn}"], (Lost("a reader"),)) for p in parents]


async def read_broken(context: Library, parents: Sequence[Any], asked: Asked) -> list[Any]:
    raise ZeroDivisionError("inside")


async def read_thing(context: Library, parents: Sequence[None], asked: Asked) -> list[Any]:
    return [[*context.books.values(), *context.shelves]]


async def read_stamp(
    context: Library, parents: Sequence[None], asked: Asked, *, text: str
) -> list[str]:
    await context.read(f"stamp {text}", parents)
    return [text for _ in parents]


def _named(parents: Sequence[Shelf]) -> list[Any]:
    made = {p.favourite: Book(p.favourite) for p in parents if p.favourite is not None}
    return [None if p.favourite is None else made[p.favourite] for p in parents]


def _titles(books: Sequence[Book]) -> list[Any]:
    return [b.title.upper() for b in books]


@strawberry.interface
class Named:
    label: str = column("What is written on it.", "label")


@strawberry.type(name="Author")
class AuthorType:
    name: str = column("Name.", "name")


@strawberry.type(name="Book")
class BookType(Named):
    isbn: str = column("Number.", "isbn")
    title: str = column("Title.", "title")
    subtitle: str | None = column("Subtitle.", "subtitle")
    pages: int | None = column("Pages.", "pages")
    tags: list[str] = column("Tags.", "tags")
    loud: str | None = computed(_titles, str | None, "Title in capitals.", "title")
    author: AuthorType | None = link(read_author, AuthorType | None, "Who wrote it.", "author")
    readers: list[str] = link(read_readers, list[str], "Who reads it.", "isbn")
    broken: int | None = link(read_broken, int | None, "Never works.", "isbn")

    @classmethod
    def is_type_of(cls, value: Any, _: Any) -> bool:
        return isinstance(value, Book)


_Book = Annotated[BookType, strawberry.lazy("tests.unit.execution.toy")]


@strawberry.type(name="Shelf")
class ShelfType(Named):
    name: str = column("Name.", "name")
    books: list[BookType] = link(read_books, list[BookType], "Its books.", "books")
    some: list[BookType | None] = link(read_books, list[BookType | None], "As books.", "books")
    favourite: BookType | None = link(
        read_favourite,
        BookType | None,
        "The best of them.",
        "favourite",
        reference=Reference(_named, frozenset({"isbn"})),
    )

    @classmethod
    def is_type_of(cls, value: Any, _: Any) -> bool:
        return isinstance(value, Shelf)


@strawberry.type
class Query:
    shelves: list[ShelfType] = link(read_shelves, list[ShelfType], "All shelves.")
    shelf: ShelfType | None = link(
        read_shelf,
        ShelfType | None,
        "One shelf.",
        arguments={
            "name": Argument(str | None, "Its name."),
            "nth": Argument(int | None, "Which of them.", 0),
        },
    )
    things: list[Named] = link(read_thing, list[Named], "Everything with a label.")


@strawberry.type
class Mutation:
    stamp: str = link(
        read_stamp, str, "Stamp it.", arguments={"text": Argument(str, "With what.", REQUIRED)}
    )


@strawberry.input
class LoanFilter:
    readers: list[str] | None = strawberry.field(default=None, description="Of whom.")

    def canonical(self) -> tuple[str, ...]:
        if self.readers == []:
            raise Lost("of nobody")
        return tuple(self.readers or ())


@strawberry.type(name="Loan")
class LoanType:
    reader: str = column("Who.", "reader")
    book: BookType = link(read_borrowed, BookType, "What.", "book")
    maybe: BookType | None = link(read_borrowed, BookType | None, "What, if anything.", "book")

    @classmethod
    def is_type_of(cls, value: Any, _: Any) -> bool:
        return isinstance(value, Loan)


@strawberry.type
class Subscription:
    borrowed: LoanType = heard(
        LoanType,
        "Loans.",
        arguments={
            "filter": Argument(LoanFilter | None, "Which."),
            "since": Argument(int, "From when on.", 0),
        },
    )
    perhaps: LoanType | None = heard(LoanType | None, "Loans, as far as they are known.")


def _attribute(value: Any, name: str) -> Any:
    return getattr(value, name, None)


SCHEMA = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=[BookType],
    config=StrawberryConfig(default_resolver=_attribute),
)._schema


async def run(
    text: str, library: Library, engine: Engine | None = None, **variables: Any
) -> tuple[Any, Sequence[GraphQLError]]:
    """Data as bytes, and errors."""
    document = parse(text)
    assert not validate(SCHEMA, document)
    outcome = await (engine or Engine(SCHEMA)).run(text, document, None, variables, library)
    return outcome.data, outcome.errors
