"""`supplygraph events dead-letters`: what could not be understood, and what becomes of it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.opening import actor, operating
from app.cli.options import DEFAULT_MANIFEST, AsJSON, Manifest
from app.cli.printing import print_data

if TYPE_CHECKING:
    from app.operating import Operating
    from canonical.dead_letters import LetterStatus, Redelivery

dead_letters = typer.Typer(
    name="dead-letters",
    help="Look into what could not be understood, and decide what becomes of it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
LetterId = Annotated[str, typer.Argument(help="Id of a dead letter.")]
Preview = Annotated[
    bool, typer.Option("--preview", help="Only say what it would lead to; change nothing.")
]
Note = Annotated[str | None, typer.Option(help="What to remember of it.")]


@dead_letters.command("list")
def list_letters(
    manifest: Manifest = DEFAULT_MANIFEST,
    status: Annotated[str, typer.Option(help="open, replayed, discarded or all.")] = "open",
    system: Annotated[
        list[str] | None, typer.Option(help="Only from this system; may repeat.")
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="At most so many.")] = 50,
    as_json: AsJSON = False,
) -> None:
    """Print dead letters, the latest first."""
    from app.cli.showing import letter_data, letter_line
    from canonical.dead_letters import LetterFilter

    wanted = LetterFilter(status=_statuses(status), system=tuple(system) if system else None)

    async def work() -> None:
        async with operating(manifest) as desk:
            for letter in await desk.letters.newest(wanted, limit=lines):
                if as_json:
                    print_data(letter_data(letter, with_body=False), as_json=True)
                else:
                    typer.echo(letter_line(letter))
            count = await desk.letters.count(wanted)
        typer.echo(f"{count} in all", err=True)

    asyncio.run(work())


@dead_letters.command()
def show(
    letter_id: LetterId,
    manifest: Manifest = DEFAULT_MANIFEST,
    raw: Annotated[
        bool, typer.Option("--raw", help="Print what came, byte for byte, and nothing else.")
    ] = False,
    as_json: AsJSON = False,
) -> None:
    """Print a dead letter whole."""
    from app.cli.showing import letter_data
    from canonical.errors import NotFoundError

    async def work() -> None:
        async with operating(manifest) as desk:
            letter = await desk.letters.get(letter_id)
        if letter is None:
            raise NotFoundError(f"there is no dead letter {letter_id!r}")
        if raw:
            typer.echo(letter.body, nl=False)
        else:
            print_data(letter_data(letter, with_body=True), as_json=as_json)

    asyncio.run(work())


@dead_letters.command()
def replay(
    letter_id: LetterId,
    manifest: Manifest = DEFAULT_MANIFEST,
    note: Note = None,
    preview: Preview = False,
    as_json: AsJSON = False,
) -> None:
    """Take a dead letter in as it came, after its cause was put right."""
    _take_in(manifest, _redelivery(letter_id, None, note, preview=preview), as_json=as_json)


@dead_letters.command()
def correct(  # options, by name
    letter_id: LetterId,
    file: Annotated[
        Path, typer.Argument(help="What ought to have come.", exists=True, dir_okay=False)
    ],
    manifest: Manifest = DEFAULT_MANIFEST,
    note: Note = None,
    preview: Preview = False,
    as_json: AsJSON = False,
) -> None:
    """Take in what ought to have come instead; what came is kept too."""
    work = _redelivery(letter_id, file.read_bytes(), note, preview=preview)
    _take_in(manifest, work, as_json=as_json)


@dead_letters.command()
def discard(
    letter_id: LetterId,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks later.")],
    manifest: Manifest = DEFAULT_MANIFEST,
) -> None:
    """Give a dead letter up; it is kept until retention removes it."""
    if not reason.strip():
        raise typer.BadParameter("say why", param_hint="--reason")

    async def work() -> None:
        async with operating(manifest) as desk:
            await desk.dead_letters.discard(letter_id, actor=actor(), reason=reason)
        typer.echo(f"Dead letter {letter_id} is discarded.")

    asyncio.run(work())


def _redelivery(
    letter_id: str, body: bytes | None, note: str | None, *, preview: bool
) -> "Callable[[Operating], Awaitable[Redelivery]]":
    def work(desk: "Operating") -> "Awaitable[Redelivery]":
        if preview:
            return desk.dead_letters.preview(letter_id, body)
        return desk.dead_letters.replay(letter_id, body, actor=actor(), note=note)

    return work


def _take_in(
    manifest: Path, work: "Callable[[Operating], Awaitable[Redelivery]]", *, as_json: bool
) -> None:
    from app.cli.showing import show_events

    async def done() -> "Redelivery":
        async with operating(manifest) as desk:
            return await work(desk)

    found = asyncio.run(done())
    show_events(found.events, as_json=as_json)
    count = len(found.events)
    told = "nothing new" if not count else f"{count} {'event' if count == 1 else 'events'}"
    is_open = found.letter.result is None
    typer.echo(f"It would lead to {told}." if is_open else f"It led to {told}.", err=True)


def _statuses(name: str) -> "tuple[LetterStatus, ...] | None":
    from canonical.dead_letters import LetterStatus

    known = [status.value for status in LetterStatus]
    if name not in (*known, "all"):
        raise typer.BadParameter(f"there is no status {name!r}; there are {', '.join(known)}, all")
    return None if name == "all" else (LetterStatus(name),)
