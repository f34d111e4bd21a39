"""Opens backends: the preset with the manifest's changes, checked; its protocol; what it can."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct
from pydantic import BaseModel, ValidationError

from canonical.errors import InvalidInputError, MisconfiguredError
from connectors.backend import MappedBackend, Way
from connectors.config import BackendConfig, BackendConfigError, Mistake
from connectors.jsonrpc import opening as jsonrpc
from connectors.jsonrpc.settings import Options as JSONRPCOptions
from connectors.jsonrpc.settings import Settings as JSONRPCSettings
from connectors.kit.auth_kinds import BasicAuth, NoAuth, SessionAuth, make_authenticator
from connectors.kit.mapping.model import MappingSettings, PresetModel
from connectors.kit.mapping.presets import merge, preset_document
from connectors.kit.mapping.sendplan import write_plans
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import RowReader
from connectors.kit.secrets import Reference, SecretMissingError
from connectors.kit.services import Services
from connectors.kit.sinks import Telling, open_sinks, tells
from connectors.kit.source import MappedSource
from connectors.kit.transport import Transport
from connectors.kit.transport_open import open_transport
from connectors.odata import ODataWriter
from connectors.odata import Settings as ODataSettings
from connectors.odata import reader as odata_reader
from connectors.odata.settings import DatasetOptions as ODataOptions
from connectors.rest import Options as RestOptions
from connectors.rest import Settings as RestSettings
from connectors.rest import reader as rest_reader
from connectors.rest import writer as rest_writer
from connectors.sql import Options as SQLOptions
from connectors.sql import Place
from connectors.sql import Settings as SQLSettings
from connectors.sql import reader as sql_reader
from connectors.sql import writer as sql_writer

SETTINGS: Final[Mapping[str, type[BaseModel]]] = {
    "odata": ODataSettings,
    "rest": RestSettings,
    "jsonrpc": JSONRPCSettings,
    "sql": SQLSettings,
}
"""Settings of each protocol."""

_OPTIONS: Final[Mapping[str, type[BaseModel]]] = {
    "odata": ODataOptions,
    "rest": RestOptions,
    "jsonrpc": JSONRPCOptions,
    "sql": SQLOptions,
}
"""Options of a dataset, by protocol."""


class Resolved(Struct, frozen=True):
    """A backend's configuration, whole: the preset with what the manifest changes.

    Attributes:
        name: The backend's name.
        config: What the manifest says.
        preset: Protocol and entities.
        policy: How it may be asked.
        mapping: What holds for the whole mapping.
        settings: Settings of the protocol, as they are written.
        protocol: The same, checked.
    """

    name: str
    config: BackendConfig
    preset: PresetModel
    policy: CallPolicy
    mapping: MappingSettings
    settings: Mapping[str, Any]
    protocol: BaseModel


def resolve_backend(name: str, config: BackendConfig) -> Resolved:
    """Put a backend's configuration together and check it, without looking at anything outside.

    Raises:
        BackendConfigError: with everything that is wrong, each with its place.
    """
    preset = _preset(name, config)
    found: list[Mistake] = []
    parts: dict[str, Any] = {}
    given = preset.settings
    for what, written, place, make in (
        ("policy", preset.policy, "policy", lambda: CallPolicy.model_validate(preset.policy)),
        ("mapping", given, "settings", lambda: MappingSettings.take(given, preset.units)),
        ("protocol", given, "settings", lambda: _protocol(preset)),
    ):
        try:
            parts[what] = make()
        except ValidationError as exc:
            found += mistakes_of(exc, written, (place,))
    if isinstance(config.url, str):
        found += _url_mistakes(preset.protocol, config.url)
    found += _auth_mistakes(preset.protocol, config)
    found += _option_mistakes(preset)
    found += _write_mistakes(preset)
    if found:
        raise BackendConfigError(name, tuple(found))
    mapping, settings = parts["mapping"]
    if "max_scanned_rows" not in given:
        rows = parts["policy"].max_scanned_rows
        mapping = mapping.model_copy(update={"max_scanned_rows": rows})
    return Resolved(name, config, preset, parts["policy"], mapping, settings, parts["protocol"])


async def open_backend(name: str, config: BackendConfig, services: Services) -> MappedBackend:
    """Open a backend. Nothing is asked of the system yet.

    Args:
        name: Its name in the manifest.
        config: What the manifest says of it.
        services: What the installation lends to it.

    Raises:
        BackendConfigError: if it cannot be opened as it is configured: a secret is missing, a
            setting is wrong.
    """
    resolved = resolve_backend(name, config)
    found = [*outside_mistakes(resolved, services)]
    if found:
        raise BackendConfigError(name, tuple(found))
    way: Way
    try:
        if resolved.preset.protocol == "sql":
            database = _sql(resolved, services)
            way, how = database, _over_sql(resolved, database, services)
        else:
            transport = _transport(resolved, services)
            way, how = transport, _over_http(resolved, transport, services)
    except (InvalidInputError, MisconfiguredError) as exc:
        message = exc.message.removeprefix(f"{name}: ")
        raise BackendConfigError(name, (Mistake(path=(), message=message),)) from exc
    sources = {
        entity: MappedSource(
            name, entity, mapping, how.reader, settings=resolved.mapping, clock=services.now
        )
        for entity, mapping in resolved.preset.entities.items()
    }
    sinks = open_sinks(name, resolved.preset.entities, how, resolved.mapping, services.now)
    return MappedBackend(name, sources, how.reader, way, sinks)


def mistakes_of(
    error: ValidationError, document: Any, place: tuple[str, ...] = ()
) -> Iterator[Mistake]:
    """What pydantic found, by place within the backend's part.

    Args:
        error: The errors.
        document: What was checked, as written: steps that are not in it are left out of places.
        place: Where it stands in the backend's part.
    """
    for found in error.errors(include_url=False, include_input=False):
        path: tuple[str | int, ...] = ()
        here = document
        for step in found["loc"]:
            if _is_in(here, step):
                path, here = (*path, step), here[step]
        if found["type"] == "missing":
            path = (*path, found["loc"][-1])
        message = found["msg"].removeprefix("Value error, ")
        if found["type"] == "extra_forbidden":
            message = "there is no such key"
        kind, context = found["type"], found.get("ctx", {})
        yield Mistake(path=(*place, *path), message=message, kind=kind, context=context)


def outside_mistakes(resolved: Resolved, services: Services) -> Iterator[Mistake]:
    """References that lead nowhere, and files that are not there."""
    config = resolved.config
    references: dict[tuple[str, ...], Any] = {("url",): config.url}
    for field in type(config.auth).model_fields:
        references["auth", field] = getattr(config.auth, field)
    for path, value in references.items():
        if isinstance(value, Reference):
            try:
                read = services.vault.text(value)
            except SecretMissingError as exc:
                yield Mistake(path=path, message=str(exc))
                continue
            if path == ("url",) and resolved.preset.protocol != "sql":
                yield from _url_mistakes(resolved.preset.protocol, read)
    if config.ca_file is not None and not (services.base_dir / config.ca_file).is_file():
        yield Mistake(path=("ca_file",), message=f"there is no file {config.ca_file}")


def _is_in(written: Any, step: str | int) -> bool:
    if isinstance(written, Mapping):
        return step in written
    return isinstance(written, list) and isinstance(step, int) and step < len(written)


def _preset(name: str, config: BackendConfig) -> PresetModel:
    try:
        if config.preset is None:
            base: Mapping[str, Any] = {"preset": name, "protocol": config.protocol}
        else:
            base = preset_document(config.preset)
    except InvalidInputError as exc:
        mistake = Mistake(path=("preset",), message=exc.message)
        raise BackendConfigError(name, (mistake,)) from exc
    document = merge(base, config.overrides())
    try:
        return PresetModel.model_validate(document)
    except ValidationError as exc:
        raise BackendConfigError(name, tuple(mistakes_of(exc, document))) from exc


def _protocol(preset: PresetModel) -> BaseModel:
    ours = MappingSettings.model_fields
    rest = {key: value for key, value in preset.settings.items() if key not in ours}
    return SETTINGS[preset.protocol].model_validate(rest)


def _url_mistakes(protocol: str, url: str) -> Iterator[Mistake]:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # its text may repeat a password
        message = "is no address that can be read: look at its brackets and its port"
        yield Mistake(path=("url",), message=message)
        return
    if "@" in parts.netloc and (protocol != "sql" or ":" in parts.netloc.rpartition("@")[0]):
        message = (
            "holds a password: put the whole address into {env: NAME} or {file: PATH}"
            if protocol == "sql"
            else "holds credentials: they belong under `auth`, by reference"
        )
        yield Mistake(path=("url",), message=message)
    elif protocol != "sql" and (parts.scheme not in {"http", "https"} or not parts.hostname):
        message = "is no address of a web service: write https://host/path"
        yield Mistake(path=("url",), message=message)
    elif protocol != "sql" and (parts.query or parts.fragment):
        message = "ends in a query, which belongs into `settings`: write https://host/path"
        yield Mistake(path=("url",), message=message)


def _option_mistakes(preset: PresetModel) -> Iterator[Mistake]:
    """Options of datasets that their protocol does not know."""
    for name, entity in preset.entities.items():
        place = ("entities", name.value)
        datasets: dict[tuple[str, ...], Mapping[str, Any]] = {place: entity.options}
        datasets |= {(*place, "related", n): r.options for n, r in entity.related.items()}
        datasets |= {(*place, "lookups", n): x.options for n, x in entity.lookups.items()}
        for where, options in datasets.items():
            try:
                _OPTIONS[preset.protocol].model_validate(dict(options))
            except ValidationError as exc:
                yield from mistakes_of(exc, options, (*where, "options"))


def _write_mistakes(preset: PresetModel) -> Iterator[Mistake]:
    """What cannot be told as the mapping says."""
    for name, entity in preset.entities.items():
        for wrong in write_plans(name, entity).mistakes:
            path = ("entities", name.value, *wrong.place)
            yield Mistake(path=path, message=wrong.message)


def _auth_mistakes(protocol: str, config: BackendConfig) -> Iterator[Mistake]:
    auth = config.auth
    if protocol == "sql" and not isinstance(auth, NoAuth | BasicAuth):
        message = f"a database knows the kinds none and basic, not {auth.kind}"
        yield Mistake(path=("auth", "kind"), message=message)
    if protocol in {"odata", "rest"} and isinstance(auth, SessionAuth):
        message = f"{protocol} knows no sessions: use basic, api_key, bearer or oauth2"
        yield Mistake(path=("auth", "kind"), message=message)


def _transport(resolved: Resolved, services: Services) -> Transport:
    config = resolved.config
    ca_file = None if config.ca_file is None else str(Path(services.base_dir) / config.ca_file)
    url = services.vault.text(config.url)
    try:
        return open_transport(
            resolved.name, url, resolved.policy, services, ca_file=ca_file, proxy=config.proxy
        )
    except OSError as exc:
        mistake = Mistake(path=("ca_file",), message="holds no certificates that can be read (PEM)")
        raise BackendConfigError(resolved.name, (mistake,)) from exc


def _over_http(resolved: Resolved, transport: Transport, services: Services) -> Telling:
    """How the system is asked, and told where its protocol can be."""
    auth, vault, policy = resolved.config.auth, services.vault, resolved.policy
    if not isinstance(auth, NoAuth | SessionAuth):
        transport.authenticator = make_authenticator(
            auth, caller=transport, vault=vault, clock=services.clock
        )
    match resolved.protocol:
        case ODataSettings() as settings:
            reader = odata_reader(resolved.name, settings, transport, policy, now=services.now)
            return Telling(reader, ODataWriter(settings, transport))
        case JSONRPCSettings() as settings:
            opened = jsonrpc.opened(
                settings,
                transport,
                policy,
                auth=auth,
                vault=vault,
                clock=services.clock,
                now=services.now,
            )
            if opened.authenticator is not None:
                transport.authenticator = opened.authenticator
            return Telling(opened.reader, opened.writer)
        case _:
            told = rest_writer(transport, resolved.settings, policy)
            return Telling(rest_reader(transport, resolved.settings, policy), told, told)


def _sql(resolved: Resolved, services: Services) -> Any:
    return sql_reader(_place(resolved, services), resolved.settings, resolved.policy, services)


def _over_sql(resolved: Resolved, database: RowReader, services: Services) -> Telling:
    """How a database is asked, and told where the manifest says so."""
    entities = resolved.preset.entities
    if not any(tells(entities, entity) for entity in entities):
        return Telling(database)
    place = _place(resolved, services)
    told = sql_writer(place, resolved.settings, resolved.policy, services)
    return Telling(database, told, told, told)


def _place(resolved: Resolved, services: Services) -> Place:
    auth, vault = resolved.config.auth, services.vault
    username = password = None
    if isinstance(auth, BasicAuth):
        username = vault.text(auth.username)
        password = vault.read(auth.password).get_secret_value()
    return Place(
        resolved.name,
        vault.text(resolved.config.url),
        username,
        password,
        resolved.mapping.time_zone,
    )
