"""The control surface: what was asked, and trouble on demand."""

from __future__ import annotations

from time import perf_counter

import httpx
import pytest

from sandbox.launch import Sandbox

_PRODUCTS = "API_PRODUCT_SRV/A_Product"
_PATH = f"/sap/opu/odata/sap/{_PRODUCTS}"


def _set_faults(sandbox: Sandbox, *rules: dict[str, object]) -> None:
    httpx.put(f"{sandbox.s4.control_url}faults", json=list(rules)).raise_for_status()


def test_the_log_holds_requests_with_decoded_queries(sandbox: Sandbox, s4: httpx.Client) -> None:
    headers = {"x-correlation-id": "abc"}
    s4.get(_PRODUCTS, params={"$filter": "Product eq 'A B'", "x": ["1", "2"]}, headers=headers)
    s4.post(_PRODUCTS, content="hello")
    first, second = httpx.get(f"{sandbox.s4.control_url}log").json()
    assert (first["method"], first["path"], first["status"]) == ("GET", _PATH, 200)
    assert first["query"] == {"$filter": "Product eq 'A B'", "x": ["1", "2"]}
    assert first["headers"]["x-correlation-id"] == "abc"
    assert first["ms"] > 0
    assert "body" not in first
    assert (second["method"], second["status"], second["body"]) == ("POST", 403, "hello")


def test_stats_count_and_reset_forgets(sandbox: Sandbox, s4: httpx.Client) -> None:
    for _ in range(3):
        s4.get(_PRODUCTS)
    s4.get("API_NIX_SRV/X")
    stats = httpx.get(f"{sandbox.s4.control_url}stats").json()
    assert stats["total"] == 4
    assert stats["by_path"][_PATH] == 3
    assert stats["by_status"] == {"200": 3, "403": 1}
    httpx.post(f"{sandbox.s4.control_url}reset")
    assert httpx.get(f"{sandbox.s4.control_url}stats").json()["total"] == 0
    assert httpx.get(f"{sandbox.s4.control_url}log").json() == []


def test_latency(sandbox: Sandbox, s4: httpx.Client) -> None:
    _set_faults(sandbox, {"latency_ms": 150})
    start = perf_counter()
    assert s4.get(_PRODUCTS).status_code == 200
    assert perf_counter() - start >= 0.15


def test_a_status_for_so_many_requests_of_a_path(sandbox: Sandbox, s4: httpx.Client) -> None:
    rule = {"match": "A_Product", "status": 503, "retry_after": "7", "count": 2}
    _set_faults(sandbox, rule)
    assert s4.get("API_PLANT_SRV/A_Plant").status_code == 200
    refused = s4.get(_PRODUCTS)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "7")
    assert "error" in refused.json()
    assert [s4.get(_PRODUCTS).status_code for _ in range(2)] == [503, 200]


def test_a_status_with_a_body_of_its_own(sandbox: Sandbox, s4: httpx.Client) -> None:
    _set_faults(sandbox, {"status": 500, "body": "kaput"})
    response = s4.get(_PRODUCTS)
    assert (response.status_code, response.text) == (500, "kaput")


def test_rubbish(sandbox: Sandbox, s4: httpx.Client) -> None:
    _set_faults(sandbox, {"rubbish": "html", "count": 1}, {"rubbish": "text"})
    page = s4.get(_PRODUCTS)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.text.startswith("<!DOCTYPE html>")
    _set_faults(sandbox, {"rubbish": "text"})
    text = s4.get(_PRODUCTS)
    assert text.headers["content-type"] == "application/json"
    with pytest.raises(ValueError, match="Expecting value"):
        text.json()


def test_a_body_that_ends_early(sandbox: Sandbox, s4: httpx.Client) -> None:
    whole = s4.get(_PRODUCTS)
    _set_faults(sandbox, {"truncate": "body"})
    cut = s4.get(_PRODUCTS)
    assert cut.status_code == 200
    assert "content-length" not in cut.headers
    assert cut.content == whole.content[: len(whole.content) // 2]


def test_a_connection_that_ends_early(sandbox: Sandbox, s4: httpx.Client) -> None:
    _set_faults(sandbox, {"truncate": "connection", "count": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        s4.get(_PRODUCTS)
    assert s4.get(_PRODUCTS).status_code == 200


def test_no_answer_at_all(sandbox: Sandbox, s4: httpx.Client) -> None:
    _set_faults(sandbox, {"drop": True, "count": 1})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        s4.get(_PRODUCTS)
    assert s4.get(_PRODUCTS).status_code == 200


def test_a_huge_valid_body(sandbox: Sandbox, s4: httpx.Client) -> None:
    _set_faults(sandbox, {"huge_mb": 3})
    response = s4.get(_PRODUCTS)
    assert 3_000_000 < len(response.content) < 3_300_000
    assert len(response.json()["d"]["results"]) > 300


@pytest.mark.parametrize(
    "kind,expected", [("object", {"value": "PC"}), ("number", 12345), ("string", "PC")]
)
def test_a_field_of_another_type(
    sandbox: Sandbox, s4: httpx.Client, kind: str, expected: object
) -> None:
    _set_faults(sandbox, {"retype": {"field": "BaseUnit", "as": kind}})
    params = {"$filter": "BaseUnit eq 'PC'", "$top": "1"}
    (row,) = s4.get(_PRODUCTS, params=params).json()["d"]["results"]
    assert row["BaseUnit"] == expected


@pytest.mark.parametrize(
    "rules", [[{"latency": 5}], [{"rubbish": "pdf"}], {"status": 500}, [{"retype": {"as": "x"}}]]
)
def test_rules_that_cannot_be_understood_are_refused(sandbox: Sandbox, rules: object) -> None:
    response = httpx.put(f"{sandbox.s4.control_url}faults", json=rules)
    assert response.status_code == 400
    assert response.json()["error"]


def test_limits_are_reset_with_the_rest(sandbox: Sandbox, s4: httpx.Client) -> None:
    url = f"{sandbox.s4.control_url}limits"
    assert httpx.put(url, json={"page_size": 3}).json()["page_size"] == 3
    httpx.post(f"{sandbox.s4.control_url}reset")
    assert httpx.put(url, json={}).json()["page_size"] == 1000
    assert httpx.put(url, json={"pages": 3}).status_code == 400


def test_unknown_controls(sandbox: Sandbox) -> None:
    response = httpx.get(f"{sandbox.s4.control_url}nix")
    assert (response.status_code, response.json()) == (404, {"error": "no such control: GET nix"})
