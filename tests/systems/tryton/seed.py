"""Fills an empty Tryton database with a small distributor, over Tryton's own JSON-RPC.

Deterministic: the same day gives the same records with the same ids. Only create_date and
write_date are of the run.
"""

import datetime as dt
import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.systems.tryton.client import Client
from tests.systems.tryton.seed_orders import add_forecasts, add_orders, add_requests
from tests.systems.tryton.seed_world import FAMILIES, SUPPLIERS, WAREHOUSES, Item, World

COUNTRIES = {
    "US": "United States", "DE": "Germany", "PL": "Poland", "JP": "Japan", "GB": "United Kingdom",
    "FR": "France", "CN": "China", "ES": "Spain", "CH": "Switzerland",
}  # fmt: skip
ACCOUNTS = ("receivable", "payable", "revenue", "expense")
GROUPS = (
    "purchase.group_purchase",
    "stock.group_stock",
    "stock_forecast.group_stock_forecast",
    "product.group_product_admin",
    "purchase_request.group_purchase_request",
)


@dataclass(frozen=True)
class Login:
    """A user of the test database."""

    name: str
    password: str = field(repr=False)


ADMIN = Login("admin", "admin-Pass-1!")
INTEGRATION = Login("integration", "integr8-Pass!")
NO_RIGHTS = Login("norights", "integr8-Pass!")


def fill(client: Client, *, today: dt.date, products: int, orders: int) -> dict[str, Any]:
    """Fill a fresh database; what was made, by kind, as ids."""
    client.login(ADMIN.name, ADMIN.password)
    world = World(client, today, random.Random(20261123))
    _add_currencies(world)
    _add_company(world)
    _add_accounts(world)
    _add_warehouses(world)
    _add_suppliers(world)
    _add_items(world, products)
    _add_offers(world)
    _add_stock(world)
    made = add_orders(world, orders)
    add_forecasts(world)
    add_requests(world)
    _add_users(world)
    return {
        "warehouses": {code: w.id for code, w in world.warehouses.items()},
        "suppliers": world.suppliers,
        "items": {i.code: i.id for i in world.items},
        "orders": made,
    }


def _add_currencies(world: World) -> None:
    """The modules bring no currencies or countries: only these exist."""
    client, rates_from = world.client, dt.date(world.today.year - 1, 1, 1)
    for name, code, symbol, rate in (
        ("US Dollar", "USD", "$", "1.0"),
        ("Euro", "EUR", "€", "0.92"),
    ):
        [world.currencies[code]] = client.create(
            "currency.currency",
            {
                "name": name,
                "code": code,
                "symbol": symbol,
                "digits": 2,
                "rounding": Decimal("0.01"),
                "rates": [["create", [{"date": rates_from, "rate": Decimal(rate)}]]],
            },
        )
    codes = sorted({s.country for s in SUPPLIERS})
    rows = [{"name": COUNTRIES[code], "code": code} for code in codes]
    world.countries = dict(zip(codes, client.create("country.country", *rows), strict=True))


def _add_company(world: World) -> None:
    client = world.client
    address = {
        "street_unstructured": "1 Main St",
        "city": "Columbus",
        "postal_code": "43004",
        "country": world.countries["US"],
    }
    party = {
        "name": "Federated Manufacturing Inc.",
        "code": "COMPANY",
        "addresses": [["create", [address]]],
    }
    [owner] = client.create("party.party", party)
    company = {
        "party": owner,
        "currency": world.currencies["USD"],
        "timezone": "America/New_York",
    }
    [world.company] = client.create("company.company", company)
    membership = {"companies": [["add", [world.company]]], "company": world.company}
    client.call("res.user", "write", [client.uid], membership)
    client.login(ADMIN.name, ADMIN.password)


def _add_accounts(world: World) -> None:
    """A chart, a fiscal year, and a way to pay: without them no order can ever be done."""
    client, company = world.client, world.company
    template = client.by_xml_id("account.account_template_root_en")
    name, context = "wizard.account.create_chart", client.context
    session, start, _ = client.rpc(f"{name}.create", context)

    def execute(state: str, values: dict[str, Any]) -> None:
        client.rpc(f"{name}.execute", session, values, state, context)

    execute(start, {})
    execute("account", {})
    chart = {"company": company, "account_template": template}
    execute("create_account", {"account": chart})
    for kind in ACCOUNTS:
        domain = [[f"type.{kind}", "=", True], ["company", "=", company], ["closed", "!=", True]]
        world.accounts[kind] = client.first("account.account", domain)
    properties = {
        "company": company,
        "account_receivable": world.accounts["receivable"],
        "account_payable": world.accounts["payable"],
        "category_account_expense": world.accounts["expense"],
        "category_account_revenue": world.accounts["revenue"],
    }
    execute("create_properties", {"properties": properties})
    _add_fiscal_year(world)
    _add_payment(world)


def _add_fiscal_year(world: World) -> None:
    client, company, year = world.client, world.company, world.today.year
    kinds = [
        client.first("ir.sequence.type", [["name", "=", n]]) for n in ("Account Move", "Invoice")
    ]
    moves, invoices = client.create(
        "ir.sequence.strict",
        {"name": "Moves", "sequence_type": kinds[0], "company": company},
        {"name": "Invoices", "sequence_type": kinds[1], "company": company},
    )
    documents = ("in_invoice", "out_invoice", "in_credit_note", "out_credit_note")
    sequences = {"company": company} | {f"{d}_sequence": invoices for d in documents}
    [fiscal_year] = client.create(
        "account.fiscalyear",
        {
            "name": f"{year - 1}-{year + 1}",
            "start_date": dt.date(year - 1, 1, 1),
            "end_date": dt.date(year + 1, 12, 31),
            "company": company,
            "move_sequence": moves,
            "invoice_sequences": [["create", [sequences]]],
        },
    )
    client.call("account.fiscalyear", "create_period", [fiscal_year])


def _add_payment(world: World) -> None:
    client, company, accounts = world.client, world.company, world.accounts
    cash = client.first("account.account", [["code", "=", "1.1.1"], ["company", "=", company]])
    exchange = {
        "currency_exchange_journal": client.first("account.journal", [["type", "=", "write-off"]]),
        "currency_exchange_debit_account": accounts["expense"],
        "currency_exchange_credit_account": accounts["revenue"],
    }
    client.call("account.configuration", "write", [1], exchange)
    method = {
        "name": "Cash",
        "journal": client.first("account.journal", [["type", "=", "cash"]]),
        "company": company,
        "credit_account": cash,
        "debit_account": cash,
    }
    [world.payment_method] = client.create("account.invoice.payment.method", method)
    category = {
        "name": "All goods",
        "accounting": True,
        "account_expense": accounts["expense"],
        "account_revenue": accounts["revenue"],
    }
    [world.account_category] = client.create("product.category", category)
    rest = {"type": "remainder", "relativedeltas": [["create", [{"days": 30}]]]}
    term = {"name": "Net 30", "lines": [["create", [rest]]]}
    [world.payment_term] = client.create("account.invoice.payment_term", term)


def _add_warehouses(world: World) -> None:
    client = world.client
    lost_found = client.first("stock.location", [["type", "=", "lost_found"]])
    for number, (code, name) in enumerate(WAREHOUSES):
        shared = {"name": name, "code": code, "lost_found_location": lost_found}
        if number == 0:  # Tryton comes with one
            warehouse = client.first("stock.location", [["type", "=", "warehouse"]])
            client.call("stock.location", "write", [warehouse], shared)
        else:
            zones = client.create(
                "stock.location",
                {"name": "Input Zone", "code": f"{code}-IN", "type": "storage"},
                {"name": "Output Zone", "code": f"{code}-OUT", "type": "storage"},
                {"name": "Storage Zone", "code": f"{code}-STO", "type": "storage"},
            )
            roles = ("input_location", "output_location", "storage_location")
            row = {**shared, "type": "warehouse", **dict(zip(roles, zones, strict=True))}
            [warehouse] = client.create("stock.location", row)
        world.add_warehouse(code, warehouse)


def _add_suppliers(world: World) -> None:
    client, rows = world.client, []
    for s in SUPPLIERS:
        address = {
            "street_unstructured": f"{world.rnd.randint(1, 99)} Supplier Road",
            "city": "Anytown",
            "country": world.countries[s.country],
            "invoice": True,
        }
        email = {"type": "email", "value": f"orders@{s.code.lower()}.example"}
        rows.append(
            {
                "name": s.name,
                "code": s.code,
                "supplier_payment_term": world.payment_term,
                "supplier_lead_time": dt.timedelta(days=s.lead_days),
                "supplier_currency": world.currencies[s.currency],
                "identifiers": [["create", [{"type": None, "code": f"TAX-{s.code}"}]]],
                "contact_mechanisms": [["create", [email]]],
                "addresses": [["create", [address]]],
            }
        )
    made = client.create("party.party", *rows)
    world.suppliers = {s.code: i for s, i in zip(SUPPLIERS, made, strict=True)}
    dormant = [world.suppliers[s.code] for s in SUPPLIERS if s.is_dormant]
    client.call("party.party", "write", dormant, {"active": False})
    addresses = client.read("party.address", [["party", "in", made]], ["party"], active_test=False)
    world.addresses = {a["party"]: a["id"] for a in addresses}


def _add_items(world: World, count: int) -> None:
    """The last one is blocked, every 17th is counted in kilograms."""
    client = world.client
    pieces, kilograms = (client.by_xml_id(f"product.uom_{u}") for u in ("unit", "kilogram"))
    groups = client.create("product.category", *[{"name": f} for f in FAMILIES])
    rows = []
    for i in range(count):
        family = FAMILIES[i % len(FAMILIES)]
        cost = Decimal(world.rnd.randint(15, 90_000)) / 100
        unit = kilograms if i % 17 == 16 else pieces
        variant = {"cost_price": cost, "description": f"{family} no. {i + 1}"}
        world.items.append(Item(f"ITM-{i + 1:04d}", family, cost, unit))
        rows.append(
            {
                "name": f"{family} {chr(65 + i % 5)}{100 + i}",
                "code": world.items[-1].code,
                "type": "goods",
                "default_uom": unit,
                "list_price": (cost * Decimal("1.45")).quantize(Decimal("0.0001")),
                "cost_price_method": "average" if i % 2 else "fixed",
                "account_category": world.account_category,
                "categories": [["add", [groups[i % len(FAMILIES)]]]],
                "purchasable": True,
                "purchase_uom": unit,
                "products": [["create", [variant]]],
            }
        )
    templates = client.create("product.template", *rows)
    variants = client.read("product.product", [["template", "in", templates]], ["template"])
    ids = {v["template"]: v["id"] for v in variants}
    for item, template in zip(world.items, templates, strict=True):
        item.template, item.id = template, ids[template]
    client.call("product.template", "write", templates[-1:], {"active": False})


def _add_offers(world: World) -> None:
    """Each item from one to three suppliers, with a lower price from a hundred on."""
    sellers = [s for s in SUPPLIERS if not s.is_dormant]
    world.offers = {s.code: [] for s in sellers}
    rows = []
    for i, item in enumerate(world.items[:-1]):
        for seller in world.rnd.sample(sellers, 1 + i % 3):
            price = world.price(item.cost * Decimal(world.rnd.randint(90, 115)) / 100)
            breaks = [
                {"quantity": 0.0, "unit_price": price},
                {"quantity": 100.0, "unit_price": world.price(price * Decimal("0.9"))},
            ]
            row = {
                "template": item.template,
                "party": world.suppliers[seller.code],
                "code": f"{seller.code[-3:]}/{item.code[-4:]}",
                "name": f"{item.family} by {seller.name}",
                "currency": world.currencies[seller.currency],
                "company": world.company,
                "prices": [["create", breaks]],
            }
            if seller.has_own_lead_times:
                days = seller.lead_days + world.rnd.randint(0, 4)
                row["lead_time"] = dt.timedelta(days=days)
            rows.append(row)
            world.offers[seller.code].append((item, price))
    world.client.create("purchase.product_supplier", *rows)


def _add_stock(world: World) -> None:
    """An inventory count in each aisle, and reorder points."""
    client = world.client
    counted = world.today - dt.timedelta(days=90)
    for warehouse in world.warehouses.values():
        for aisle, location in enumerate(warehouse.aisles):
            lines = [
                {"product": item.id, "quantity": float(world.rnd.randint(0, 400))}
                for k, item in enumerate(world.items[:-1])
                if k % 2 == aisle
            ]
            count = {
                "location": location,
                "date": counted,
                "company": world.company,
                "lines": [["create", lines]],
            }
            [inventory] = client.create("stock.inventory", count)
            client.call("stock.inventory", "confirm", [inventory])
    points = [
        {
            "product": item.id,
            "location": world.warehouses[WAREHOUSES[k % 3][0]].id,
            "type": "purchase",
            "min_quantity": float(50 + k),
            "target_quantity": float(300 + 5 * k),
            "company": world.company,
        }
        for k, item in enumerate(world.items[:-1][:40])
    ]
    client.create("stock.order_point", *points)


def _add_users(world: World) -> None:
    client, company = world.client, world.company
    groups = [client.by_xml_id(g) for g in GROUPS]
    base = {"companies": [["add", [company]]], "company": company}
    for name, login, rights in (("Integration", INTEGRATION, groups), ("No rights", NO_RIGHTS, [])):
        user = {"name": name, "login": login.name, "password": login.password, **base}
        client.create("res.user", {**user, "groups": [["add", rights]]})
