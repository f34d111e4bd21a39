"""What is wrong with ingestion in a manifest is said at its line, with what to do."""

from pathlib import Path

import pytest

from app.manifest.loading import load_manifest
from app.manifest.problems import ManifestError
from runtime.security.development import new_development_key

SIGNED = "    signing: {scheme: standard, secrets: [{env: DEMO_PROCUREMENT_WEBHOOK_SECRET}]}\n"
ROOT = Path(__file__).parents[4]
SECRET = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw=="


def load(folder: Path, before: str, after: str, **environ: str) -> None:
    text = (ROOT / "app" / "demo_manifest.yaml").read_text()
    assert before in text
    for name in ("items", "suppliers", "locations"):
        (folder / "crosswalks").mkdir(exist_ok=True)
        (folder / "crosswalks" / f"{name}.csv").write_text("canonical,erp,procurement,planning\n")
    file = folder / "supplygraph.yaml"
    file.write_text(text.replace(before, after))
    known = {"SUPPLYGRAPH_DEVELOPMENT_KEY": new_development_key()}
    for system in ("ERP", "PROCUREMENT", "PLANNING"):
        known |= {f"DEMO_{system}_{x}": "http://127.0.0.1:1" for x in ("URL", "USER", "PASSWORD")}
    load_manifest(file, {**known, "DEMO_PROCUREMENT_WEBHOOK_SECRET": SECRET, **environ})


def test_the_demos_is_sound(tmp_path: Path) -> None:
    load(tmp_path, "version: 1", "version: 1")


@pytest.mark.parametrize(
    "before, after, says",
    [
        ("  procurement:\n    signing", "  procurment:\n    signing", "'procurment'; did you mean"),
        (
            "webhook: {entity: purchase_order,",
            "webhook: {entity: forecast,",
            "supplies no forecast",
        ),
        ("watch: {forecast: {}}", "watch: {receipt: {}}", "'planning' supplies no receipt"),
        (
            "watch: {forecast: {}}",
            "watch: {forecast: {by: delta}}",
            "planning cannot be asked what has changed: only systems that speak OData V4",
        ),
        (
            "    signing: {scheme: standard, secrets: [{env: DEMO_PROCUREMENT_WEBHOOK_SECRET}]}\n",
            "",
            "wants `signing`",
        ),
        ("scheme: standard", "scheme: hmac", "scheme"),
        ("[{env: DEMO_PROCUREMENT_WEBHOOK_SECRET}]", "[{env: NOBODYS}]", "NOBODYS"),
        ("[{env: DEMO_PROCUREMENT_WEBHOOK_SECRET}]", "[whsec_abc]", "secrets"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, before: str, after: str, says: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, before, after)
    assert says in str(caught.value)


def test_a_secret_that_is_none_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no base64") as caught:
        load(tmp_path, "version: 1", "version: 1", DEMO_PROCUREMENT_WEBHOOK_SECRET="hush! hush!")
    assert "hush" not in str(caught.value)
