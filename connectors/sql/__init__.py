"""SQL: tables, views and vetted SELECTs of relational databases, read-only (`dialects.py`)."""

from connectors.sql.database import Place
from connectors.sql.reader import SQLReader, reader
from connectors.sql.settings import Options, Settings

__all__ = ["Options", "Place", "SQLReader", "Settings", "reader"]
