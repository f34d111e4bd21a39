"""The record cache: Redis, shared by all processes, under a small layer within each of them."""
