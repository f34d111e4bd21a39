"""Batched execution: links that answer for all parents at once, whatever the schema is about."""
