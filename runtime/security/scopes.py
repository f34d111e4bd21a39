"""The words that a caller may be granted beside its roles: an object and what is done with it.

A token may carry any other words; they mean nothing here, and are dropped, so that two callers who
may see the same are told apart by nothing else.
"""

from typing import Final

OBJECTS: Final = (
    "orders",
    "items",
    "suppliers",
    "inventory",
    "forecasts",
    "receipts",
    "recommendations",
    "locations",
    "prices",
    "costs",
    "exceptions",
    "events",
    "audit",
    "catalog",
)
"""What may be read or written, in the words of scopes."""

KNOWN_SCOPES: Final = frozenset(
    f"{each}:{verb}" for each in OBJECTS for verb in ("read", "write")
) | {"recommendations:decide"}
"""All words there are: `orders:read`, `orders:write` and so on, and `recommendations:decide`."""
