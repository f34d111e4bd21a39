"""Which operations an installation knows, as the manifest names them."""

from typing import Annotated

from pydantic import Field

from app.manifest.part import Part
from app.server.known_operations import Mode, Policy
from runtime.security.principal import Role


class KnownOperationsConfig(Part):
    """Trusted documents and automatic persisted queries."""

    files: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(
            max_length=100,
            description="Files of trusted documents, relative to the manifest's folder: "
            "`persisted-documents.json` of graphql-codegen ({hash: text}), or what Apollo's "
            "generate-persisted-query-manifest makes.",
        ),
    ] = ()
    mode: Annotated[
        Mode,
        Field(
            description="What becomes of a document that is in no file: `open` answers it, `log` "
            "answers it and logs it once, `known_only` refuses it."
        ),
    ] = Mode.OPEN
    by_role: Annotated[
        dict[Role, Mode],
        Field(
            description="The same for a role, such as {supplier: known_only}; of a caller with "
            "several roles, the strictest."
        ),
    ] = {}
    automatic: Annotated[
        bool,
        Field(
            description="Whether clients may name a document by its SHA-256 once one of them has "
            "sent it (Apollo's automatic persisted queries)."
        ),
    ] = True
    reread_s: Annotated[
        float | None,
        Field(
            ge=0.05,
            le=86_400,
            description="How often the files are looked at for changes, in seconds; null: at the "
            "start alone.",
        ),
    ] = 10.0

    def policy(self) -> Policy:
        """Who may ask what is in no file."""
        return Policy(mode=self.mode, by_role=self.by_role)
