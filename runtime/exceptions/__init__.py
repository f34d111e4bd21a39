"""Exceptions as rows of the store: what people have to look at."""
