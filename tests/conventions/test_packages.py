"""Our top-level packages are ours alone, and each has its place in every list that names them."""

import sys
from importlib.metadata import packages_distributions

from tests.conventions.repository import BESIDE, PACKAGES, PROJECT, ROOT

IMPORT_CONTRACTS = {each["id"]: each for each in PROJECT["tool"]["importlinter"]["contracts"]}
OWN_DISTRIBUTION = PROJECT["project"]["name"]


def test_no_other_distribution_claims_a_name_of_ours() -> None:
    claims = packages_distributions()
    strangers = {
        name: owners
        for name in (*PACKAGES, *BESIDE)
        if (owners := set(claims.get(name, ())) - {OWN_DISTRIBUTION})
    }
    assert strangers == {}


def test_no_name_of_ours_hides_a_standard_module() -> None:
    assert not {*PACKAGES, *BESIDE} & sys.stdlib_module_names


def test_every_package_is_under_contract_and_in_the_wheel() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - set(BESIDE)

    assert sorted(folders) == sorted(PACKAGES)
    assert sorted(PROJECT["tool"]["uv"]["build-backend"]["module-name"]) == sorted(PACKAGES)


def test_every_layer_exists_or_is_marked_as_still_to_come() -> None:
    layers = " | ".join(IMPORT_CONTRACTS["layers"]["layers"]).split(" | ")
    optional = {name.strip("()") for name in layers if name.startswith("(")}
    built = {name for name in layers if not name.startswith("(")}

    assert built == set(PACKAGES) - {"sandbox"}
    assert optional <= {"subscriptions", "workflows"}


def test_every_gate_names_every_package_that_it_does_not_let_through() -> None:
    let_through = {
        "graphql": {"app", "schema", "execution", "subscriptions"},
        "redis": {"runtime"},
        "aiohttp": {"connectors"},
        "httpx": {"app", "sandbox"},
        "sqlalchemy": {"connectors", "runtime"},
    }
    for gate, allowed in let_through.items():
        held = set(IMPORT_CONTRACTS[gate]["source_modules"])
        assert held == set(PACKAGES) - allowed, gate
    assert set(IMPORT_CONTRACTS["sandbox-alone"]["forbidden_modules"]) == set(PACKAGES) - {
        "sandbox"
    }
