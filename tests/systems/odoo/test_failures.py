"""What goes wrong with Odoo is told so that somebody can act on it, over both protocols."""

from typing import Any

import pytest

from canonical.entities import EntityName
from canonical.errors import MisconfiguredError, Reason
from canonical.ports import Severity
from tests.fixtures.server import served
from tests.systems.odoo.conftest import behind_preset
from tests.systems.odoo.simulator import DATABASE, LOGIN, PASSWORD, Odoo
from tests.systems.opening import Opened, opened

E = EntityName
BOTH = pytest.mark.parametrize("dialect", ["odoo_jsonrpc", "odoo_json2"])


async def refused(erp: Opened, entity: EntityName = E.LOCATION) -> MisconfiguredError:
    with pytest.raises(MisconfiguredError) as caught:
        await erp.every(entity)
    return caught.value


@BOTH
async def test_a_wrong_password(odoo: Odoo, dialect: str) -> None:
    async with behind_preset(odoo, password="wrong", dialect=dialect) as erp:
        for _ in range(3):
            assert (await refused(erp)).reason is Reason.CREDENTIALS
    assert odoo.calls == []


async def test_the_sign_in_is_refused_once(odoo: Odoo) -> None:
    async with behind_preset(odoo, password="wrong") as erp:
        for _ in range(3):
            await refused(erp)
    assert odoo.logins == 1


async def test_one_sign_in_serves_all(odoo: Odoo, erp: Opened) -> None:
    await erp.every(E.LOCATION)
    await erp.every(E.PURCHASE_ORDER)
    assert odoo.logins == 1


async def test_a_password_that_is_changed_is_told(odoo: Odoo, erp: Opened) -> None:
    await erp.every(E.LOCATION)
    odoo.password = "another"
    assert (await refused(erp)).reason is Reason.CREDENTIALS


async def test_an_unknown_database(odoo: Odoo) -> None:
    async with behind_preset(odoo, database="nope") as erp:
        assert '"nope" does not exist' in (await refused(erp)).message


@BOTH
async def test_a_model_that_the_user_may_not_read(odoo: Odoo, dialect: str) -> None:
    odoo.refused.add("stock.quant")
    async with behind_preset(odoo, dialect=dialect) as erp:
        error = await refused(erp, E.INVENTORY)
        assert error.reason is Reason.CREDENTIALS
        assert "You are not allowed to access" in error.message


@BOTH
async def test_a_model_that_is_not_installed(odoo: Odoo, dialect: str) -> None:
    async with behind_preset(odoo, dialect=dialect) as erp:
        assert "'mrp.product.forecast' does not exist" in (await refused(erp, E.FORECAST)).message
        [finding] = await erp.backend.probe([E.FORECAST], erp.ask())
        assert finding.severity is Severity.ERROR


@BOTH
async def test_a_field_that_does_not_exist(odoo: Odoo, dialect: str) -> None:
    auth: dict[str, Any] = {"kind": "bearer", "token": {"env": "ODOO_PASSWORD"}}
    if dialect == "odoo_jsonrpc":
        auth = {"kind": "session", "username": LOGIN, "password": {"env": "ODOO_PASSWORD"}}
    async with served(odoo.application) as server:
        config = {
            "preset": "odoo",
            "url": server.url,
            "auth": auth,
            "settings": {"database": DATABASE, "dialect": dialect},
            "policy": {"rate_per_s": 1_000},
            "entities": {"location": {"fields": {"name": "naem"}}},
        }
        async with opened(config, {"ODOO_PASSWORD": PASSWORD}) as erp:
            assert "stock.warehouse has no field 'naem'" in (await refused(erp)).message
            findings = await erp.backend.probe([E.LOCATION], erp.ask())
            assert [f.where for f in findings if f.severity is Severity.ERROR] == ["location.name"]
