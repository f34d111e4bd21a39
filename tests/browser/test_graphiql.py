"""What a person sees at /graphiql: tabs, answers, roles; the page asks nobody but its server."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit

pytestmark = pytest.mark.xdist_group("browser")


def _open(visit: Visit, site: str) -> Page:
    visit.page.goto(f"{site}/graphiql")
    expect(visit.page.locator(".graphiql-query-editor .view-line").first).to_be_visible()
    return visit.page


def _run(page: Page) -> None:
    page.get_by_role("button", name="Execute query").click()


def test_opens_with_the_tabs_of_its_setup(visit: Visit, site: str) -> None:
    page = _open(visit, site)

    expect(page.get_by_role("tab")).to_contain_text(["Stock", "Other"])
    expect(page.locator(".graphiql-query-editor")).to_contain_text("One item and its stock")


def test_runs_the_question_of_a_tab_with_its_variables_and_headers(visit: Visit, site: str) -> None:
    page = _open(visit, site)
    with page.expect_response(
        lambda response: "Stock" in (response.request.post_data or "")
    ) as got:
        _run(page)

    assert got.value.json() == {"data": {"item": {"sku": "BOLT-8", "onHand": "12.50"}}}
    expect(page.locator(".graphiql-response")).to_contain_text('"onHand": "12.50"')
    assert visit.questions["Stock"]["x-correlation-id"] == "from-the-tab"


def test_asks_as_the_picked_role_and_for_the_cost(visit: Visit, site: str) -> None:
    page = _open(visit, site)
    _run(page)
    expect(page.locator(".graphiql-response")).to_contain_text("BOLT-8")
    asked = visit.questions["Stock"]
    assert asked["authorization"] == "Bearer token-of-planner"
    assert "x-supplygraph-extensions" not in asked

    page.get_by_label("as").select_option("supplier")
    page.get_by_label("show cost").check()
    with page.expect_response(lambda response: "Stock" in (response.request.post_data or "")):
        _run(page)

    asked = visit.questions["Stock"]
    assert asked["authorization"] == "Bearer token-of-supplier"
    assert asked["x-supplygraph-extensions"] == "cost"


def test_opens_again_where_it_was_left(visit: Visit, site: str) -> None:
    page = _open(visit, site)
    page.get_by_role("tab", name="Other").click()
    expect(page.locator(".graphiql-query-editor")).to_contain_text("NUT-8")
    page.wait_for_function(
        "() => JSON.parse(localStorage.getItem('graphiql:tabState'))?.activeTabIndex === 1"
    )
    page.reload()
    expect(page.locator(".graphiql-query-editor")).to_contain_text("NUT-8")
    expect(page.get_by_role("tab")).to_contain_text(["Stock", "Other"])

    _run(page)
    expect(page.locator(".graphiql-response")).to_contain_text("NUT-8")


def test_the_explorer_shows_the_schema(visit: Visit, site: str) -> None:
    page = _open(visit, site)
    page.get_by_role("button", name="GraphiQL Explorer").click()

    expect(page.locator(".graphiql-plugin")).to_contain_text("item")
    expect(page.locator(".graphiql-plugin")).to_contain_text("sku")


def test_a_page_without_setup_says_so(visit: Visit, site: str) -> None:
    visit.page.route("**/config.json", lambda route: route.fulfill(status=503))
    visit.page.goto(f"{site}/graphiql")

    expect(visit.page.get_by_role("main")).to_have_text(
        "This page could not be set up: /graphiql/config.json answered 503"
    )


def test_asks_nobody_but_its_server_and_complains_of_nothing(visit: Visit, site: str) -> None:
    page = _open(visit, site)
    _run(page)
    expect(page.locator(".graphiql-response")).to_contain_text("BOLT-8")
    page.get_by_role("button", name="GraphiQL Explorer").click()
    page.wait_for_load_state("networkidle")

    assert [each for each in visit.addresses if not each.startswith(f"{site}/")] == []
    assert visit.complaints == []
