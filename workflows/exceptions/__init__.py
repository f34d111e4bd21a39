"""Exceptions, in the sense of operations: what processes report and people decide on."""
