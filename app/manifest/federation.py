"""What a manifest says about being a subgraph of an Apollo federation."""

from typing import Annotated

from pydantic import Field

from app.manifest.part import Part


class FederationConfig(Part):
    """How this service takes part in a federated graph.

    On by default: `_entities` reads nothing that the caller could not read by key, and `_service`
    is open to those alone who may introspect. Traces tell how long each system took, so that they
    are for gateways whose operators want them.
    """

    enabled: Annotated[
        bool, Field(description="Whether `_service` and `_entities` are in the schema.")
    ] = True
    traces: Annotated[
        bool,
        Field(
            description="Whether a gateway that asks for a trace (ftv1) is told how long each "
            "field took."
        ),
    ] = False
