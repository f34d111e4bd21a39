"""Whether what a manifest says of owners is about types that there are."""

from collections.abc import Iterator

from app.manifest.parts import Parts
from app.manifest.problems import Problem, suggestion
from schema.api import published
from schema.ownership import own_types


def owners_wrong(parts: Parts) -> Iterator[Problem]:
    """Types that there are not."""
    if parts.manifest is None or not parts.manifest.governance.owners:
        return
    known = [named.name for named in own_types(published())]
    for name in parts.manifest.governance.owners:
        if name not in known:
            message = f"there is no type {name!r}{suggestion(name, known)}"
            yield parts.document.problem(("governance", "owners", name), message)
