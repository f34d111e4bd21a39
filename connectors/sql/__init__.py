"""SQL: tables, views, vetted SELECTs; written to only where a mapping says so (`dialects.py`)."""

from connectors.sql.database import Place
from connectors.sql.reader import SQLReader, reader
from connectors.sql.settings import Options, Settings
from connectors.sql.writing import SQLWriter, writer

__all__ = ["Options", "Place", "SQLReader", "SQLWriter", "Settings", "reader", "writer"]
