"""What a manifest refers to, looked for before anything is opened: environment and files."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from app.manifest.document import Document
from app.manifest.problems import Path, Problem
from connectors.kit.secrets import Reference, SecretMissingError, Vault


def references_in(part: Any, path: Path) -> Iterator[tuple[Path, Reference]]:
    """All references in a part of a manifest, with their places."""
    if isinstance(part, Reference):
        yield path, part
    elif isinstance(part, BaseModel):
        for name, field in type(part).model_fields.items():
            yield from references_in(getattr(part, name), (*path, field.alias or name))
    elif isinstance(part, Mapping):
        for name, inner in part.items():
            yield from references_in(inner, (*path, name))
    elif isinstance(part, tuple | list):
        for i, inner in enumerate(part):
            yield from references_in(inner, (*path, i))


def missing_in(part: Any, path: Path, document: Document, vault: Vault) -> Iterator[Problem]:
    """A problem for each reference that leads nowhere."""
    for place, reference in references_in(part, path):
        try:
            vault.read(reference)
        except SecretMissingError as exc:
            yield document.problem(place, f"{exc}: {_remedy(reference)}")


def _remedy(reference: Reference) -> str:
    if reference.env is not None:
        return "set it before the start, or name another"
    return "create it, or correct the path (it starts at the manifest's folder)"
