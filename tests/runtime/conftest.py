"""Tests of the runtime against a real Valkey."""

from tests.fixtures.valkey import valkey_server, valkey_url

__all__ = ["valkey_server", "valkey_url"]
