"""A Valkey for the server that is asked."""

from tests.fixtures.valkey import valkey_server, valkey_url

__all__ = ["valkey_server", "valkey_url"]
