"""What operations leave in the audit, and when: seen from outside, with a real store."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
from graphql import get_introspection_query, parse
from msgspec.structs import replace

from app.governance.auditing import Auditor, Change, Concerned
from app.governance.redaction import REDACTED, Redaction
from app.server.answering import EngineAnswering
from app.server.known_operations import KnownOperations, Mode, Policy
from app.server.ports import Serves
from canonical.audit import AuditEntry, AuditFilter, AuditKind
from canonical.errors import Reason, RefusedError, UnavailableError
from canonical.ids import GlobalId
from runtime.audit.log import AuditLog
from runtime.audit.reading import StoredAudit
from runtime.audit.refusals import Refusals
from runtime.cache.answers import AnswerCache
from runtime.security.principal import Role
from runtime.store.store import Store
from subscriptions.answering import SubscriptionRequest
from tests.fakes.desk import PLANNER, supplier_principal
from tests.fakes.serving import a_token, running
from tests.governance.conftest import Audited

CREATE = """mutation Order($input: CreatePurchaseOrderInput!) {
  createPurchaseOrder(input: $input) { userErrors { code } } }"""
ORDER = {
    "supplier": "S1",
    "lines": [
        {"item": "I1", "quantity": "2", "dueOn": "2026-12-01", "shipTo": "L1", "unitPrice": "9.5"}
    ],
    "idempotencyKey": "k1",
    "note": "call Ann",
}
BEGUN, DONE = AuditKind.CHANGE_BEGUN, AuditKind.CHANGE_DONE


async def entries(audited: Audited, *kinds: AuditKind) -> Sequence[AuditEntry]:
    """Entries, the oldest first."""
    wanted = AuditFilter(kinds=tuple(kind.value for kind in kinds) or None)
    return list(reversed((await audited.trail.page(wanted)).entries))


async def test_a_change_is_begun_and_done(audited: Audited) -> None:
    reply = await audited.site.ask(
        CREATE,
        {"input": ORDER},
        X_Correlation_ID="c-1",
        apollographql_client_name="portal",
        apollographql_client_version="2.1",
    )
    assert reply.json()["data"] == {
        "createPurchaseOrder": {"userErrors": [{"code": "UNSUPPORTED"}]}
    }
    begun, done = await entries(audited)
    assert (begun.kind, begun.actor, begun.roles) == (BEGUN, "pia", ("planner",))
    assert (begun.action, begun.operation, begun.decision) == ("Order", "mutation", "allowed")
    assert begun.document == hashlib.sha256(CREATE.encode()).hexdigest()
    assert begun.objects == ("Supplier:S1", "Item:I1", "Location:L1")
    assert (begun.correlation_id, begun.client) == ("c-1", "portal/2.1")
    said = begun.details["variables"]["input"]
    assert (said["supplier"], said["note"]) == ("S1", "[redacted]")
    assert said["lines"][0]["unitPrice"] == "[redacted]"
    assert begun.details["fields"] == ["createPurchaseOrder"]
    assert (done.kind, done.finishes, done.decision) == (DONE, begun.entry_id, "UNSUPPORTED")
    assert (await audited.trail.page(AuditFilter(unfinished=True))).total == 0


async def test_objects_are_named_by_literals_and_ids_too(audited: Audited) -> None:
    name = GlobalId("ReplenishmentRecommendation", ("planning", "R1")).encode()
    await audited.site.ask(
        f"""mutation {{ ...F }} fragment F on Mutation {{
          approveRecommendation(input: {{id: "{name}"}}) {{ userErrors {{ code }} }}
          acknowledgePurchaseOrder(input: {{number: "45", lines: []}}) {{
            userErrors {{ code }} }} }}"""
    )
    begun, _ = await entries(audited)
    assert begun.objects == ("ReplenishmentRecommendation:planning:R1", "PurchaseOrder:45")


async def test_what_cannot_be_written_down_is_not_done(audited: Audited) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise UnavailableError("store", Reason.CONNECTION, "it cannot be reached")

    audited.store.write = away  # type: ignore[method-assign,assignment]
    reply = await audited.site.ask(CREATE, {"input": ORDER})
    assert reply.status_code == 503
    assert reply.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert (await audited.site.ask("{ items { nodes { sku } } }")).status_code == 503
    assert (await audited.site.ask("{ viewer { subject } }")).status_code == 200


async def test_a_crash_between_shows_as_unfinished(file_store: Store) -> None:
    """The process dies while a change is made: nothing is left of it but its beginning."""
    log = AuditLog(file_store)
    auditor = Auditor(log, Refusals(log), Redaction(), exports_from=10)
    document = parse('mutation M { discardDeadLetter(id: "l1", reason: "r") { preview } }')
    change = Change(Concerned(None, "c-1", operation_name="M"), document, document.definitions[0])  # type: ignore[arg-type]
    begun = asyncio.Event()

    async def never() -> None:
        begun.set()
        await asyncio.get_running_loop().create_future()

    work = asyncio.create_task(auditor.change(change, never, lambda _: []))
    await begun.wait()
    [entry] = (await StoredAudit(file_store).page(AuditFilter(unfinished=True))).entries
    assert (entry.action, entry.objects) == ("M", ("id:l1",))
    work.cancel()
    await asyncio.wait([work])
    await auditor._refusals.flush()
    done = (await StoredAudit(file_store).page(first=1)).entries[0]
    assert (done.decision, done.finishes) == ("CANCELLED", entry.entry_id)


async def test_only_reads_above_a_size_are_written_down(audited: Audited) -> None:
    few, many = "{ items(first: 7) { nodes { sku } } }", "query All { items { nodes { sku } } }"
    await audited.site.ask(few)
    assert await entries(audited) == []
    await audited.site.ask(many)
    [entry] = await entries(audited)
    assert (entry.kind, entry.action, entry.actor) == (AuditKind.EXPORT, "All", "pia")
    assert entry.details == {"objects": {"Item": 10}, "total": 10, "variables": {}}


async def test_the_schema_itself_is_no_export(audited: Audited) -> None:
    for text in (get_introspection_query(), "{ catalog { types { name fields { name } } } }"):
        await audited.site.ask(text)
    assert await entries(audited) == []


async def test_an_export_that_is_kept_is_written_down_each_time(audited: Audited) -> None:
    desk = audited.serving.desk
    cache = AnswerCache(desk.cache, None, version="t", max_bytes=10**6, clock=lambda: desk.now_s)
    audited.serving.serves = Serves(cache)
    async with running(audited.serving) as site:
        for _ in range(3):
            await site.ask("{ items { nodes { sku } } }")
        for _ in range(3):
            await site.ask("{ items(first: 2) { nodes { sku } } }")
    await cache.aclose()
    assert len(await entries(audited, AuditKind.EXPORT)) == 3


async def test_refusals_say_who_and_why(audited: Audited) -> None:
    supplier, stranger = a_token(Role.SUPPLIER, "S1"), a_token(now=0)
    await audited.site.ask("query Stock { inventory { nodes { item { sku } } } }", token=supplier)
    await audited.site.ask("{ deadLetters { totalCount } }")
    await audited.site.ask("{ items { totalCount } }", token=None)
    await audited.site.ask("{ items { totalCount } }", token=stranger)
    await audited.site.ask("{ nonsense }")
    await audited.refusals.flush()
    found = [(e.actor, e.decision, e.action) for e in await entries(audited, AuditKind.REFUSAL)]
    assert sorted(found) == [
        ("", "UNAUTHENTICATED", ""),
        ("", "UNAUTHENTICATED", ""),
        ("pia", "FORBIDDEN", ""),
        ("pia", "FORBIDDEN", "Stock"),
    ]


async def test_what_is_told_as_unknown_is_on_record_as_refused(audited: Audited) -> None:
    auditor = a_token(Role.AUDITOR)
    reply = await audited.site.ask("query Peek { items { nodes { sku } } }", token=auditor)
    assert reply.json().get("data") is None
    await audited.refusals.flush()
    [entry] = await entries(audited, AuditKind.REFUSAL)
    assert (entry.action, entry.roles, entry.decision) == ("Peek", ("auditor",), "FORBIDDEN")


async def test_a_subscription_that_is_refused_is_too(audited: Audited) -> None:
    operator = audited.site.board.operator
    answering = EngineAnswering(
        operator.engine, operator.documents, operator.judge, audited.serving
    )
    text = "subscription Stock { inventoryChanged { cursor } }"
    request = SubscriptionRequest(text, {}, None, supplier_principal("S1"), "c-2")
    told = answering.refused(RefusedError("suppliers may not hear this"), request)
    assert b"FORBIDDEN" in told
    await audited.refusals.flush()
    [entry] = await entries(audited, AuditKind.REFUSAL)
    assert (entry.actor, entry.action, entry.correlation_id) == ("sam", "Stock", "c-2")


async def test_documents_that_are_not_known_are_refused_on_record(audited: Audited) -> None:
    known = KnownOperations(policy=Policy(by_role={Role.SUPPLIER: Mode.KNOWN_ONLY}))
    audited.serving.serves = Serves(known=known)
    async with running(audited.serving) as site:
        reply = await site.ask(
            "query Own { viewer { subject } }", token=a_token(Role.SUPPLIER, "S1")
        )
        assert reply.status_code == 403
    await audited.refusals.flush()
    [entry] = await entries(audited, AuditKind.REFUSAL)
    assert (entry.actor, entry.decision) == ("pia", "QUERY_NOT_IN_SAFELIST")


async def test_a_machine_is_known_by_its_key(file_store: Store) -> None:
    log = AuditLog(file_store)
    auditor = Auditor(log, Refusals(log), Redaction(), exports_from=1)
    machine = replace(PLANNER, subject="wms", roles=frozenset({Role.MACHINE}), key_id="k1")
    await auditor.exported(Concerned(machine, "c-3"), {"Item": 5})
    [entry] = (await StoredAudit(file_store).page()).entries
    assert (entry.actor, entry.key_id, entry.roles) == ("wms", "k1", ("machine",))


AUDIT = """query ($filter: AuditEntryFilter, $after: String) {
  auditEntries(first: 1, filter: $filter, after: $after) { totalCount
  pageInfo { hasNextPage endCursor }
  nodes { id kind actor decision position details objects hash } } }"""


async def test_auditors_alone_read_it(audited: Audited) -> None:
    await audited.site.ask(CREATE, {"input": ORDER})
    auditor = a_token(Role.AUDITOR)
    first = (await audited.site.ask(AUDIT, token=auditor)).json()["data"]["auditEntries"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (2, True)
    [node] = first["nodes"]
    assert (node["kind"], node["decision"], node["position"]) == ("CHANGE_DONE", "UNSUPPORTED", 2)
    after = {"after": first["pageInfo"]["endCursor"]}
    [node] = (await audited.site.ask(AUDIT, after, token=auditor)).json()["data"]["auditEntries"][
        "nodes"
    ]
    assert (node["kind"], node["objects"][0]) == ("CHANGE_BEGUN", "Supplier:S1")
    wanted = {"filter": {"kind": ["EXPORT"]}}
    found = (await audited.site.ask(AUDIT, wanted, token=auditor)).json()["data"]["auditEntries"]
    assert found["totalCount"] == 0
    for token in (a_token(Role.OPERATOR), a_token(), a_token(Role.SUPPLIER, "S1")):
        refused = (await audited.site.ask(AUDIT, token=token)).json()
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    wrong = (await audited.site.ask(AUDIT, {"after": "x"}, token=auditor)).json()
    assert wrong["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "given, kept",
    [
        ({"a": {"API_Key": 1, "b": [{"c": 2}]}}, {"a": {"API_Key": REDACTED, "b": [{"c": 2}]}}),
        (
            {"Body": "x", "unitPrice": 1, "sku": "I1"},
            {"Body": REDACTED, "unitPrice": REDACTED, "sku": "I1"},
        ),
        (
            {"newPassword": {"x": 1}, "lines": [[{"note": 1}]]},
            {"newPassword": REDACTED, "lines": [[{"note": REDACTED}]]},
        ),
    ],
)
def test_variables_are_redacted_by_name(given: Any, kept: Any) -> None:
    assert Redaction().variables(given) == kept


def test_variables_that_are_too_long_are_told_by_a_digest() -> None:
    found = Redaction(["x"]).variables({"list": ["value"] * 10_000, "note": "kept"})
    assert found["too_long"]["names"] == ["list", "note"]
    assert Redaction(["x"]).variables({"note": "kept", "x": 1}) == {
        "note": "kept",
        "x": "[redacted]",
    }
    assert Redaction().variables({"s": "\ud800"}) == {"unreadable": True}
