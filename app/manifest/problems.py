"""What is wrong with a manifest, said so that it can be mended: file, line, key path, remedy."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from msgspec import Struct

from canonical.errors import InvalidInputError

Path = tuple[str | int, ...]

_SHOWN: Final = 12


class Problem(Struct, frozen=True, order=True):
    """One thing that is wrong.

    Attributes:
        line: Line of the file, from 1.
        path: Keys that lead there: `entities.item.sources[0].backend`; empty for the whole file.
        message: What is wrong and what to do.
        file: Another file than the manifest, where it is there.
    """

    line: int
    path: str
    message: str
    file: str = ""


class ManifestError(InvalidInputError):
    """A manifest cannot be used. The message has a line for each problem, in the order of the file.

    Attributes:
        file: The manifest's name.
        problems: Everything that was found, at least one.
    """

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(self.shown(p) for p in self.problems))

    def shown(self, problem: Problem) -> str:
        """A problem as one line: `supplygraph.yaml:14: entities.item: ...`."""
        where = f"{problem.path}: " if problem.path else ""
        return f"{problem.file or self.file}:{problem.line}: {where}{problem.message}"


def dotted(path: Path) -> str:
    """A path as people write it: `a.b[0].c`."""
    text = ""
    for name in path:
        if isinstance(name, int):
            text += f"[{name}]"
        else:
            text += f".{name}" if text else str(name)
    return text


def suggestion(wrong: object, known: Iterable[object]) -> str:
    """What was perhaps meant, or else what there is, to stand behind a message."""
    names = sorted({str(k) for k in known})
    near = get_close_matches(str(wrong), names, n=1, cutoff=0.6)
    if not near:
        folded = {n.casefold().replace("-", "_"): n for n in names}
        near = [folded[f] for f in [str(wrong).casefold().replace("-", "_")] if f in folded]
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; {listed(names)}" if names else ""


def listed(names: Sequence[str]) -> str:
    """What there is to choose from, cut where it grows long."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"there is: {', '.join(names[:_SHOWN])}{more}"
