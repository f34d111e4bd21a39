"""Files of trusted documents, as clients' tools write them, and what is wrong with others."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.demand.bounds import Bounds
from app.manifest.trusted import TrustedFileError, read_trusted
from app.server.documents import Documents
from app.trusted import unfit
from tests.fakes.desk import SCHEMA

CODEGEN = {
    "c47eb8a2fd0f3ee3e4cb4de2f7aa4bc0d5d6fc39": "query A { viewer { subject } }",
    "sha256:" + "0" * 64: "query B { __typename }",
}
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [
        {
            "id": "1" * 64,
            "name": "C",
            "type": "query",
            "body": "query C { viewer { subject __typename } }",
        }
    ],
}


def written(folder: Path, name: str, content: Any) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text, encoding="utf-8")
    return name


def test_both_forms_are_read_and_put_together(tmp_path: Path) -> None:
    files = [written(tmp_path, "a.json", CODEGEN), written(tmp_path, "b.json", APOLLO)]
    assert read_trusted(files, tmp_path) == {
        "c47eb8a2fd0f3ee3e4cb4de2f7aa4bc0d5d6fc39": "query A { viewer { subject } }",
        "0" * 64: "query B { __typename }",
        "1" * 64: "query C { viewer { subject __typename } }",
    }


@pytest.mark.parametrize(
    "content, words",
    [
        ("{", "a.json cannot be read: it is not valid JSON"),
        ([], "a.json is in no form that is known"),
        ({"x": 7}, "a.json has no text for 'x'"),
        ({"x": " "}, "a.json has no text for 'x'"),
        ({**APOLLO, "version": 2}, "a.json is of a version that is not known"),
        ({**APOLLO, "operations": [{"name": "C"}]}, "a.json has an operation without an `id`"),
        ({**APOLLO, "operations": [{"id": "C"}]}, "a.json has no text for 'C'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, content: Any, words: str) -> None:
    with pytest.raises(TrustedFileError, match=words):
        read_trusted([written(tmp_path, "a.json", content)], tmp_path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TrustedFileError, match=r"a\.json cannot be read: No such file"):
        read_trusted(["a.json"], tmp_path)


def test_a_name_has_one_text(tmp_path: Path) -> None:
    files = [
        written(tmp_path, "a.json", {"x": "{ a }"}),
        written(tmp_path, "b.json", {"x": "{ b }"}),
    ]
    with pytest.raises(TrustedFileError, match=r"b\.json has another text for 'x'"):
        read_trusted(files, tmp_path)


def test_what_does_not_fit_the_schema_is_named() -> None:
    documents = Documents(SCHEMA._schema, Bounds(depth=5))
    texts = {"good": "{ viewer { subject } }", "bad": "{ viewer { name } }", "broken": "{"}
    told = {one.name: one.message for one in unfit(texts, documents) if one is not None}
    assert told == {
        "bad": "Cannot query field 'name' on type 'Viewer'.",
        "broken": "Syntax Error: Expected Name, found <EOF>.",
    }
