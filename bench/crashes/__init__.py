"""Processes killed at every line: what became of them, and of the orders that they placed."""
