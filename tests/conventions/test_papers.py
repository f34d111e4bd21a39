"""Links in the papers lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.conventions.repository import ROOT, relative

PAPERS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _anchor(heading: str) -> str:
    """The fragment by which a heading is linked, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _broken(paper: Path) -> list[str]:
    broken = []
    for link in LINK.findall(paper.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, fragment = link.partition("#")
        path = paper.parent / target if target else paper
        if not path.exists():
            broken.append(link)
        elif fragment and path.suffix == ".md":
            headings = HEADING.findall(path.read_text(encoding="utf-8"))
            if fragment not in map(_anchor, headings):
                broken.append(link)
    return broken


@pytest.mark.parametrize("paper", PAPERS, ids=relative)
def test_links_resolve(paper: Path) -> None:
    assert _broken(paper) == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "adr"
    listed = set(LINK.findall((folder / "README.md").read_text(encoding="utf-8")))
    assert listed >= {path.name for path in folder.glob("0*.md")}
