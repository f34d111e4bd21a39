"""What a manifest may say: every key described, none unknown, every default finite."""

from decimal import Decimal
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from app.manifest.federation import FederationConfig
from app.manifest.freshness import DEFAULT_FRESHNESS, MAX_FRESHNESS_S, MAX_GRACE_S
from app.manifest.governance import AuditConfig, GovernanceConfig
from app.manifest.identity import IdentityConfig
from app.manifest.ingestion import SystemIngestion
from app.manifest.known_operations import KnownOperationsConfig
from app.manifest.limits import LimitsConfig
from app.manifest.part import Exact, Part
from app.manifest.processes import ProcessesConfig
from app.manifest.regions import RegionConfig
from app.manifest.serving import AnswersConfig, HTTPConfig
from app.manifest.streaming import EventsConfig, StoreConfig, SubscriptionsConfig
from app.manifest.thresholds import DEFAULT_THRESHOLDS, ThresholdsConfig
from canonical.entities import EntityName
from canonical.values import UnitConversion
from connectors.config import BackendConfig
from connectors.kit.secrets import SecretRef
from loaders.catalog import Freshness
from resolvers.context import DeclaredUnits
from runtime.security.access_table import AccessTable

BACKEND_NAME: Final = r"^[A-Za-z][A-Za-z0-9_.-]{0,62}$"


class SourceConfig(Part):
    """One backend as a source of an entity."""

    backend: Annotated[str, Field(min_length=1, description="Name of the backend.")]
    region: Annotated[
        str | None, Field(min_length=1, description="Region that it is in charge of.")
    ] = None
    company: Annotated[
        str | None,
        Field(min_length=1, description="Company whose records it has, if it is one company's."),
    ] = None
    columns: Annotated[
        tuple[str, ...] | None,
        Field(
            min_length=1,
            description="The only canonical columns that it is asked for; all it has if left out.",
        ),
    ] = None


def _source(value: Any) -> Any:
    return {"backend": value} if isinstance(value, str) else value


Source = Annotated[
    SourceConfig, BeforeValidator(_source, json_schema_input_type=str | SourceConfig)
]
"""A source. The bare name of a backend is short for `{backend: name}`."""


class EntityConfig(Part):
    """Where an entity comes from and how old its records may be."""

    sources: Annotated[
        tuple[Source, ...],
        Field(
            min_length=1,
            max_length=32,
            description="Backends that supply it, leading first: names, or "
            "{backend, region, company, columns}.",
        ),
    ]
    freshness_s: Annotated[
        float | None,
        Field(
            ge=0,
            le=MAX_FRESHNESS_S,
            description="Seconds during which a record is served without asking again. 0 keeps "
            "nothing: every question asks the system, also for what it asked a moment ago; only "
            "questions that are under way at the same time share an answer.",
        ),
    ] = None
    grace_s: Annotated[
        float | None,
        Field(
            ge=0,
            le=MAX_GRACE_S,
            description="Seconds past its freshness during which a record is served, marked stale, "
            "while its system cannot be asked.",
        ),
    ] = None
    absent_s: Annotated[
        float | None,
        Field(
            ge=0,
            le=MAX_FRESHNESS_S,
            description="Seconds during which it is remembered that a key has no record; 0 asks "
            "for it each time.",
        ),
    ] = None
    patience_s: Annotated[
        float | None,
        Field(
            gt=0,
            le=60,
            description="Seconds that a slow system is waited for while a stale record is at hand.",
        ),
    ] = None

    @model_validator(mode="after")
    def _nothing_is_kept(self) -> Self:
        for name, value in (("grace_s", self.grace_s), ("absent_s", self.absent_s)):
            if self.freshness_s == 0 and value:
                raise ValueError(
                    f"freshness_s: 0 keeps nothing, so {name} must be 0 too; leave {name} out"
                )
        return self

    def freshness(self, entity: EntityName) -> Freshness:
        """How old its records may be: what is said here, else the entity's default."""
        default = DEFAULT_FRESHNESS[entity]
        if self.freshness_s == 0:
            return Freshness(0.0, 0.0, 0.0, self.patience_s or default.patience_s)
        return Freshness(
            default.fresh_s if self.freshness_s is None else self.freshness_s,
            default.grace_s if self.grace_s is None else self.grace_s,
            default.absent_s if self.absent_s is None else self.absent_s,
            default.patience_s if self.patience_s is None else self.patience_s,
        )


class CrosswalkConfig(Part):
    """Which keys of an entity mean the same thing in several backends."""

    file: Annotated[
        str | None,
        Field(
            min_length=1,
            description="CSV file with the column `canonical` and one for each backend, named "
            "like it; relative to the manifest's folder.",
        ),
    ] = None
    rows: Annotated[
        tuple[dict[str, str], ...] | None,
        Field(description="The same as rows: {canonical: S-1, erp: '100', procurement: 'ACME'}."),
    ] = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.file is None) == (self.rows is None):
            raise ValueError("give the keys by exactly one of `file` and `rows`")
        return self


class ConversionConfig(Part):
    """How many base units another unit holds: 1 `unit` = `numerator` / `denominator` `base`."""

    unit: Annotated[str, Field(min_length=1, description="The unit that is converted.")]
    base: Annotated[str, Field(min_length=1, description="The base unit of the items.")]
    numerator: Annotated[
        Exact, Field(gt=0, description="Base units in `denominator` of this unit.")
    ]
    denominator: Annotated[
        Exact, Field(gt=0, description="Units that `numerator` base units make.")
    ] = Decimal(1)
    item: Annotated[
        str | None, Field(min_length=1, description="Sku of the only item that it holds for.")
    ] = None


class UnitsConfig(Part):
    """Units of measure across systems."""

    conversions: Annotated[
        tuple[ConversionConfig, ...],
        Field(description="Conversions that no system declares itself."),
    ] = ()

    def declared(self) -> DeclaredUnits:
        """Conversions by sku (empty: all items) and base unit: a box of 12 is no box of 12 kg."""
        found: dict[tuple[str, str], tuple[UnitConversion, ...]] = {}
        for c in self.conversions:
            key = (c.item or "", c.base)
            conversion = UnitConversion(c.unit, c.numerator, c.denominator)
            found[key] = (*found.get(key, ()), conversion)
        return found


class CacheConfig(Part):
    """The caches of records and of whole answers."""

    redis_url: Annotated[
        SecretRef | None,
        Field(
            description="Address of Redis or Valkey, by reference. Left out: REDIS_URL if it is "
            "set, else an embedded Valkey is started."
        ),
    ] = None
    l1_megabytes: Annotated[
        int, Field(ge=1, le=65_536, description="Memory of the layer within each process.")
    ] = 64
    answers: Annotated[AnswersConfig, Field(description="The cache of whole answers.")] = (
        AnswersConfig()
    )


class Manifest(Part):
    """Everything about one installation."""

    version: Annotated[int, Field(ge=1, le=1, description="Version of the manifest's own form: 1.")]
    backends: Annotated[
        dict[Annotated[str, Field(pattern=BACKEND_NAME)], BackendConfig],
        Field(min_length=1, description="The systems, each under the name that clients see."),
    ]
    identity: Annotated[IdentityConfig, Field(description="Whose tokens are accepted.")]
    regions: Annotated[
        dict[Annotated[str, Field(min_length=1)], RegionConfig],
        Field(description="Whose data of a region is, by region: what is said of sources."),
    ] = {}
    access: Annotated[
        AccessTable | None,
        Field(description="Who may see and do what, over the shipped table, rule by rule."),
    ] = None
    entities: Annotated[
        dict[EntityName, EntityConfig],
        Field(min_length=1, description="Which backends supply which business object."),
    ]
    crosswalks: Annotated[
        dict[EntityName, CrosswalkConfig],
        Field(description="Keys that mean the same thing in several backends, by entity."),
    ] = {}
    units: Annotated[UnitsConfig, Field(description="Units of measure.")] = UnitsConfig()
    cache: Annotated[CacheConfig, Field(description="The caches.")] = CacheConfig()
    store: Annotated[StoreConfig, Field(description="The database of the event log.")] = (
        StoreConfig()
    )
    ingestion: Annotated[
        dict[Annotated[str, Field(pattern=BACKEND_NAME)], SystemIngestion],
        Field(description="How changes come in, by backend."),
    ] = {}
    events: Annotated[EventsConfig, Field(description="How long events are kept.")] = EventsConfig()
    thresholds: ThresholdsConfig = DEFAULT_THRESHOLDS
    subscriptions: Annotated[
        SubscriptionsConfig, Field(description="What subscriptions may take.")
    ] = SubscriptionsConfig()
    http: Annotated[
        HTTPConfig, Field(description="How questions are taken, and answers are sent.")
    ] = HTTPConfig()
    known_operations: Annotated[
        KnownOperationsConfig,
        Field(description="Trusted documents, and who may ask other ones."),
    ] = KnownOperationsConfig()
    audit: Annotated[AuditConfig, Field(description="What is audited, and for how long.")] = (
        AuditConfig()
    )
    governance: Annotated[
        GovernanceConfig, Field(description="Whose the schema's types are, and who uses them.")
    ] = GovernanceConfig()
    limits: Annotated[LimitsConfig, Field(description="What one question may ask for.")] = (
        LimitsConfig()
    )
    federation: Annotated[
        FederationConfig, Field(description="Being a subgraph of a federation.")
    ] = FederationConfig()
    processes: Annotated[
        ProcessesConfig | None,
        Field(description="Processes that cross systems: ordering, replenishment and so on."),
    ] = None
