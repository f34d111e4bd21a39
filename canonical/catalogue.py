"""The catalogue: what the schema is made of, whose it is, and where it comes from here."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Protocol

from msgspec import Meta, Struct


class SourceKind(StrEnum):
    """Where the objects of a type come from."""

    RECORD = "record"
    """Records of systems; the entity says which."""
    COMPUTED = "computed"
    """Worked out here from records."""
    EVENT = "event"
    """The log of events, which is kept here."""
    VALUE = "value"
    """Parts of other objects."""
    SERVICE = "service"
    """This service itself."""


class SystemOfRecord(Struct, frozen=True):
    """A system that supplies an entity here."""

    system: Annotated[str, Meta(description="The backend's name in the manifest.")]
    preset: Annotated[str | None, Meta(description="The product, where a shipped preset fits it.")]
    protocol: Annotated[str, Meta(description="How it is spoken to.")]
    region: Annotated[str | None, Meta(description="The region that it is in charge of.")]
    leading: Annotated[bool, Meta(description="Whether it is asked first.")]


class TypeSource(Struct, frozen=True):
    """Where the objects of a type come from."""

    kind: Annotated[SourceKind, Meta(description="What they are.")]
    entity: Annotated[str | None, Meta(description="The entity, as manifests call it.")] = None
    systems: Annotated[
        tuple[SystemOfRecord, ...], Meta(description="The systems of record, leading first.")
    ] = ()
    fresh_seconds: Annotated[
        float | None, Meta(description="For how long a record is served without asking again.")
    ] = None
    grace_seconds: Annotated[
        float | None,
        Meta(description="For how long after that while its system cannot be asked, marked stale."),
    ] = None


class Deprecation(Struct, frozen=True):
    """Something that is to go."""

    coordinate: Annotated[str, Meta(description="What: `Item.name`, `Query.items(first:)`.")]
    reason: Annotated[str, Meta(description="Why, as the schema says it.")]
    use: Annotated[str | None, Meta(description="What to use instead.")] = None
    since: Annotated[date | None, Meta(description="Since when it is deprecated.")] = None
    ends: Annotated[date | None, Meta(description="The day from which on it may be gone.")] = None


class CatalogueField(Struct, frozen=True):
    """A field of a type."""

    name: Annotated[str, Meta(description="Its name.")]
    type: Annotated[str, Meta(description="What it returns, as the schema writes it.")]
    description: Annotated[str, Meta(description="What it is.")]
    roles: Annotated[
        tuple[str, ...] | None, Meta(description="Roles that may read it; null of an input.")
    ] = None


class CatalogueType(Struct, frozen=True):
    """A type of the schema."""

    name: Annotated[str, Meta(description="Its name.")]
    kind: Annotated[str, Meta(description="OBJECT, INTERFACE, INPUT_OBJECT, ENUM, SCALAR, UNION.")]
    description: Annotated[str, Meta(description="What it is.")]
    owner: Annotated[str, Meta(description="The team that decides about it.")]
    source: Annotated[
        TypeSource | None, Meta(description="Where its objects come from; null where none are.")
    ] = None
    roles: Annotated[
        tuple[str, ...] | None,
        Meta(description="Roles that may read its objects; null where it has none."),
    ] = None
    fields: Annotated[tuple[CatalogueField, ...], Meta(description="Its fields.")] = ()


class CatalogueEvent(Struct, frozen=True):
    """A type of event."""

    type: Annotated[str, Meta(description="The CloudEvents type.")]
    stream: Annotated[str, Meta(description="The stream that it belongs to.")]
    description: Annotated[str, Meta(description="What it tells.")]
    owner: Annotated[str, Meta(description="The team that decides about its meaning.")]
    version: Annotated[int, Meta(description="Version of its data.")]
    retention_days: Annotated[int, Meta(description="How long it is kept here.")]
    replay: Annotated[str, Meta(description="What may be done again with it.")]
    data_schema: Annotated[str, Meta(description="Path of the JSON Schema of its data.")]


class CatalogueContent(Struct, frozen=True):
    """All of it."""

    types: Annotated[tuple[CatalogueType, ...], Meta(description="The types, by name.")]
    events: Annotated[tuple[CatalogueEvent, ...], Meta(description="The types of events.")]
    deprecations: Annotated[tuple[Deprecation, ...], Meta(description="What is to go.")]


class Catalogue(Protocol):
    """Reads the catalogue."""

    async def content(self) -> CatalogueContent:
        """All of it; the same as long as the process lives."""

    async def coordinates(self) -> Sequence[str]:
        """Every field of the schema that can be asked for, as `Item.sku`, sorted."""
