"""Whether what a manifest says of access and regions is about what there is."""

from collections.abc import Iterator

from app.manifest.parts import Parts
from app.manifest.problems import Path, Problem, suggestion
from schema.access import mistakes
from schema.api import published


def access_wrong(parts: Parts) -> Iterator[Problem]:
    """Objects, fields, roles and scopes that there are not."""
    if parts.manifest is None or parts.manifest.access is None:
        return
    for mistake in mistakes(parts.manifest.access, published()):
        path: Path = ("access", *mistake.path)
        while len(path) > 1 and path not in parts.document.lines:
            path = path[:-1]  # a rule that is written in short
        near = suggestion(mistake.wrong, mistake.known)
        message = f"there is no {mistake.what} {mistake.wrong!r}{near}"
        yield parts.document.problem(path, message)


def regions_wrong(parts: Parts) -> Iterator[Problem]:
    """Regions that something is said of, and that no source is in."""
    if parts.manifest is None:
        return
    known = {s.region for e in parts.manifest.entities.values() for s in e.sources if s.region}
    for region in parts.manifest.regions:
        if region not in known:
            message = f"no source is in region {region!r}{suggestion(region, known)}"
            yield parts.document.problem(("regions", region), message)
