"""The warehouse system of docs/connect.md: it answers just what is written there."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "a-key-of-nordkai"
MOST = 200
_STATES = (10, 40, 40, 40, 90, 70)
_BINS = (("A-01-1", "AV", "12.000"), ("A-01-2", "RS", "3.500"), ("Q-00-1", "QC", "7.000"))


def material(n: int) -> dict[str, Any]:
    """The n-th material."""
    packs = [{"uom": "KAR", "per": "24"}] if n % 2 else []
    return {
        "mat_no": f"M-{n:06}",
        "texts": [
            {"lang": "DE", "short": f"Schraube {n}"},
            {"lang": "EN", "short": f"Screw {n}"},
        ],
        "grp": {"id": "07", "label": "Fasteners"},
        "uom": "STK",
        "sts": _STATES[n % len(_STATES)],
        "packs": packs,
        "chg_ts": f"202601{n % 28 + 1:02}T140500",
    }


MATERIALS = [material(n) for n in range(1, 451)]
STOCK = [
    {
        "mat_no": row["mat_no"],
        "whse": whse,
        "bin": bin_,
        "state": state,
        "qty": qty,
        "cnt_ts": "20261123T0600" + whse[1:] + "0",
    }
    for row in MATERIALS[:60]
    for whse in ("N1", "N2")
    for bin_, state, qty in _BINS
]
WAREHOUSES = [
    {"whse": f"N{n}", "nm": f"Nordkai {n}", "cls": "DC", "addr": {"ctry": "DE"}} for n in (1, 2)
]
_TABLES: Mapping[str, list[dict[str, Any]]] = {
    "materials": MATERIALS,
    "stock": STOCK,
    "warehouses": WAREHOUSES,
}
_TESTS: Mapping[str, Callable[[str, list[str]], bool]] = {
    "eq": lambda held, wanted: held == wanted[0],
    "in": lambda held, wanted: held in wanted,
    "ge": lambda held, wanted: held >= wanted[0],
    "lt": lambda held, wanted: held < wanted[0],
}


class Nordkai:
    """The application, with a log of what it was asked."""

    def __init__(self) -> None:
        self.log: list[tuple[str, dict[str, list[str]]]] = []
        self.app = Starlette(routes=[Route("/svc/{table}", self._answer)])

    def _answer(self, request: Request) -> Response:
        query = {n: request.query_params.getlist(n) for n in request.query_params}
        table = request.path_params["table"]
        self.log.append((table, dict(query)))
        if request.headers.get("x-store-key") != KEY:
            return _fault("E01", "unknown key", 401)
        if table not in _TABLES:
            return _fault("E04", f"no such service: {table}", 404)
        most = int(query.pop("max", ["50"])[0])
        if most > MOST:
            return _fault("E17", f"max is {MOST}", 400)
        start = int(query.pop("fromKey", ["0"])[0])
        rows = _TABLES[table]
        for name, tests in query.items():
            if name not in rows[0]:
                return _fault("E17", f"unknown parameter {name}", 400)
            rows = [row for row in rows if all(_holds(str(row[name]), test) for test in tests)]
        page: dict[str, str] = {}
        if start + most < len(rows):
            page["nextKey"] = str(start + most)
        return JSONResponse({"result": {"rows": rows[start : start + most]}, "page": page})


def _holds(held: str, test: str) -> bool:
    operator, _, wanted = test.partition(":")
    return _TESTS[operator](held, wanted.split(";"))


def _fault(code: str, text: str, status: int) -> Response:
    return JSONResponse({"fault": {"code": code, "text": text}}, status)
