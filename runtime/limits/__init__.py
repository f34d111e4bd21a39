"""Limits of rate and concurrency that all processes share through Redis."""
