"""Durable processes on DBOS: the only place that knows it."""
