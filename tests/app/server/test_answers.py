"""What an answer says: data, errors with their paths, what it cost; and what it never says."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from canonical.errors import Reason, SupplygraphError, UnavailableError
from loaders.lists import ListQuestion
from loaders.reads import Reads
from tests.fakes.distributor import Distributor, line, order
from tests.fakes.serving import FakeServing, Site, running

JOINED = """{
  purchaseOrders(first: 30) { nodes { number supplier { code name }
    lines { quantity item { sku name inventory { onHand location { code } }
      forecasts { quantity } } } } }
}"""
ITEM = '{ item(sku: "I3") { name forecasts { quantity } } }'
SECRET = "postgresql://admin:hunter2@db.internal/erp"


def down(**more: Any) -> UnavailableError:
    return UnavailableError("planning", Reason.SERVER_ERROR, "answered 503", **more)


def broken() -> Any:
    return RuntimeError(SECRET)


async def test_the_joined_question_is_answered_over_http(site: Site) -> None:
    response = await site.ask(JOINED)
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"data"}
    orders = body["data"]["purchaseOrders"]["nodes"]
    assert len(orders) == 30
    line = orders[0]["lines"][0]
    assert line["quantity"] == "24"
    assert {p["location"]["code"] for p in line["item"]["inventory"]} == {"L0", "L1"}
    assert [f["quantity"] for f in line["item"]["forecasts"]] == ["7"] * 4


class TestErrors:
    async def test_a_system_that_is_down_costs_its_field_and_is_named(
        self, site: Site, world: Distributor
    ) -> None:
        world.forecasts.error = down(retry_after_s=30)
        response = await site.ask(ITEM, X_Correlation_ID="abc-1")
        assert response.status_code == 200
        body = response.json()
        assert body["data"]["item"] == {"name": "Item 3", "forecasts": []}
        assert body["errors"] == [
            {
                "message": "planning: answered 503",
                "path": ["item", "forecasts"],
                "extensions": {
                    "code": "UNAVAILABLE",
                    "system": "planning",
                    "reason": "server_error",
                    "retryAfterSeconds": 30,
                    "correlationId": "abc-1",
                },
            }
        ]

    async def test_a_root_that_cannot_be_read_is_null_with_its_place(
        self, site: Site, world: Distributor
    ) -> None:
        world.items.error = down()
        body = (await site.ask('{ item(sku: "I3") { name } viewer { subject } }')).json()
        assert body["data"] == {"item": None, "viewer": {"subject": "pia"}}
        [error] = body["errors"]
        assert error["path"] == ["item"]
        assert error["locations"] == [{"line": 1, "column": 3}]

    @pytest.mark.parametrize(
        "query, code, words",
        [
            ('{ node(id: "x") { id } }', "BAD_USER_INPUT", "not an id of this service"),
            ("{ items(first: 0) { nodes { sku } } }", "BAD_USER_INPUT", "from 1 to 2000"),
            ("{ items(first: 9999) { nodes { sku } } }", "BAD_USER_INPUT", "from 1 to 2000"),
            ('{ items(after: "x") { nodes { sku } } }', "BAD_USER_INPUT", "not a cursor"),
            ("{ nonsense }", "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'nonsense'"),
            ("{ items(", "GRAPHQL_PARSE_FAILED", "Syntax Error"),
            (
                "query A { __typename } query B { __typename }",
                "OPERATION_RESOLUTION_FAILED",
                "say which operation",
            ),
            (
                'query ($d: Date = "soon") { forecasts(filter: {from: $d}) { nodes { id } } }',
                "GRAPHQL_VALIDATION_FAILED",
                "Date",
            ),
        ],
    )
    async def test_a_mistake_says_its_kind_and_what_to_do(
        self, site: Site, query: str, code: str, words: str
    ) -> None:
        response = await site.ask(query, X_Correlation_ID="abc-2")
        errors = response.json()["errors"]
        assert words in errors[0]["message"]
        assert errors[0]["extensions"] == {"code": code, "correlationId": "abc-2"}

    async def test_a_fault_of_ours_is_told_by_its_number_and_logged_whole_once(
        self, site: Site, world: Distributor, capfd: pytest.CaptureFixture[str]
    ) -> None:
        world.forecasts.error = broken()
        with capture_logs() as logs:
            response = await site.ask(JOINED, X_Correlation_ID="abc-3")
        assert response.status_code == 200
        errors = response.json()["errors"]
        assert {e["extensions"]["code"] for e in errors} == {"INTERNAL_SERVER_ERROR"}
        assert {e["extensions"]["correlationId"] for e in errors} == {"abc-3"}
        for inside in ("hunter2", "RuntimeError", "Traceback", ".py", "canonical", "BatchError"):
            assert inside not in response.text
        [logged] = [entry for entry in logs if entry["log_level"] == "error"]
        assert logged["correlation_id"] == "abc-3"
        assert str(logged["exc_info"]) == SECRET
        assert capfd.readouterr() == ("", "")

    async def test_expected_errors_are_not_logged_as_faults(
        self, site: Site, world: Distributor, capfd: pytest.CaptureFixture[str]
    ) -> None:
        world.forecasts.error = down()
        with capture_logs() as logs:
            for query in (ITEM, "{ items(", "{ nonsense }", '{ node(id: "x") { id } }'):
                assert (await site.ask(query)).json()["errors"]
            await site.ask(ITEM, token="rubbish")
        assert [entry for entry in logs if entry["log_level"] in {"error", "critical"}] == []
        assert capfd.readouterr() == ("", "")

    async def test_thousands_of_positions_with_one_problem_are_one_error(self) -> None:
        world = Distributor([order(n, lines=(line(10, "I1"), line(20, "I2"))) for n in range(1000)])
        world.forecasts.error = down()
        async with running(FakeServing(*world.sources)) as site:
            body = (
                await site.ask(
                    "{ purchaseOrders(first: 1000) "
                    "{ nodes { lines { item { forecasts { quantity } } } } } }"
                )
            ).json()
        [error] = body["errors"]
        assert error["extensions"]["positions"] == 2000
        assert error["path"] == ["purchaseOrders", "nodes", 0, "lines", 0, "item", "forecasts"]
        assert len(body["data"]["purchaseOrders"]["nodes"]) == 1000


class TestHeaders:
    async def test_the_cost_is_told_to_whoever_asks_for_it(self, site: Site) -> None:
        assert "extensions" not in (await site.ask(ITEM)).json()
        told = (
            await site.ask(ITEM, X_Supplygraph_Extensions="Cost", X_Correlation_ID="c-1")
        ).json()
        cost = told["extensions"]["supplygraph"]
        assert cost["correlationId"] == "c-1"
        assert cost["levels"] >= 2
        assert cost["milliseconds"] > 0
        assert cost["backends"]["erp"]["cacheHits"] == 1

    async def test_what_each_system_cost_is_exact(self, site: Site, world: Distributor) -> None:
        told = (await site.ask(JOINED, X_Supplygraph_Extensions="cost")).json()
        backends = told["extensions"]["supplygraph"]["backends"]
        calls = {name: backend["calls"] for name, backend in backends.items()}
        assert calls == {"erp": 4, "procurement": 1, "planning": 1}

    @pytest.mark.parametrize("seconds", ["0", "60", "0.5", "691200"])
    async def test_records_may_be_bound_in_age(
        self, site: Site, world: Distributor, seconds: str
    ) -> None:
        await site.ask(ITEM)
        asked = len(world.items.asked)
        response = await site.ask(ITEM, X_Supplygraph_Max_Staleness=seconds)
        assert response.status_code == 200
        assert len(world.items.asked) == asked

    async def test_older_records_are_asked_for_again(
        self, site: Site, serving: FakeServing, world: Distributor
    ) -> None:
        await site.ask(ITEM)
        serving.desk.now_s += 30
        await site.ask(ITEM, X_Supplygraph_Max_Staleness="40")
        assert len(world.items.asked) == 1
        await site.ask(ITEM, X_Supplygraph_Max_Staleness="20")
        assert len(world.items.asked) == 2

    @pytest.mark.parametrize(
        "text", ["soon", "-1", "nan", "inf", "1e3", "691201", "", "1_0", "5 s"]
    )
    async def test_a_bound_that_is_none_is_refused(self, site: Site, text: str) -> None:
        response = await site.ask(ITEM, X_Supplygraph_Max_Staleness=text)
        assert response.status_code == 400
        assert "from 0 to 691200" in response.json()["errors"][0]["message"]

    async def test_the_correlation_id_is_handed_on_and_returned(
        self, site: Site, serving: FakeServing
    ) -> None:
        response = await site.ask(ITEM, X_Correlation_ID="Order-7:a/b")
        assert response.headers["x-correlation-id"] == "Order-7:a/b"
        assert serving.asks[0].correlation_id == "Order-7:a/b"

    @pytest.mark.parametrize("text", ["", "a b", "<script>", "x" * 129, "a;b", "-a", 'a"'])
    async def test_an_unsafe_correlation_id_is_replaced(self, site: Site, text: str) -> None:
        response = await site.ask("{ nonsense }", X_Correlation_ID=text)
        given = response.headers["x-correlation-id"]
        assert given != text
        assert len(given) == 32
        assert response.json()["errors"][0]["extensions"]["correlationId"] == given

    async def test_refusals_carry_a_correlation_id_too(self, site: Site) -> None:
        response = await site.client.put("/graphql", headers={"X-Correlation-ID": "abc"})
        assert response.headers["x-correlation-id"] == "abc"

    async def test_the_callers_trace_goes_on(self, site: Site, serving: FakeServing) -> None:
        trace = "0af7651916cd43dd8448eb211c80319c"
        await site.ask(ITEM, traceparent=f"00-{trace}-b7ad6b7169203331-01")
        handed_on = serving.asks[0].traceparent
        assert handed_on is not None
        assert handed_on.split("-")[1] == trace

    async def test_a_trace_begins_where_there_was_none(
        self, site: Site, serving: FakeServing
    ) -> None:
        await site.ask(ITEM, traceparent="00-nonsense")
        assert serving.asks[0].traceparent is not None


class TestTime:
    async def test_a_source_that_hangs_costs_its_field_at_the_deadline(
        self, world: Distributor
    ) -> None:
        world.forecasts.delay_s = 60
        async with running(FakeServing(*world.sources, timeout_s=0.2)) as site:
            body = (await asyncio.wait_for(site.ask(ITEM), 5)).json()
            world.forecasts.delay_s = 0
            again = (await site.ask(ITEM)).json()
        assert body["data"]["item"] == {"name": "Item 3", "forecasts": []}
        [error] = body["errors"]
        assert (error["extensions"]["system"], error["extensions"]["reason"]) == (
            "planning",
            "timeout",
        )
        assert "errors" not in again

    async def test_a_list_that_hangs_is_given_up_at_the_deadline(self, world: Distributor) -> None:
        world.orders.delay_s = 60
        async with running(FakeServing(*world.sources, timeout_s=0.2)) as site:
            query = "{ purchaseOrders(first: 3) { nodes { number } completeness { complete } } }"
            body = (await asyncio.wait_for(site.ask(query), 5)).json()
        assert len(body["data"]["purchaseOrders"]["nodes"]) == 3
        assert body["data"]["purchaseOrders"]["completeness"] == {"complete": False}
        assert body["errors"][0]["extensions"]["system"] == "erp"

    async def test_whatever_else_hangs_is_504_a_little_later(
        self, world: Distributor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def hang(_self: Reads, _question: ListQuestion) -> Any:
            await asyncio.sleep(60)

        monkeypatch.setattr(Reads, "page", hang)
        async with running(FakeServing(*world.sources, timeout_s=0.1)) as site:
            response = await asyncio.wait_for(site.ask("{ items { nodes { sku } } }"), 5)
        assert response.status_code == 504
        [error] = response.json()["errors"]
        assert "data" not in response.json()
        assert "longer than 0.1 s" in error["message"]
        assert error["extensions"]["code"] == "UNAVAILABLE"

    async def test_a_client_that_hangs_up_is_not_worked_for(
        self, site: Site, world: Distributor
    ) -> None:
        world.orders.delay_s = world.procurement.delay_s = 0.3
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await site.ask(JOINED)
        await asyncio.sleep(0.6)
        assert world.orders.asked
        assert world.items.asked == []
        assert site.drain.under_way == 0
        world.orders.delay_s = world.procurement.delay_s = 0
        assert (await site.ask(JOINED)).status_code == 200


async def test_errors_of_our_own_keep_their_class_through_batches(
    site: Site, world: Distributor
) -> None:
    class Odd(SupplygraphError):
        code = "ODD"

    world.forecasts.error = Odd("a word of its own")
    [error] = (await site.ask(ITEM)).json()["errors"]
    assert (error["message"], error["extensions"]["code"]) == ("a word of its own", "ODD")
