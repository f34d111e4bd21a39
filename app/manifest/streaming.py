"""What a manifest says about the log of events and those who listen to it."""

from typing import Annotated, Final

from pydantic import Field

from app.manifest.part import Part
from app.server.stream_settings import StreamSettings
from connectors.kit.secrets import SecretRef
from runtime.events.retention import RetentionSettings
from subscriptions.limits import StreamLimits

_LIMITS: Final = StreamLimits()
_KEPT: Final = RetentionSettings()
_CARRIED: Final = StreamSettings()


class StoreConfig(Part):
    """The database of the event log."""

    url: Annotated[
        SecretRef | None,
        Field(
            description="Address of PostgreSQL (postgresql://...) or of an SQLite file, by "
            "reference. Left out: DATABASE_URL if it is set, else `file`."
        ),
    ] = None
    file: Annotated[
        str,
        Field(
            min_length=1,
            description="SQLite file where no address is given, relative to the manifest's folder. "
            "Its tables are made and brought up to date at start.",
        ),
    ] = ".state/supplygraph.db"
    pool_size: Annotated[
        int, Field(ge=1, le=200, description="Most connections of each process.")
    ] = 8


class EventsConfig(Part):
    """How long events are kept, and who takes them in."""

    retention_days: Annotated[
        dict[str, Annotated[int, Field(ge=1, le=36_500)]],
        Field(description="Days by type of event, where it is not what the type itself says."),
    ] = {}
    deliveries_days: Annotated[
        int,
        Field(ge=1, le=3_650, description="Days for which a repeated delivery is known as such."),
    ] = _KEPT.deliveries_days
    dead_letters_days: Annotated[
        int,
        Field(ge=1, le=36_500, description="Days that a dead letter is kept after its decision."),
    ] = _KEPT.letters_days
    takeover_s: Annotated[
        float,
        Field(
            ge=1,
            le=600,
            description="Seconds after which a watch, or a file of rows, of a process that died is "
            "gone on with by another.",
        ),
    ] = 10.0

    def retention(self) -> RetentionSettings:
        """The same, for the log."""
        return RetentionSettings(
            days=self.retention_days,
            deliveries_days=self.deliveries_days,
            letters_days=self.dead_letters_days,
        )


class SubscriptionsConfig(Part):
    """What subscriptions may take, in each process."""

    per_principal: Annotated[
        int, Field(ge=1, le=1_000_000, description="Subscriptions of one caller.")
    ] = _LIMITS.per_principal
    per_process: Annotated[
        int, Field(ge=1, le=1_000_000, description="Subscriptions of all callers.")
    ] = _LIMITS.per_process
    filter_values: Annotated[
        int, Field(ge=1, le=100_000, description="Values of one condition of a filter.")
    ] = _LIMITS.filter_values
    snapshot_records: Annotated[
        int, Field(ge=1, le=10_000, description="Records of a present state that is sent first.")
    ] = _LIMITS.snapshot
    behind: Annotated[
        int,
        Field(
            ge=1,
            le=10_000_000,
            description="Events of its stream that a client may fall behind before it is told of a "
            "gap.",
        ),
    ] = _LIMITS.behind
    stalled_s: Annotated[
        float,
        Field(
            gt=0, le=3_600, description="Seconds without reading after which a client is sent away."
        ),
    ] = _LIMITS.stalled_s

    connections_per_principal: Annotated[
        int, Field(ge=1, le=1_000_000, description="Sockets and event streams of one caller.")
    ] = _CARRIED.connections_per_principal
    messages_per_minute: Annotated[
        int, Field(ge=1, le=1_000_000, description="Messages that a socket may send.")
    ] = _CARRIED.messages_per_minute
    messages_per_principal: Annotated[
        int,
        Field(
            ge=1,
            le=10_000_000,
            description="Messages a minute of one caller, over all its sockets.",
        ),
    ] = _CARRIED.messages_per_principal
    max_message_kilobytes: Annotated[
        int, Field(ge=1, le=10_240, description="Longest message of a socket.")
    ] = _CARRIED.max_message_bytes // 1024
    connection_init_s: Annotated[
        float,
        Field(gt=0, le=600, description="How long a socket may take to say who it is."),
    ] = _CARRIED.connection_init_s
    keep_alive_s: Annotated[
        float,
        Field(
            gt=0,
            le=600,
            description="After how long a silent connection is asked for a sign of life.",
        ),
    ] = _CARRIED.keep_alive_s
    allowed_origins: Annotated[
        tuple[str, ...],
        Field(
            description="Pages that may open sockets besides our own, such as "
            "https://portal.example.com."
        ),
    ] = ()

    def settings(self) -> StreamSettings:
        """What connections may take."""
        return StreamSettings(
            connections_per_principal=self.connections_per_principal,
            messages_per_minute=self.messages_per_minute,
            messages_per_principal=self.messages_per_principal,
            max_message_bytes=self.max_message_kilobytes * 1024,
            connection_init_s=self.connection_init_s,
            keep_alive_s=self.keep_alive_s,
            allowed_origins=self.allowed_origins,
        )

    def limits(self) -> StreamLimits:
        """The same, for the streams."""
        return StreamLimits(
            per_principal=self.per_principal,
            per_process=self.per_process,
            filter_values=self.filter_values,
            snapshot=self.snapshot_records,
            behind=self.behind,
            stalled_s=self.stalled_s,
        )
