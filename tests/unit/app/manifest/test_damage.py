"""Whatever is done to a manifest, it loads or is refused with lines; nothing else happens."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.manifest.loading import load_manifest
from app.manifest.problems import ManifestError, Problem
from tests.unit.app.manifest.sound import ENVIRON, SOUND

DATA: Final[Any] = yaml.safe_load(SOUND)
LINES: Final = SOUND.splitlines()

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["erp", "planning", "item", "sku", "frepple", "env", "2026-01-01", "-1"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=6), st.integers()), inner, max_size=3),
    ),
    max_leaves=6,
)
patient = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def is_used_or_refused(content: bytes) -> None:
    """Load a manifest of these bytes: no other error, and every problem has its line and words."""
    lines = len(re.split("\r\n|[\n\r\x85\u2028\u2029]", content.decode(errors="replace")))
    for problem in problems_in(content):
        assert 1 <= problem.line <= lines
        assert problem.message.strip(" ;:")
        assert "\n" not in problem.message


def problems_in(content: bytes) -> Sequence[Problem]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "m.yaml"
        file.write_bytes(content)
        try:
            load_manifest(file, ENVIRON)
        except ManifestError as exc:
            return exc.problems or pytest.fail("refused without a word")
        return ()


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    return [path, *(p for key, value in inner for p in places(value, (*path, key)))]


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = data.copy()
    copy[path[0]] = changed(copy[path[0]], path[1:], value)
    return copy


@patient
@given(path=st.sampled_from(places(DATA)), value=values)
def test_any_value_anywhere(path: tuple[Any, ...], value: Any) -> None:
    document = yaml.safe_dump(changed(DATA, path, value), allow_unicode=True)
    is_used_or_refused(document.encode("utf-8", "surrogatepass"))


@patient
@given(path=st.sampled_from(places(DATA)), key=st.text(max_size=12), value=values)
def test_any_further_key_anywhere(path: tuple[Any, ...], key: str, value: Any) -> None:
    here: Any = DATA
    for name in path:
        here = here[name]
    added = {**here, key: value} if isinstance(here, dict) else {key: value}
    document = yaml.safe_dump(changed(DATA, path, added), allow_unicode=True)
    is_used_or_refused(document.encode("utf-8", "surrogatepass"))


@patient
@given(
    at=st.integers(0, len(SOUND)), cut=st.integers(0, 30), put=st.text(max_size=6) | st.just("\t")
)
def test_any_slip_of_the_pen(at: int, cut: int, put: str) -> None:
    document = SOUND[:at] + put + SOUND[at + cut :]
    is_used_or_refused(document.encode("utf-8", "surrogatepass"))


@patient
@given(order=st.permutations(range(len(LINES))), count=st.integers(0, len(LINES)))
def test_any_lines_in_any_order(order: list[int], count: int) -> None:
    is_used_or_refused("\n".join(LINES[i] for i in order[:count]).encode())


@patient
@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    is_used_or_refused(content)
