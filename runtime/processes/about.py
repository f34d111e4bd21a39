"""Conditions on what processes are about."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from runtime.store.process_tables import PROCESS_SUBJECTS, PROCESSES

_ABOUT: Final = PROCESS_SUBJECTS.c


def about_one_of(subjects: Sequence[str]) -> sa.ColumnElement[bool]:
    """The condition that a process is about one of some subjects."""
    return PROCESSES.c.id.in_(sa.select(_ABOUT.process_id).where(_ABOUT.subject.in_(subjects)))


def about_only(kind: str, names: Sequence[str] | None) -> Sequence[sa.ColumnElement[bool]]:
    """The conditions that it is about subjects of a kind, and about some of them alone."""
    if names is None:
        return ()
    about = PROCESS_SUBJECTS.alias().c  # the query around it may ask for subjects too
    of_kind = sa.select(about.process_id).where(
        about.process_id == PROCESSES.c.id, about.subject.startswith(f"{kind}:", autoescape=True)
    )
    allowed = about.subject.in_([f"{kind}:{name}" for name in names])
    return (of_kind.exists(), ~of_kind.where(~allowed).exists())
