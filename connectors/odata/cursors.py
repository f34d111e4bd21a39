"""Where a list goes on: by the system's own next link, or by `$skip` where it gives none."""

from typing import NamedTuple


class Position(NamedTuple):
    """A place in a list.

    Rows are asked for in windows of `$top`; within a window the system may cut pages of its own,
    which link to the next.

    Attributes:
        skip: Rows before this window.
        seen: Rows of this window that were read.
        link: Address of the next page; empty at the beginning of a window.
    """

    skip: int = 0
    seen: int = 0
    link: str = ""

    @classmethod
    def read(cls, cursor: str | None) -> "Position":
        """The position that a cursor stands for; the beginning for None."""
        if cursor is None:
            return cls()
        skip, seen, link = cursor.split(" ", 2)
        return cls(int(skip), int(seen), link)

    def after(self, rows: int, link: str | None, window: int) -> str | None:
        """The cursor after a page of so many rows; None if the list ends there."""
        seen = self.seen + rows
        if link is not None:
            return f"{self.skip} {seen} {link}"
        return f"{self.skip + seen} 0 " if rows and seen >= window else None
