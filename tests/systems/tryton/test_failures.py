"""What goes wrong with Tryton is told so that somebody can act on it; sessions begin anew."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest

from canonical.entities import EntityName
from canonical.errors import MisconfiguredError, Reason
from canonical.ports import Severity
from connectors.config import BackendConfigError
from connectors.kit.transport import Transport
from tests.systems.opening import Opened, opened
from tests.systems.tryton.conftest import config_for
from tests.systems.tryton.harness import Tryton
from tests.systems.tryton.seed import Login

pytestmark = [pytest.mark.xdist_group("tryton"), pytest.mark.timeout(400)]

E = EntityName


def as_user(tryton: Tryton, login: Login, **changes: Any) -> tuple[dict[str, Any], dict[str, str]]:
    auth = {"kind": "session", "username": login.name, "password": {"env": "ERP_PASSWORD"}}
    return config_for(tryton, auth=auth, **changes), {"ERP_PASSWORD": login.password}


async def refused(erp: Opened, entity: EntityName = E.ITEM) -> MisconfiguredError:
    with pytest.raises(MisconfiguredError) as caught:
        await erp.every(entity)
    return caught.value


async def test_a_wrong_password_is_tried_once(tryton: Tryton) -> None:
    config, secrets = as_user(tryton, Login("integration", "not-the-password"))
    async with opened(config, secrets) as erp:
        for _ in range(3):
            error = await refused(erp)
            assert error.reason is Reason.CREDENTIALS
            assert "not-the-password" not in error.message
        assert [r.label for r in erp.requests].count("sign-in") == 1


async def test_a_user_without_rights_is_told_so(tryton: Tryton) -> None:
    async with opened(*as_user(tryton, tryton.no_rights)) as erp:
        error = await refused(erp, E.PURCHASE_ORDER)
        assert error.reason is Reason.CREDENTIALS
        assert "not allowed to access" in error.message
        assert await erp.every(E.FORECAST)  # a model without access rules


async def test_an_unknown_database(tryton: Tryton) -> None:
    config, secrets = as_user(tryton, tryton.user, settings={"database": "nope"})
    async with opened(config, secrets) as erp:
        await refused(erp)


async def test_an_unknown_field_is_named(tryton: Tryton) -> None:
    changes = {"item": {"fields": {"name": {"path": "naem"}}}}
    async with opened(*as_user(tryton, tryton.user, entities=changes)) as erp:
        assert "'naem'" in (await refused(erp)).message
        findings = await erp.backend.probe([E.ITEM], erp.ask())
        wrong = [f for f in findings if f.severity is Severity.ERROR]
        assert [f.where for f in wrong] == ["item.name"]
        assert "naem" in wrong[0].message


async def test_an_unknown_model_is_named(tryton: Tryton) -> None:
    changes = {"location": {"dataset": "stock.lokation"}}
    async with opened(*as_user(tryton, tryton.user, entities=changes)) as erp:
        assert "'stock.lokation'" in (await refused(erp, E.LOCATION)).message
        findings = await erp.backend.probe([E.LOCATION], erp.ask())
        assert [f.severity for f in findings] == [Severity.ERROR]


async def test_wrong_options_are_told(tryton: Tryton) -> None:
    changes = {"location": {"options": {"contxt": 1}}}
    with pytest.raises(BackendConfigError, match=r"location.options.contxt: there is no such key"):
        await opened(*as_user(tryton, tryton.user, entities=changes)).__aenter__()


async def test_the_preset_fits_a_whole_tryton(erp: Opened) -> None:
    findings = await erp.backend.probe(list(erp.sources), erp.ask())
    assert {(f.where, f.severity) for f in findings if f.severity is not Severity.OK} == set()
    assert {f.where for f in findings} == {str(name) for name in erp.sources}


async def test_a_session_that_has_ended_begins_anew(erp: Opened, tryton: Tryton) -> None:
    assert len(await erp.every(E.LOCATION)) == 3
    erp.requests.clear()
    way: Any = erp.backend._way
    assert isinstance(way, Transport)
    assert way.authenticator is not None
    logout(tryton, await way.authenticator.headers(erp.ask()))
    assert len(await erp.every(E.LOCATION)) == 3
    assert [r.label for r in erp.requests] == ["stock.location", "sign-in"]


def logout(tryton: Tryton, headers: Any) -> None:
    connection = http.client.HTTPConnection(urlsplit(tryton.base_url).netloc, timeout=30)
    body = '{"id": 1, "method": "common.db.logout", "params": []}'
    sent = {"Content-Type": "application/json", **headers}
    connection.request("POST", f"/{tryton.database}/rpc/", body, sent)
    assert connection.getresponse().status == 200
    connection.close()
