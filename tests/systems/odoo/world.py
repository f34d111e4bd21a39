"""A small company in Odoo's own models: two warehouses, three suppliers, orders in every state.

Fields are named as in version 18; `as_version` gives them the names of another.
"""

import copy
from collections.abc import Mapping
from typing import Any, Final

CHAR, TEXT, DATE, DATETIME = "char", "text", "date", "datetime"
FLOAT, INTEGER, BOOLEAN, SELECTION = "float", "integer", "boolean", "selection"


def one(model: str) -> tuple[str, str]:
    """A relation to one record."""
    return "many2one", model


def many(model: str) -> tuple[str, str]:
    """A relation to many records."""
    return "one2many", model


Fields = dict[str, dict[str, Any]]
Records = dict[str, dict[int, dict[str, Any]]]

FIELDS: Final[Fields] = {
    "res.country": {"name": CHAR, "code": CHAR},
    "res.currency": {"name": CHAR},
    "res.users": {"name": CHAR, "login": CHAR},
    "res.company": {"name": CHAR},
    "res.partner": {
        "name": CHAR, "ref": CHAR, "active": BOOLEAN, "supplier_rank": INTEGER, "email": CHAR,
        "country_id": one("res.country"), "commercial_partner_id": one("res.partner"),
        "property_purchase_currency_id": one("res.currency"),
        "property_supplier_payment_term_id": one("account.payment.term"),
    },
    "account.payment.term": {"name": CHAR},
    "uom.category": {"name": CHAR, "uom_ids": many("uom.uom")},
    "uom.uom": {"name": CHAR, "category_id": one("uom.category"), "factor_inv": FLOAT},
    "product.category": {"name": CHAR},
    "product.template": {
        "name": CHAR, "product_variant_ids": many("product.product"),
        "seller_ids": many("product.supplierinfo"),
    },
    "product.product": {
        "name": CHAR, "default_code": CHAR, "type": SELECTION, "active": BOOLEAN,
        "purchase_ok": BOOLEAN, "description_purchase": TEXT, "standard_price": FLOAT,
        "categ_id": one("product.category"), "uom_id": one("uom.uom"),
        "cost_currency_id": one("res.currency"), "product_tmpl_id": one("product.template"),
        "seller_ids": many("product.supplierinfo"),
        "orderpoint_ids": many("stock.warehouse.orderpoint"),
    },
    "product.supplierinfo": {
        "partner_id": one("res.partner"), "product_id": one("product.product"),
        "product_tmpl_id": one("product.template"), "product_code": CHAR, "price": FLOAT,
        "currency_id": one("res.currency"), "min_qty": FLOAT, "delay": INTEGER,
    },
    "stock.warehouse": {
        "name": CHAR, "code": CHAR, "active": BOOLEAN, "partner_id": one("res.partner"),
    },
    "stock.location": {"name": CHAR, "usage": SELECTION, "warehouse_id": one("stock.warehouse")},
    "stock.quant": {
        "product_id": one("product.product"), "location_id": one("stock.location"),
        "quantity": FLOAT, "reserved_quantity": FLOAT,
    },
    "stock.warehouse.orderpoint": {
        "product_id": one("product.product"), "product_min_qty": FLOAT, "product_max_qty": FLOAT,
    },
    "stock.picking.type": {"code": SELECTION, "warehouse_id": one("stock.warehouse")},
    "purchase.order": {
        "name": CHAR, "state": SELECTION, "partner_id": one("res.partner"),
        "date_order": DATETIME, "user_id": one("res.users"), "currency_id": one("res.currency"),
        "company_id": one("res.company"),
        "amount_untaxed": FLOAT, "order_line": many("purchase.order.line"),
        "picking_type_id": one("stock.picking.type"), "receipt_status": SELECTION,
        "mail_reception_confirmed": BOOLEAN, "locked": BOOLEAN, "invoice_status": SELECTION,
        "origin": CHAR, "partner_ref": CHAR,
    },
    "purchase.order.line": {
        "order_id": one("purchase.order"), "product_id": one("product.product"),
        "sequence": INTEGER, "name": TEXT, "display_type": SELECTION,
        "product_qty": FLOAT, "product_uom": one("uom.uom"),
        "price_unit": FLOAT, "discount": FLOAT, "qty_received": FLOAT, "date_planned": DATETIME,
    },
    "stock.picking": {
        "name": CHAR, "state": SELECTION, "picking_type_code": SELECTION,
        "picking_type_id": one("stock.picking.type"), "partner_id": one("res.partner"),
        "purchase_id": one("purchase.order"), "date_done": DATETIME,
        "move_ids": many("stock.move"),
    },
    "stock.move": {
        "picking_id": one("stock.picking"), "product_id": one("product.product"),
        "quantity": FLOAT, "product_uom": one("uom.uom"), "state": SELECTION,
        "purchase_line_id": one("purchase.order.line"),
    },
}  # fmt: skip

EVERYWHERE: Final = {"id": INTEGER, "display_name": CHAR, "write_date": DATETIME}

_RENAMED: Final[Mapping[int, Mapping[str, str]]] = {
    15: {
        "product.supplierinfo.partner_id": "name",
        "stock.move.quantity": "quantity_done",
        "stock.picking.move_ids": "move_lines",
    },
    19: {
        "purchase.order.line.product_uom": "product_uom_id",
        "purchase.order.mail_reception_confirmed": "acknowledged",
    },
}
_GONE: Final[Mapping[int, tuple[str, ...]]] = {
    15: ("purchase.order.receipt_status", "purchase.order.locked", "purchase.order.line.discount"),
    19: ("uom.uom.category_id", "uom.uom.factor_inv"),
}
_LINES: Final = (
    # order, item, ordered, received, price, discount
    (1, 1, 10.0, 0.0, 12.5, 0.0),
    (2, 1, 10.0, 0.0, 12.5, 0.0),
    (3, 2, 2.5, 0.0, 8.0, 0.0),
    (4, 1, 100.0, 0.0, 12.1, 10.0),
    (5, 1, 40.0, 15.0, 12.5, 0.0),
    (5, 2, 0.3, 0.0, 8.0, 0.0),
    (6, 1, 5.0, 5.0, 12.5, 0.0),
    (7, 1, 6.0, 6.0, 12.5, 0.0),
    (8, 2, 1.0, 1.0, 8.0, 0.0),
    (9, 1, 7.0, 0.0, 12.5, 0.0),
    (10, 1, 8.0, 0.0, 12.5, 0.0),
)
_ORDERS: Final = (
    # state, receipt, confirmed, locked, invoiced
    ("draft", False, False, False, "no"),
    ("sent", False, False, False, "no"),
    ("to approve", False, False, False, "no"),
    ("purchase", "pending", False, False, "no"),
    ("purchase", "partial", True, False, "to invoice"),
    ("purchase", "full", True, False, "to invoice"),
    ("purchase", "full", True, True, "invoiced"),
    ("done", "full", False, True, "invoiced"),
    ("cancel", False, False, False, "no"),
    ("purchase", "pending", True, True, "no"),
)


def records() -> Records:
    """The company as version 18 holds it."""
    made: Records = {model: {} for model in FIELDS}
    for model, rows in _MASTERS.items():
        for n, row in enumerate(rows, 1):
            made[model][n] = dict(row)
    for n, (state, receipt, confirmed, locked, invoiced) in enumerate(_ORDERS, 1):
        made["purchase.order"][n] = {
            "name": f"P{n:05d}",
            "state": state,
            "partner_id": 4 if n == 4 else 1 + n % 2,
            "date_order": f"2026-10-{n:02d} 22:30:00",
            "user_id": 1,
            "company_id": 1,
            "currency_id": 1,
            "amount_untaxed": 0.0,
            "picking_type_id": 1 + n % 2,
            "receipt_status": receipt,
            "mail_reception_confirmed": confirmed,
            "locked": locked,
            "invoice_status": invoiced,
            "order_line": [],
        }
    _add_lines(made)
    _complete(made)
    return made


def _add_lines(made: Records) -> None:
    for n, (order, item, ordered, received, price, discount) in enumerate(_LINES, 1):
        line = {
            "order_id": order,
            "product_id": item,
            "display_type": False,
            "product_qty": ordered,
            "product_uom": item,
            "price_unit": price,
            "discount": discount,
            "qty_received": received,
            "date_planned": "2026-11-20 08:00:00",
        }
        made["purchase.order.line"][n] = line
        made["purchase.order"][order]["order_line"].append(n)
        made["purchase.order"][order]["amount_untaxed"] += ordered * price * (1 - discount / 100)
    note = {"order_id": 5, "display_type": "line_note", "product_id": False, "product_qty": 0.0}
    made["purchase.order.line"][12] = {**note, "product_uom": False, "qty_received": 0.0}
    made["purchase.order"][5]["order_line"].append(12)


def as_version(version: int) -> tuple[Fields, Records]:
    """Fields and records by the names of a version."""
    fields: Fields = {m: {**EVERYWHERE, **f} for m, f in copy.deepcopy(FIELDS).items()}
    rows = records()
    for place, name in _RENAMED.get(version, {}).items():
        model, _, old = place.rpartition(".")
        fields[model][name] = fields[model].pop(old)
        for row in rows[model].values():
            if old in row:
                row[name] = row.pop(old)
    for place in _GONE.get(version, ()):
        model, _, old = place.rpartition(".")
        del fields[model][old]
        for row in rows[model].values():
            row.pop(old, None)
    return fields, rows


def _complete(made: Records) -> None:
    for rows in made.values():
        for n, row in rows.items():
            title = row.get("name") or row.get("default_code") or f"#{n}"
            row |= {"id": n, "display_name": title, "write_date": "2026-11-01 12:00:00.654321"}


_MASTERS: Final[Mapping[str, list[dict[str, Any]]]] = {
    "res.country": [{"name": "Germany", "code": "DE"}, {"name": "Japan", "code": "JP"}],
    "res.currency": [{"name": "EUR"}, {"name": "USD"}],
    "res.company": [{"name": "Distributor SE"}],
    "res.users": [{"name": "Mitchell Admin", "login": "admin"}],
    "account.payment.term": [{"name": "30 Days"}],
    "res.partner": [
        {
            "name": "Nordlicht GmbH", "ref": "S-01", "active": True, "supplier_rank": 3,
            "email": "orders@nordlicht.example", "country_id": 1, "commercial_partner_id": 1,
            "property_purchase_currency_id": 1, "property_supplier_payment_term_id": 1,
        },
        {
            "name": "東京精密", "ref": "S-02", "active": True, "supplier_rank": 1,
            "email": False, "country_id": 2, "commercial_partner_id": 2,
        },
        {
            "name": "100% Dormant_AG", "ref": "S-03", "active": False, "supplier_rank": 1,
            "email": False, "country_id": False, "commercial_partner_id": 3,
        },
        {"name": "Nordlicht, Sales", "ref": False, "active": True, "supplier_rank": 0,
         "commercial_partner_id": 1},
        {"name": "A Customer", "ref": "C-01", "active": True, "supplier_rank": 0,
         "commercial_partner_id": 5},
    ],
    "uom.category": [{"name": "Unit", "uom_ids": [1, 3]}, {"name": "Weight", "uom_ids": [2]}],
    "uom.uom": [
        {"name": "Units", "category_id": 1, "factor_inv": 1.0},
        {"name": "kg", "category_id": 2, "factor_inv": 1.0},
        {"name": "Dozens", "category_id": 1, "factor_inv": 12.0},
    ],
    "product.category": [{"name": "All / Goods"}],
    "product.template": [
        {"name": "Bearing", "product_variant_ids": [1], "seller_ids": [2, 1]},
        {"name": "Grease", "product_variant_ids": [2], "seller_ids": [3]},
        {"name": "Old Motor", "product_variant_ids": [3], "seller_ids": []},
        {"name": "Installation", "product_variant_ids": [4], "seller_ids": []},
    ],
    "product.product": [
        {
            "name": "Bearing", "default_code": "B-1", "type": "consu", "active": True,
            "purchase_ok": True, "description_purchase": False, "standard_price": 11.2,
            "categ_id": 1, "uom_id": 1, "cost_currency_id": 1, "product_tmpl_id": 1,
            "seller_ids": [2, 1], "orderpoint_ids": [1, 2],
        },
        {
            "name": "Grease", "default_code": "G-1", "type": "consu", "active": True,
            "purchase_ok": True, "description_purchase": "In cans", "standard_price": 7.0,
            "categ_id": 1, "uom_id": 2, "cost_currency_id": 1, "product_tmpl_id": 2,
            "seller_ids": [3], "orderpoint_ids": [],
        },
        {
            "name": "Old Motor", "default_code": "M-1", "type": "consu", "active": False,
            "purchase_ok": True, "standard_price": 0.0, "categ_id": 1, "uom_id": 1,
            "cost_currency_id": 1, "product_tmpl_id": 3, "seller_ids": [], "orderpoint_ids": [],
        },
        {
            "name": "Installation", "default_code": "X-1", "type": "service", "active": True,
            "purchase_ok": False, "standard_price": 0.0, "categ_id": 1, "uom_id": 1,
            "cost_currency_id": 1, "product_tmpl_id": 4, "seller_ids": [], "orderpoint_ids": [],
        },
    ],
    "product.supplierinfo": [
        {"partner_id": 1, "product_id": False, "product_tmpl_id": 1, "product_code": "N/1",
         "price": 12.5, "currency_id": 1, "min_qty": 5.0, "delay": 7},
        {"partner_id": 2, "product_id": 1, "product_tmpl_id": 1, "product_code": False,
         "price": 13.0, "currency_id": 2, "min_qty": 0.0, "delay": 30},
        {"partner_id": 1, "product_id": False, "product_tmpl_id": 2, "product_code": "N/2",
         "price": 8.0, "currency_id": 1, "min_qty": 1.0, "delay": 7},
    ],
    "stock.warehouse": [
        {"name": "Berlin", "code": "WH1", "active": True, "partner_id": 1},
        {"name": "Osaka", "code": "WH2", "active": True, "partner_id": 2},
    ],
    "stock.location": [
        {"name": "WH1/Stock", "usage": "internal", "warehouse_id": 1},
        {"name": "WH2/Stock", "usage": "internal", "warehouse_id": 2},
        {"name": "WH1/Stock/A", "usage": "internal", "warehouse_id": 1},
        {"name": "Vendors", "usage": "supplier", "warehouse_id": False},
    ],
    "stock.quant": [
        {"product_id": 1, "location_id": 1, "quantity": 10.0, "reserved_quantity": 4.0},
        {"product_id": 1, "location_id": 3, "quantity": 0.1, "reserved_quantity": 0.0},
        {"product_id": 1, "location_id": 3, "quantity": 0.2, "reserved_quantity": 0.0},
        {"product_id": 1, "location_id": 2, "quantity": 3.0, "reserved_quantity": 0.0},
        {"product_id": 2, "location_id": 1, "quantity": 2.5, "reserved_quantity": 0.5},
        {"product_id": 1, "location_id": 4, "quantity": -13.0, "reserved_quantity": 0.0},
    ],
    "stock.warehouse.orderpoint": [
        {"product_id": 1, "product_min_qty": 20.0, "product_max_qty": 50.0},
        {"product_id": 1, "product_min_qty": 5.0, "product_max_qty": 9.0},
    ],
    "stock.picking.type": [
        {"code": "incoming", "warehouse_id": 1}, {"code": "incoming", "warehouse_id": 2},
    ],
    "stock.picking": [
        {"name": "WH2/IN/00001", "state": "done", "picking_type_code": "incoming",
         "picking_type_id": 2, "partner_id": 2, "purchase_id": 5,
         "date_done": "2026-10-20 09:15:00", "move_ids": [1, 2]},
        {"name": "WH2/OUT/00001", "state": "done", "picking_type_code": "outgoing",
         "picking_type_id": 2, "partner_id": 2, "purchase_id": 5,
         "date_done": "2026-10-21 10:00:00", "move_ids": [3]},
        {"name": "WH1/OUT/00009", "state": "done", "picking_type_code": "outgoing",
         "picking_type_id": 1, "partner_id": 5, "purchase_id": False,
         "date_done": "2026-10-22 10:00:00", "move_ids": []},
        {"name": "WH2/IN/00002", "state": "assigned", "picking_type_code": "incoming",
         "picking_type_id": 2, "partner_id": 2, "purchase_id": 5, "date_done": False,
         "move_ids": [4]},
    ],
    "stock.move": [
        {"picking_id": 1, "product_id": 1, "quantity": 17.0, "product_uom": 1, "state": "done",
         "purchase_line_id": 5},
        {"picking_id": 1, "product_id": 2, "quantity": 0.0, "product_uom": 2, "state": "cancel",
         "purchase_line_id": 6},
        {"picking_id": 2, "product_id": 1, "quantity": 2.0, "product_uom": 1, "state": "done",
         "purchase_line_id": 5},
        {"picking_id": 4, "product_id": 1, "quantity": 25.0, "product_uom": 1,
         "state": "assigned", "purchase_line_id": 5},
    ],
}  # fmt: skip
