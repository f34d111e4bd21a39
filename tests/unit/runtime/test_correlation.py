"""Correlation ids: a safe one is kept, any other is replaced."""

import asyncio

import pytest

from runtime.telemetry.correlation import accepted, correlated, correlation_id, new_correlation_id


@pytest.mark.parametrize(
    "inbound",
    ["a", "7f3c-12", "Root=1-67891233-abcdef012345678912345678", "a" * 128, "t:1/2+3@x_y"],
)
def test_a_safe_id_is_kept(inbound: str) -> None:
    assert accepted(inbound, make=lambda: "ours") == inbound


@pytest.mark.parametrize(
    "inbound",
    [
        None,
        "",
        "a" * 129,
        "a b",
        "a\r\nX-Evil: 1",
        "a\n",
        "<script>",
        "-a",
        "ä",
        'a"b',
        "a;b",
        "a,b",
    ],
)
def test_any_other_is_replaced(inbound: str | None) -> None:
    assert accepted(inbound, make=lambda: "ours") == "ours"


def test_ours_are_safe_and_different() -> None:
    assert accepted(new_correlation_id(), make=lambda: "replaced") != "replaced"
    assert new_correlation_id() != new_correlation_id()


async def test_each_operation_has_its_own() -> None:
    async def operation(name: str) -> tuple[str | None, str | None]:
        with correlated(name):
            await asyncio.sleep(0)
            return correlation_id(), await asyncio.create_task(inner())

    async def inner() -> str | None:
        return correlation_id()

    assert list(await asyncio.gather(operation("a"), operation("b"))) == [
        ("a", "a"),
        ("b", "b"),
    ]
    assert correlation_id() is None
