"""Asking the pretend Coupa for a token."""

from __future__ import annotations

import httpx

from sandbox.launch import Simulator

COUPA_SCOPES = (
    "core.item.read core.supplier.read core.common.read core.purchase_order.read"
    " core.inventory.receiving.read"
)


def request_token(
    coupa: Simulator, secret: str | None = None, scope: str = COUPA_SCOPES
) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": coupa.user,
        "client_secret": coupa.password if secret is None else secret,
        "scope": scope,
    }
    return httpx.post(f"{coupa.url}/oauth2/token", data=form)
