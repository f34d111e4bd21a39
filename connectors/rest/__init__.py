"""REST: JSON over HTTP, with everything that differs between systems declared (`settings.py`)."""

from connectors.rest.reader import RestReader, reader
from connectors.rest.settings import Options, Settings
from connectors.rest.writing import RestWriter, writer

__all__ = ["Options", "RestReader", "RestWriter", "Settings", "reader", "writer"]
