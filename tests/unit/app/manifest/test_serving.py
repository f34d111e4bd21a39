"""How answers are kept and sent, as a manifest says it."""

import pytest

from app.manifest.serving import AnswersConfig, HTTPConfig


@pytest.mark.parametrize(
    "said, max_bytes",
    [
        ({}, 64_000_000),
        ({"megabytes": 2}, 2_000_000),
        ({"enabled": False}, 0),
        ({"enabled": False, "megabytes": 2}, 0),
    ],
)
def test_what_is_switched_off_has_no_memory(said: dict[str, object], max_bytes: int) -> None:
    assert AnswersConfig.model_validate(said).max_bytes == max_bytes


@pytest.mark.parametrize(
    "said, from_bytes",
    [
        ({}, 65_536),
        ({"gzip_from_kilobytes": 1}, 1_024),
        ({"gzip_from_kilobytes": None}, None),
    ],
)
def test_compression_begins_at_a_length_or_never(
    said: dict[str, object], from_bytes: int | None
) -> None:
    assert HTTPConfig.model_validate(said).gzip_from_bytes == from_bytes
