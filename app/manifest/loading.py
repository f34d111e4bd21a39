"""From a file to an installation's declaration; everything wrong is found at once."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from app.manifest.backends import Supplying, outside_problems, supplying
from app.manifest.cross_checks import conversions_wrong, sources_wrong, tables_of
from app.manifest.crosswalks import Tables
from app.manifest.document import Document, read_document
from app.manifest.model import Manifest
from app.manifest.parts import Parts, read_parts
from app.manifest.problems import ManifestError, Problem
from app.manifest.references import missing_in
from canonical.errors import InvalidInputError
from connectors.kit.secrets import Reference, SecretMissingError, Vault
from runtime.cache.urls import InvalidRedisURLError, understand

REDIS_URL = "REDIS_URL"


class Declaration(Struct, frozen=True):
    """A manifest that may be opened.

    Attributes:
        manifest: What it says.
        tables: The crosswalks' rows.
        vault: Reads what it refers to.
    """

    manifest: Manifest
    tables: Tables
    vault: Vault

    @property
    def redis_url(self) -> str | None:
        """Where Redis is; None if an embedded server is to be used."""
        return _redis_url(self.manifest.cache.redis_url, self.vault)


class Examination(Struct, frozen=True):
    """What was found in a manifest, sound or not.

    Attributes:
        parts: Its sound parts.
        backends: The backends that can be opened, if perhaps without some entities.
        problems: What is wrong, in the order of the file.
        declaration: The whole of it, if nothing is wrong.
        vault: Reads what it refers to.
    """

    parts: Parts
    backends: Mapping[str, Supplying]
    problems: tuple[Problem, ...]
    declaration: Declaration | None
    vault: Vault


def load_manifest(file: Path, environ: Mapping[str, str]) -> Declaration:
    """Read a manifest that is to be used.

    Raises:
        ManifestError: naming everything that is wrong with it.
    """
    found = examine(file, environ)
    if found.declaration is None:
        raise ManifestError(str(file), found.problems)
    return found.declaration


def examine(file: Path, environ: Mapping[str, str]) -> Examination:
    """Look a manifest over.

    Raises:
        ManifestError: if the file cannot be read as YAML at all.
    """
    document = _read(file)
    vault = Vault(environ, file.parent)
    parts, problems = read_parts(document)
    backends, wrong = supplying(parts.backends, document)
    sketched, wrong_too = supplying(parts.sketches, document)
    problems += wrong + wrong_too
    problems += sources_wrong(parts, {**sketched, **backends})
    tables, wrong = tables_of(parts, vault)
    problems += wrong
    problems += conversions_wrong(parts)
    named = {**parts.sketches, **parts.backends}
    missing = list(missing_in(named, ("backends",), document, vault))
    told = {p.path for p in missing}
    outside = outside_problems(backends, document, vault)
    problems += missing + [p for p in outside if p.path not in told]
    problems += _surroundings_wrong(parts, vault)
    found = tuple(sorted(set(problems)))
    declaration = None
    if parts.manifest is not None and not found:
        declaration = Declaration(parts.manifest, tables, vault)
    return Examination(parts, backends, found, declaration, vault)


def _read(file: Path) -> Document:
    try:
        content = file.read_bytes()
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or "the name cannot be one of a file"
        message = f"cannot be read: {why}; name the manifest with --manifest"
        raise ManifestError(str(file), [Problem(1, "", message)]) from exc
    return read_document(content, str(file))


def _surroundings_wrong(parts: Parts, vault: Vault) -> list[Problem]:
    """What is wrong with tokens and cache, once their references have been followed."""
    found: list[Problem] = []
    if parts.identity is not None:
        missing = list(missing_in(parts.identity, ("identity",), parts.document, vault))
        found += missing
        try:
            if not missing:
                parts.identity.token_config(vault)
        except InvalidInputError as exc:
            found.append(parts.document.problem(("identity",), exc.message))
    if parts.cache is not None:
        try:
            url = _redis_url(parts.cache.redis_url, vault)
            if url is not None:
                understand(url)
        except (SecretMissingError, InvalidRedisURLError) as exc:
            where = "" if parts.cache.redis_url else f"{REDIS_URL}: "
            path = ("cache", "redis_url")
            found.append(parts.document.problem(path, f"{where}{exc}"))
    return found


def _redis_url(reference: Reference | None, vault: Vault) -> str | None:
    if reference is not None:
        return vault.read(reference).get_secret_value()
    return vault.environ.get(REDIS_URL) or None
