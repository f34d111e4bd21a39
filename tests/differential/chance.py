"""Chance."""

from random import Random


def chance(rnd: Random, share: float) -> bool:
    """True in a share of all cases."""
    return rnd.random() < share
