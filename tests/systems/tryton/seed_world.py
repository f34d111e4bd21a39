"""The pretend distributor of the Tryton database: its figures, and what is there so far."""

import datetime as dt
import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from tests.systems.tryton.client import Client

FAMILIES = (
    "Bearing", "Hex Bolt", "Gasket", "Motor", "Sensor",
    "Cable", "Carton", "Valve", "Relay", "Bracket",
)  # fmt: skip
WAREHOUSES = (
    ("DC-EAST", "Distribution Centre East"),
    ("DC-WEST", "Distribution Centre West"),
    ("PLANT-1", "Plant One"),
)


class Supplier(NamedTuple):
    """A supplier to be."""

    code: str
    name: str
    country: str
    lead_days: int
    currency: str
    is_dormant: bool = False
    has_own_lead_times: bool = True  # false: its offers leave the lead time to the party


SUPPLIERS = (
    Supplier("SUP-001", "Nordlicht Komponenten GmbH", "DE", 7, "EUR"),
    Supplier("SUP-002", "Acme Fasteners Inc.", "US", 14, "USD"),
    Supplier("SUP-003", "Łódź Metalworks Sp. z o.o.", "PL", 10, "EUR"),
    Supplier("SUP-004", "東京精密部品株式会社", "JP", 35, "USD"),
    Supplier("SUP-005", "O'Neil & Sons Ltd", "GB", 9, "USD"),
    Supplier("SUP-006", "Équipements Générale SARL", "FR", 12, "EUR"),
    Supplier("SUP-007", "Pacific Rim Plastics", "US", 21, "USD"),
    Supplier("SUP-008", "Shenzhen Huaxin Electronics", "CN", 45, "USD"),
    Supplier("SUP-009", "Iberia Embalajes S.A.", "ES", 6, "EUR"),
    Supplier("SUP-010", "Dormant Supplier AG", "CH", 30, "EUR", is_dormant=True),
    Supplier("SUP-011", "Quick Local Supplies", "US", 0, "USD", has_own_lead_times=False),
    Supplier("SUP-012", 'Nameless "Quoted" / Slash & Co', "US", 5, "USD"),
)


@dataclass
class Item:
    """An item, with its ids once it is there."""

    code: str
    family: str
    cost: Decimal
    unit: int
    template: int = 0
    id: int = 0


class Warehouse(NamedTuple):
    """Ids of a warehouse and its places."""

    id: int
    input: int
    storage: int
    aisles: tuple[int, ...]


@dataclass
class World:
    """What has been made so far, by code."""

    client: Client
    today: dt.date
    rnd: random.Random
    company: int = 0
    payment_method: int = 0
    payment_term: int = 0
    account_category: int = 0
    currencies: dict[str, int] = field(default_factory=dict)
    countries: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    suppliers: dict[str, int] = field(default_factory=dict)
    addresses: dict[int, int] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    offers: dict[str, list[tuple[Item, Decimal]]] = field(default_factory=dict)
    warehouses: dict[str, Warehouse] = field(default_factory=dict)

    def add_warehouse(self, code: str, warehouse: int) -> None:
        """Take a warehouse in, and give it two aisles."""
        [row] = self.client.read(
            "stock.location", [["id", "=", warehouse]], ["input_location", "storage_location"]
        )
        storage = row["storage_location"]
        aisles = self.client.create(
            "stock.location",
            *[
                {"name": f"Aisle {x}", "code": f"{code}-{x}", "type": "storage", "parent": storage}
                for x in "AB"
            ],
        )
        self.warehouses[code] = Warehouse(warehouse, row["input_location"], storage, tuple(aisles))

    @staticmethod
    def price(amount: Decimal) -> Decimal:
        """A price as Tryton keeps it: four digits after the point."""
        return amount.quantize(Decimal("0.0001"))
