"""What a manifest means where it says nothing, and what its parts become."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from app.manifest.freshness import DEFAULT_FRESHNESS, MAX_FRESHNESS_S, MAX_GRACE_S
from app.manifest.identity import IdentityConfig
from app.manifest.model import EntityConfig, UnitsConfig
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.values import UnitConversion
from connectors.kit.secrets import Vault
from loaders.catalog import Freshness
from runtime.cache.record_cache import MAX_TTL_S
from runtime.security.principal import Role
from tests.conventions.repository import ROOT
from tests.unit.app.manifest.sound import load


@pytest.mark.parametrize("entity", EntityName)
def test_every_default_is_finite_and_within_the_bounds(entity: EntityName) -> None:
    default = DEFAULT_FRESHNESS[entity]

    assert 0 < default.fresh_s <= MAX_FRESHNESS_S
    assert 0 < default.grace_s <= MAX_GRACE_S
    assert 0 < default.absent_s < default.fresh_s
    assert 0 < default.patience_s < 5


def test_the_longest_life_that_can_be_said_is_one_that_the_cache_takes() -> None:
    assert MAX_FRESHNESS_S + MAX_GRACE_S <= MAX_TTL_S


def test_a_freshness_of_nothing_keeps_nothing() -> None:
    said = EntityConfig.model_validate({"sources": ["erp"], "freshness_s": 0})
    assert said.freshness(EntityName.FORECAST) == Freshness(0, 0, 0, 1.5)
    assert not said.freshness(EntityName.FORECAST).kept


@pytest.mark.parametrize("name", ["grace_s", "absent_s"])
def test_what_is_never_kept_has_no_grace(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} must be 0 too"):
        EntityConfig.model_validate({"sources": ["erp"], "freshness_s": 0, name: 5})


def test_what_is_said_of_freshness_goes_before_the_default() -> None:
    said = EntityConfig.model_validate({"sources": ["erp"], "freshness_s": 5, "grace_s": 0})

    assert said.freshness(EntityName.FORECAST) == Freshness(5, 0, 30, 1.5)


def test_limits_have_bounds_where_nothing_is_said(tmp_path: Path) -> None:
    limits = load(tmp_path).manifest.limits

    assert limits.for_resolvers().max_page_size == 2_000
    assert (limits.operation_timeout_s, limits.max_query_depth) == (15, 15)


def test_conversions_are_exact_and_kept_by_item_and_base_unit() -> None:
    units = UnitsConfig.model_validate(
        {
            "conversions": [
                {"unit": "BOX", "base": "PC", "numerator": 12},
                {"unit": "BOX", "base": "KG", "numerator": 0.1, "denominator": "3"},
                {"unit": "BOX", "base": "PC", "numerator": 10, "item": "A"},
            ]
        }
    )

    assert units.declared() == {
        ("", "PC"): (UnitConversion("BOX", Decimal(12)),),
        ("", "KG"): (UnitConversion("BOX", Decimal("0.1"), Decimal(3)),),
        ("A", "PC"): (UnitConversion("BOX", Decimal(10)),),
    }


def test_issuers_have_their_terms_and_their_keys() -> None:
    identity = IdentityConfig.model_validate(
        {
            "issuers": {
                "staff": {
                    "issuer": "https://issuer.example",
                    "jwks_url": {"env": "KEYS"},
                    "audience": "supplygraph",
                    "roles": "realm_access.roles",
                },
                "partners": {
                    "issuer": "https://partners.example/realm",
                    "audience": "portal",
                    "may_be": ["supplier"],
                    "algorithms": ["ES256"],
                    "roles": {"always": "supplier"},
                    "suppliers": {"claim": "vendor", "required": True},
                },
            }
        }
    )
    staff, partners = identity.token_config(
        Vault({"KEYS": "https://issuer.example/keys"}, Path())
    ).issuers

    assert (staff.name, staff.jwks_url) == ("staff", "https://issuer.example/keys")
    assert staff.accepted == ("RS256", "ES256")
    assert (staff.roles.claim, staff.may_be) == ("realm_access.roles", tuple(Role))
    assert (partners.name, partners.jwks_url, partners.accepted) == ("partners", None, ("ES256",))
    assert (partners.may_be, partners.roles.always) == ((Role.SUPPLIER,), (Role.SUPPLIER,))
    assert partners.suppliers.required


def test_the_page_on_identity_tells_what_is_so() -> None:
    text = (ROOT / "docs" / "identity.md").read_text("utf-8")
    written = yaml.safe_load("".join(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)))
    config = IdentityConfig.model_validate(written["identity"]).token_config(Vault({}, Path()))

    assert [(each.name, each.may_be) for each in config.issuers] == [
        ("staff", tuple(Role)),
        ("partners", (Role.SUPPLIER,)),
    ]


def test_tokens_signed_with_a_shared_key_use_hs256() -> None:
    written = {"static_key": {"env": "KEY"}, "issuer": "me", "audience": "a"}
    identity = IdentityConfig.model_validate({"issuers": {"tool": written}})

    (issuer,) = identity.token_config(Vault({"KEY": "k" * 32}, Path())).issuers
    assert issuer.accepted == ("HS256",)
    with pytest.raises(InvalidInputError, match="issuer tool: static_key is shorter than 32 bytes"):
        identity.token_config(Vault({"KEY": "short"}, Path()))


def test_one_issuer_is_named_once() -> None:
    written = {"static_key": {"env": "KEY"}, "issuer": "me", "audience": "a"}
    identity = IdentityConfig.model_validate({"issuers": {"a": written, "b": written}})

    with pytest.raises(InvalidInputError, match="a and b are the same issuer"):
        identity.token_config(Vault({"KEY": "k" * 32}, Path()))
