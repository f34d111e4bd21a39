"""Data residency: for which callers and which processes a region's sources are there."""

from typing import Annotated

from pydantic import Field

from app.manifest.part import Part

Names = tuple[Annotated[str, Field(min_length=1)], ...]


class RegionConfig(Part):
    """One region. What is said nothing of is for all."""

    principals: Annotated[
        Names | None,
        Field(
            description="Regions of the callers, by their tokens, that its data is for; who is "
            "bound to no region is not among them. Left out: callers of the region, and those "
            "bound to none."
        ),
    ] = None
    processes: Annotated[
        Names | None,
        Field(
            description="Processes that may ask its systems, by their SUPPLYGRAPH_REGION. For "
            "others its sources are not there, nor what is cached of them. Left out: all."
        ),
    ] = None
