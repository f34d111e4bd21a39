"""How questions are taken, and answers are kept and sent, as a manifest says it."""

import pytest
from pydantic import ValidationError

from app.manifest.known_operations import KnownOperationsConfig
from app.manifest.serving import AnswersConfig, CORSConfig, HTTPConfig
from app.server.edge import CrossOrigin, Edge
from app.server.known_operations import Mode, Policy
from runtime.security.principal import Role


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


def test_the_defaults_of_what_is_taken_are_those_of_the_server() -> None:
    assert HTTPConfig().edge(development=False) == Edge()
    assert HTTPConfig().edge(development=True) == Edge(suggestions=True)


def test_what_is_taken_is_switched() -> None:
    said = HTTPConfig.model_validate(
        {
            "get": False,
            "batching": True,
            "csrf_prevention": False,
            "cors": {"origins": ["https://Portal.example.com", "http://localhost:3000"]},
            "header_s": 5,
            "body_s": 6,
            "stalled_s": 7,
            "max_head_kilobytes": 8,
            "suggestions": False,
        }
    )
    origins = frozenset({"https://portal.example.com", "http://localhost:3000"})
    assert said.edge(development=True) == Edge(
        get=False,
        max_batch=10,
        csrf_prevention=False,
        cross_origin=CrossOrigin(origins=origins),
        header_s=5,
        body_s=6,
        stalled_s=7,
        max_head_bytes=8_192,
    )


@pytest.mark.parametrize("origin", ["*", "null", "portal.example.com", "https://a.b/path", ""])
def test_other_origins_are_named_one_by_one(origin: str) -> None:
    with pytest.raises(ValidationError):
        CORSConfig(origins=(origin,))


def test_known_operations_are_open_where_nothing_is_said() -> None:
    assert KnownOperationsConfig().policy() == Policy()
    said = KnownOperationsConfig.model_validate({"by_role": {"supplier": "known_only"}})
    assert said.policy() == Policy(by_role={Role.SUPPLIER: Mode.KNOWN_ONLY})
