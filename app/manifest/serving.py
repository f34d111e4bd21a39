"""What a manifest says about how questions are taken, and answers are kept and sent."""

from typing import Annotated, Final

from pydantic import Field

from app.manifest.part import Part
from app.server.edge import CrossOrigin, Edge

_EDGE: Final = Edge()
_ORIGIN: Final = r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$"


class AnswersConfig(Part):
    """Whole answers that are kept, until something in them changes or is no longer fresh."""

    enabled: Annotated[
        bool, Field(description="Whether answers are kept, in each process and in Redis.")
    ] = True
    megabytes: Annotated[
        int, Field(ge=1, le=65_536, description="Memory for answers within each process.")
    ] = 64
    share_in_flight: Annotated[
        bool,
        Field(
            description="Whether callers with the same rights who ask the same at the same time "
            "wait for one execution."
        ),
    ] = True

    @property
    def max_bytes(self) -> int:
        """Memory for answers within each process; 0 where none are kept."""
        return self.megabytes * 1_000_000 if self.enabled else 0


class CORSConfig(Part):
    """Pages of other origins that may read answers."""

    origins: Annotated[
        tuple[Annotated[str, Field(pattern=_ORIGIN)], ...],
        Field(
            description="Origins of such pages, as browsers name them: "
            "https://portal.example.com. None if left out."
        ),
    ] = ()
    credentials: Annotated[
        bool,
        Field(description="Whether browsers may send cookies of a proxy in front of this service."),
    ] = False
    max_age_s: Annotated[
        int,
        Field(ge=0, le=86_400, description="How long browsers may remember what they were told."),
    ] = 600

    def settings(self) -> CrossOrigin | None:
        """The same for the server; None where no page may."""
        if not self.origins:
            return None
        origins = frozenset(origin.lower() for origin in self.origins)
        return CrossOrigin(origins=origins, credentials=self.credentials, max_age_s=self.max_age_s)


class HTTPConfig(Part):
    """How questions are taken, and answers are sent."""

    gzip_from_kilobytes: Annotated[
        int | None,
        Field(
            ge=1,
            le=1_048_576,
            description="Length from which answers are compressed for clients that take gzip; null "
            "never compresses: right where all clients are near, or a proxy in front does it.",
        ),
    ] = 64
    get: Annotated[bool, Field(description="Whether queries may be asked by GET.")] = _EDGE.get
    batching: Annotated[
        bool, Field(description="Whether a body may hold several requests, in an array.")
    ] = False
    max_batch: Annotated[
        int,
        Field(ge=1, le=100, description="Most requests of one body, where it may hold several."),
    ] = 10
    csrf_prevention: Annotated[
        bool,
        Field(
            description="Whether a GET without a token must carry a header that pages of others "
            "cannot send unasked, such as apollo-require-preflight."
        ),
    ] = _EDGE.csrf_prevention
    cors: Annotated[
        CORSConfig, Field(description="Pages of other origins that may read answers (CORS).")
    ] = CORSConfig()
    header_s: Annotated[
        float, Field(gt=0, le=600, description="How long a request's head may take to arrive.")
    ] = _EDGE.header_s
    body_s: Annotated[
        float, Field(gt=0, le=600, description="How long a request's body may take to arrive.")
    ] = _EDGE.body_s
    stalled_s: Annotated[
        float,
        Field(gt=0, le=3_600, description="How long a client may read nothing of its answer."),
    ] = _EDGE.stalled_s
    max_head_kilobytes: Annotated[
        int, Field(ge=4, le=1_024, description="Longest head of a request, with its address.")
    ] = _EDGE.max_head_bytes // 1024
    suggestions: Annotated[
        bool | None,
        Field(
            description="Whether errors suggest names that may have been meant; null: only where "
            "the manifest takes development tokens."
        ),
    ] = None

    @property
    def gzip_from_bytes(self) -> int | None:
        """The same in bytes."""
        return None if self.gzip_from_kilobytes is None else self.gzip_from_kilobytes * 1024

    def edge(self, *, development: bool) -> Edge:
        """What is taken over HTTP.

        Args:
            development: Whether the manifest takes development tokens.
        """
        return Edge(
            get=self.get,
            max_batch=self.max_batch if self.batching else 0,
            csrf_prevention=self.csrf_prevention,
            cross_origin=self.cors.settings(),
            header_s=self.header_s,
            body_s=self.body_s,
            stalled_s=self.stalled_s,
            max_head_bytes=self.max_head_kilobytes * 1024,
            suggestions=development if self.suggestions is None else self.suggestions,
        )
