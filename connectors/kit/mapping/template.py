"""Texts put together from values: `{Plant}-{StorageLocation}`."""

import re
from typing import Any, Final

from connectors.kit.mapping.convert import to_text
from connectors.kit.mapping.paths import Env, Getter, compile_path

PLACE: Final = re.compile(r"\{([^{}]+)\}")
"""A path in a template."""


def template_paths(template: str) -> tuple[str, ...]:
    """The paths that a template names."""
    return tuple(PLACE.findall(template))


def compile_template(template: str) -> Getter:
    """A getter of the text; None if one of its values is null."""
    pieces = PLACE.split(template)
    texts, gets = pieces[::2], [compile_path(p) for p in pieces[1::2]]

    def get(element: Any, env: Env) -> str | None:
        parts = [texts[0]]
        for text, value_of in zip(texts[1:], gets, strict=True):
            value = value_of(element, env)
            if value is None:
                return None
            parts += [to_text(value), text]
        return "".join(parts)

    return get
