"""The catalogue of one installation: the schema, and which systems its objects come from."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
)
from typing_extensions import override

from app.manifest.model import EntityConfig, Manifest
from canonical.catalogue import (
    Catalogue,
    CatalogueContent,
    CatalogueEvent,
    CatalogueField,
    CatalogueType,
    SystemOfRecord,
    TypeSource,
)
from canonical.events import EVENT_TYPES
from connectors.kit.mapping.presets import preset_document
from runtime.security.access import Access
from runtime.security.principal import Role
from schema.access import access_over
from schema.api import build_schema, types_of
from schema.deprecations import deprecations
from schema.ownership import own_types, owner_of, source_of

_KINDS: Final = (
    (GraphQLObjectType, "OBJECT"),
    (GraphQLInterfaceType, "INTERFACE"),
    (GraphQLInputObjectType, "INPUT_OBJECT"),
    (GraphQLEnumType, "ENUM"),
    (GraphQLUnionType, "UNION"),
    (GraphQLScalarType, "SCALAR"),
)
_NOBODY: Final = "nobody"


class InstallationCatalogue(Catalogue):
    """The catalogue, put together when it is first asked for.

    Args:
        manifest: Of the installation.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._access: Access | None = None
        self._making: asyncio.Task[CatalogueContent] | None = None

    @override
    async def content(self) -> CatalogueContent:
        if self._making is None:
            self._making = asyncio.create_task(asyncio.to_thread(self._made))
        return await asyncio.shield(self._making)

    @override
    async def coordinates(self) -> Sequence[str]:
        content = await self.content()
        return sorted(
            f"{kind.name}.{field.name}"
            for kind in content.types
            if kind.kind in ("OBJECT", "INTERFACE")
            for field in kind.fields
        )

    def _made(self) -> CatalogueContent:
        schema = types_of(build_schema(self._manifest.access))
        self._access = access_over(schema, self._manifest.access)
        return CatalogueContent(
            tuple(self._type(named) for named in own_types(schema)),
            tuple(self._events()),
            tuple(deprecations(schema)),
        )

    def _type(self, named: GraphQLNamedType) -> CatalogueType:
        has_objects = isinstance(named, GraphQLObjectType | GraphQLInterfaceType)
        owners = self._manifest.governance.owners
        return CatalogueType(
            named.name,
            next(kind for known, kind in _KINDS if isinstance(named, known)),
            named.description or "",
            owners.get(named.name) or owner_of(named.name) or _NOBODY,
            self._source(named.name) if has_objects else None,
            self._readers(named.name) if has_objects else None,
            tuple(self._fields(named)),
        )

    def _fields(self, named: GraphQLNamedType) -> Iterator[CatalogueField]:
        if not isinstance(named, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            return
        for name, field in named.fields.items():
            is_input = isinstance(named, GraphQLInputObjectType)
            roles = None if is_input else self._readers(f"{named.name}.{name}")
            yield CatalogueField(name, str(field.type), field.description or "", roles)

    def _source(self, type_name: str) -> TypeSource:
        source = source_of(type_name)
        entity = source.entity
        said = None if entity is None else self._manifest.entities.get(entity)
        if entity is None or said is None:
            return TypeSource(source.kind, entity)
        freshness = said.freshness(entity)
        systems = tuple(self._systems(said))
        return TypeSource(source.kind, entity, systems, freshness.fresh_s, freshness.grace_s)

    def _systems(self, said: EntityConfig) -> Iterator[SystemOfRecord]:
        for number, source in enumerate(said.sources):
            backend = self._manifest.backends[source.backend]
            protocol = backend.protocol
            if protocol is None and backend.preset is not None:
                protocol = preset_document(backend.preset)["protocol"]
            yield SystemOfRecord(
                source.backend, backend.preset, str(protocol), source.region, number == 0
            )

    def _readers(self, coordinate: str) -> tuple[str, ...]:
        """The roles that may read a type or a field; scopes of machines are not told."""
        assert self._access is not None  # noqa: S101  # see `_made`
        required = self._access.requirement(coordinate)
        if required is None:
            return ()
        named = (grant.roles for grant in required if not grant.anyone)
        roles = frozenset(Role).intersection(*named)
        return tuple(role.value.upper() for role in Role if role in roles)

    def _events(self) -> Iterator[CatalogueEvent]:
        kept = self._manifest.events.retention_days
        for name, kind in EVENT_TYPES.items():
            yield CatalogueEvent(
                name,
                kind.stream.value,
                (kind.data.__doc__ or "").strip(),
                kind.owner,
                kind.version,
                kept.get(name, kind.retention_days),
                kind.replay.value,
                f"/schemas/events/{name}/data",
            )
