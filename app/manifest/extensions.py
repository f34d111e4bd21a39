"""What a manifest says about local extensions of processes."""

from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.manifest.part import Part
from connectors.kit.secrets import SecretRef
from workflows.extensions import Asking, Edition, Extension, Opinion, Place, Verdict


class EditionConfig(Part):
    """One version of an extension: a Python function, or a service that is called by HTTP."""

    python: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
            description="Function that is called, as package.module:function. It is given the "
            "question and gives the opinion, both as plain data; it may be async.",
        ),
    ] = None
    url: Annotated[
        str | SecretRef | None,
        Field(description="Address that the question is posted to: text, {env: NAME} or a file."),
    ] = None
    token: Annotated[
        SecretRef | None, Field(description="Sent along as a bearer token, by reference.")
    ] = None
    deadline_s: Annotated[
        float, Field(gt=0, le=120, description="Seconds that it may take to answer.")
    ] = 5.0
    fallback: Annotated[
        Literal["continue", "refuse"] | None,
        Field(
            description="What counts as said where it does not answer in time. Left out, it is "
            "asked again and again, as a system is."
        ),
    ] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.python is None) == (self.url is None):
            raise ValueError("say how it is asked by exactly one of `python` and `url`")
        if self.python is not None and self.token is not None:
            raise ValueError("`token` is for an extension with a `url`")
        return self

    def edition(self, name: str, ask: Asking) -> Edition:
        """The same, for processes."""
        fallback = None
        if self.fallback is not None:
            message = f"{name} could not be asked in time, and without it this is refused"
            fallback = Opinion(verdict=Verdict(self.fallback), message=message)
        return Edition(ask=ask, deadline_s=self.deadline_s, fallback=fallback)


class ExtensionConfig(Part):
    """What a region or a company adds to a process."""

    process: Annotated[str, Field(min_length=1, description="Which process: `ordering` and so on.")]
    step: Annotated[
        str,
        Field(
            min_length=1,
            description="Name of the step that it stands at, as `processes` shows it. A trailing * "
            "stands for any rest: `create in *`.",
        ),
    ]
    place: Annotated[
        Literal["before", "after"],
        Field(
            description="`before` the step it may refuse; `after` it may refuse too, or give "
            "another result."
        ),
    ]
    regions: Annotated[
        tuple[str, ...] | None,
        Field(min_length=1, description="For what is in these regions alone."),
    ] = None
    companies: Annotated[
        tuple[str, ...] | None, Field(min_length=1, description="For these companies alone.")
    ] = None
    versions: Annotated[
        dict[Annotated[int, Field(ge=1)], EditionConfig],
        Field(
            min_length=1,
            description="Its versions by number. The highest is for processes that begin; an older "
            "one stays here until no process runs by it.",
        ),
    ]

    def extension(self, name: str, asking: Callable[[str, EditionConfig], Asking]) -> Extension:
        """The same, for processes."""
        return Extension(
            name=name,
            kind=self.process,
            step=self.step,
            place=Place(self.place),
            regions=None if self.regions is None else frozenset(self.regions),
            companies=None if self.companies is None else frozenset(self.companies),
            editions={
                number: config.edition(name, asking(name, config))
                for number, config in self.versions.items()
            },
        )
