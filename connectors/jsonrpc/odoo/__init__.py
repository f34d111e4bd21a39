"""Odoo's dialects: execute_kw over /jsonrpc, and JSON-2."""
