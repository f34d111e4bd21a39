"""Options of datasets are checked when a manifest is read, wherever a dataset is named."""

from typing import Any

import pytest

from connectors.config import BackendConfig, BackendConfigError
from connectors.factory import resolve_backend

WRONG = {"colour": "red"}


@pytest.mark.parametrize(
    "protocol, url",
    [
        ("rest", "https://erp.example"),
        ("odata", "https://erp.example"),
        ("jsonrpc", "https://erp.example"),
        ("sql", "sqlite:///erp.db"),
    ],
)
def test_an_unknown_option_is_named_with_its_place(protocol: str, url: str) -> None:
    dataset = {"dataset": "a", "key": "id", "options": WRONG}
    related = {**dataset, "local": "id", "remote": "id"}
    lookup = {"dataset": "b", "path": "x", "parent": "id", "options": WRONG}
    item: dict[str, Any] = {
        **dataset,
        "fields": {"sku": "id"},
        "related": {"more": related},
        "lookups": {"sku": lookup},
    }
    given = {"protocol": protocol, "url": url, "entities": {"item": item}}
    if protocol == "jsonrpc":
        given["settings"] = {"database": "erp"}
    with pytest.raises(BackendConfigError) as caught:
        resolve_backend("erp", BackendConfig.model_validate(given))

    places = {".".join(map(str, m.path)) for m in caught.value.mistakes if "colour" in m.path}
    assert places == {
        "entities.item.options.colour",
        "entities.item.related.more.options.colour",
        "entities.item.lookups.sku.options.colour",
    }
