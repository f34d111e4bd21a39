"""A real browser, and a site to show it; another `site` fixture tries the same pages elsewhere."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.browser.site import running_site

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

BUNDLE = Path(__file__).parents[1] / "clients" / "bundle.js"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window; `make browser` installs it where that is possible.

    Playwright keeps an event loop running in this thread for as long as it is open, in which no
    asynchronous test can run: hence it is closed with its module.
    """
    if CHROMIUM is None:
        message = "no Chromium on this machine; on Debian: sudo apt-get install chromium"
        if os.geteuid() == 0 and shutil.which("apt-get"):
            pytest.fail(f"{message} (or: make browser)")
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the server whose pages are tried."""
    with running_site() as address:
        yield address


class Visit:
    """One page in a fresh browser profile, and what it asked for and complained of.

    `questions` holds the headers of the newest GraphQL question of each operation name.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.addresses: list[str] = []
        self.complaints: list[str] = []
        self.questions: dict[str, dict[str, str]] = {}
        page.on("request", self._on_request)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))

    def _on_request(self, request: Request) -> None:
        self.addresses.append(request.url)
        if request.method == "POST":
            question = request.post_data_json or {}
            self.questions[question.get("operationName") or ""] = request.headers

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """A fresh visitor: nothing stored, nothing cached."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(20_000)
    yield Visit(context.new_page())
    context.close()


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page of a module's `address`, with the clients of `tests/clients` in it."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.goto(f"{address}/healthz")
    page.add_script_tag(path=BUNDLE)
    yield page
    context.close()
