"""What schemathesis asks with, and looks for in each answer; in an environment of its own."""

import os
import re
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes, scalar

INSIDE = re.compile(
    r"Traceback|site-packages|\.py\b|object at 0x|<class |<function|\bNone\b|msgspec|strawberry"
    r"|aiodataloader|sqlalchemy|(?:canonical|loaders|resolvers|runtime|execution)\.[a-z]"
    r"|\b[A-Za-z]+(?:Error|Exception)\b(?!:)|127\.0\.0\.1|localhost"
)
HIDDEN = [text for text in os.environ.get("FUZZ_HIDDEN", "").split("\n") if text]
KNOWN = [text for text in os.environ.get("FUZZ_KNOWN", "").split("\n") if text]
ODD = ["", "%", "'", "NaN", "-Infinity", "1E+400", "9" * 200, "0001-01-01", "9999-12-31T23:59:59Z"]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ODD + KNOWN
)
for name, strategy in {
    "Decimal": st.decimals().map(str) | texts,
    "Date": st.dates().map(str) | texts,
    "DateTime": st.datetimes().map(lambda x: f"{x.isoformat()}Z") | texts,
    "JSON": texts,
    "ID": texts,
    "String": texts,
}.items():
    scalar(name, strategy.map(nodes.String))


def _errors(response: Any) -> list[dict[str, Any]]:
    body = response.json()
    return list(body.get("errors", ())) if isinstance(body, dict) else []


@schemathesis.check
def answered(_ctx: Any, response: Any, _case: Any) -> None:
    """No fault of ours. Data that a caller may not see is none: its own check takes it for one."""
    assert response.status_code < 500, response.status_code


@schemathesis.check
def nothing_inside(_ctx: Any, response: Any, case: Any) -> None:
    """No text of Python, no address and no secret of a system."""
    for text in HIDDEN:
        assert text not in response.text, f"the answer holds {text!r}"
    sent = str(case.body)
    for error in _errors(response):
        found = INSIDE.search(error["message"])
        assert found is None or found[0] in sent, error["message"]


@schemathesis.check
def errors_are_told(_ctx: Any, response: Any, _case: Any) -> None:
    """Each error has a code, which is no fault of ours, and a correlation id."""
    for error in _errors(response):
        extensions = error.get("extensions", {})
        assert extensions.get("code") not in {None, "INTERNAL_SERVER_ERROR"}, error
        assert extensions.get("correlationId"), error
