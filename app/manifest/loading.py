"""From a file to an installation's declaration; everything wrong is found at once."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from app.manifest.access_checks import access_wrong, regions_wrong
from app.manifest.backends import Supplying, outside_problems, supplying
from app.manifest.cross_checks import conversions_wrong, names_wrong, sources_wrong, tables_of
from app.manifest.crosswalks import Tables
from app.manifest.document import Document, read_document
from app.manifest.governance_checks import owners_wrong
from app.manifest.ingestion_checks import ingestion_wrong
from app.manifest.model import Manifest
from app.manifest.ordering_checks import ordering_wrong
from app.manifest.parts import Parts, read_parts
from app.manifest.problems import ManifestError, Problem
from app.manifest.process_checks import processes_wrong
from app.manifest.references import missing_in
from app.manifest.streaming import StoreConfig
from app.manifest.trusted import TrustedFileError, read_trusted
from canonical.errors import InvalidInputError, MisconfiguredError
from connectors.kit.secrets import Reference, SecretMissingError, Vault
from runtime.cache.urls import InvalidRedisURLError, understand
from runtime.store.engines import located
from runtime.store.settings import StoreSettings

REDIS_URL = "REDIS_URL"
DATABASE_URL = "DATABASE_URL"
DEVELOPMENT = "SUPPLYGRAPH_DEVELOPMENT"


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
        return _url(self.manifest.cache.redis_url, self.vault, REDIS_URL)

    @property
    def development(self) -> bool:
        """Whether it was said that this is no service for real data."""
        return self.vault.environ.get(DEVELOPMENT) == "1"

    def check_servable(self) -> None:
        """Make sure that it may be served.

        Raises:
            InvalidInputError: if it takes tokens that are for development, and this is none.
        """
        if self.manifest.identity.development_key is not None and not self.development:
            raise InvalidInputError(
                "the manifest's identity.development_key is for development: whoever has it can be "
                "anybody. For real data name your identity provider under identity.issuers; to "
                "serve without, say so: `supplygraph serve --development` (or set "
                f"{DEVELOPMENT}=1)"
            )

    @property
    def store(self) -> StoreSettings:
        """Where the event log is."""
        return _store(self.manifest.store, self.vault)


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
    problems += names_wrong(parts)
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
    problems += ingestion_wrong(parts, {**sketched, **backends}, vault)
    problems += processes_wrong(parts, {**sketched, **backends}, vault)
    problems += ordering_wrong(parts, {**sketched, **backends})
    problems += access_wrong(parts)
    problems += regions_wrong(parts)
    problems += owners_wrong(parts)
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
    """What is wrong with tokens, cache and store, once their references have been followed."""
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
            url = _url(parts.cache.redis_url, vault, REDIS_URL)
            if url is not None:
                understand(url)
        except (SecretMissingError, InvalidRedisURLError) as exc:
            where = "" if parts.cache.redis_url else f"{REDIS_URL}: "
            path = ("cache", "redis_url")
            found.append(parts.document.problem(path, f"{where}{exc}"))
    return found + _store_wrong(parts, vault) + _trusted_wrong(parts, vault)


def _store_wrong(parts: Parts, vault: Vault) -> list[Problem]:
    if parts.store is None:
        return []
    try:
        located(_store(parts.store, vault))
    except (SecretMissingError, MisconfiguredError) as exc:
        where = "" if parts.store.url else f"{DATABASE_URL}: "
        return [parts.document.problem(("store", "url"), f"{where}{exc}")]
    return []


def _trusted_wrong(parts: Parts, vault: Vault) -> list[Problem]:
    if parts.manifest is None:
        return []
    try:
        read_trusted(parts.manifest.known_operations.files, vault.base_dir)
    except TrustedFileError as exc:
        return [parts.document.problem(("known_operations", "files"), exc.message)]
    return []


def _store(said: StoreConfig, vault: Vault) -> StoreSettings:
    return StoreSettings(
        url=_url(said.url, vault, DATABASE_URL),
        file=vault.base_dir / said.file,
        pool_size=said.pool_size,
    )


def _url(reference: Reference | None, vault: Vault, variable: str) -> str | None:
    if reference is not None:
        return vault.read(reference).get_secret_value()
    return vault.environ.get(variable) or None
