"""What each backend can supply: its preset with the manifest's changes, checked."""

from collections.abc import Mapping

from pydantic import ValidationError

from app.manifest.cross_checks import Mappings
from app.manifest.document import Document
from app.manifest.problems import Problem, suggestion
from connectors.config import BackendConfig
from connectors.kit.mapping.model import PresetModel
from connectors.kit.mapping.presets import merge, preset_document, preset_names


def mappings_of(
    backends: Mapping[str, BackendConfig], document: Document
) -> tuple[Mappings, list[Problem]]:
    """What the backends can supply, and what is wrong with their mappings."""
    raise NotImplementedError
