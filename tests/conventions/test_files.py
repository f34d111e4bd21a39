"""Files stay small, say what they are for, and name no address that they should not know."""

import ast
import json
import re
from pathlib import Path

import pytest

from tests.conventions.repository import ROOT, python_files, relative

LONGEST_FILE = 400
LOCKS = [*sorted(ROOT.glob("*.lock")), ROOT / "web" / "package-lock.json"]
STATIC = ROOT / "app" / "static"
LOADED = re.compile(
    r"""(?: \b(?:src|href|action)\s*=\s*["']? | url\(\s*["']? | @import\s+["'] | \bimport\s*\(?["'`]
          | \bfrom\s*["'`] | \b(?:fetch|importScripts|Worker|WebSocket|EventSource)\(\s*["'`])
        ((?:(?:https?|wss?):)?//[^"'`)\s]+)""",
    re.VERBOSE,
)
# Namespaces, dialects of JSON schema, and pages that messages and help texts point a reader to.
MENTIONED_HOSTS = {
    "code.visualstudio.com",
    "commonmark.org",
    "en.wikipedia.org",
    "github.com",
    "json-schema.org",
    "microsoft.com",
    "prettier.io",
    "react.dev",
    "www.onegraph.com",
    "www.w3.org",
    "yarnpkg.com",
}


def _static_texts() -> list[Path]:
    kinds = {".css", ".html", ".js", ".json", ".svg"}
    return sorted(path for path in STATIC.rglob("*") if path.suffix in kinds)


def test_every_module_is_small_and_says_what_it_is_for() -> None:
    texts = {relative(path): path.read_text(encoding="utf-8") for path in python_files()}
    lengths = {name: len(text.splitlines()) for name, text in texts.items()}
    silent = [name for name, text in texts.items() if not ast.get_docstring(ast.parse(text))]

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}
    assert silent == []


@pytest.mark.parametrize("path", LOCKS, ids=relative)
def test_a_lock_file_pins_by_hash_and_names_no_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"://|--\S*index|--find-links|--trusted-host|\bresolved\b", text)
    if path.suffix == ".json":
        packages = json.loads(text)["packages"]
        assert [name for name, each in packages.items() if name and "integrity" not in each] == []
    else:
        pins = re.findall(r"^[a-z0-9][^\n]*==[^\n]*\n\s+--hash=sha256:", text, re.MULTILINE)
        assert len(pins) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE)) > 0


def test_the_pages_load_nothing_from_elsewhere() -> None:
    loaded = [
        (relative(path), address)
        for path in _static_texts()
        for address in LOADED.findall(path.read_text(encoding="utf-8"))
    ]
    assert loaded == []


def test_the_pages_mention_no_host_that_nobody_has_looked_at() -> None:
    hosts = {
        host
        for path in _static_texts()
        for host in re.findall(
            r"(?:https?|wss?)://([a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+)", path.read_text("utf-8")
        )
    }
    assert hosts <= MENTIONED_HOSTS


@pytest.mark.parametrize(
    "markup",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link href="//cdn.example/x.css">',
        "@font-face{src:url(https://fonts.example/x.woff2)}",
        'import"https://cdn.example/x.js"',
        "fetch(`https://api.example/x`)",
    ],
)
def test_the_search_for_loaded_addresses_finds(markup: str) -> None:
    assert LOADED.search(markup)
