"""The SCMS purchase history as its CSV has it, and as tables of text in a database."""

import csv
import gzip
import sqlite3
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
from msgspec import Struct

FILE = Path(__file__).resolve().parents[4] / "shared" / "data" / "scms_delivery_history.csv.gz"
TABLE = "scms_delivery_history"


class Line(Struct, frozen=True):
    """One delivery line, its texts read without any help of ours."""

    id: int
    order: str
    note: str
    vendor: str
    item: str
    country: str
    sent: str
    quantity: Decimal
    value: Decimal
    pack_price: Decimal
    scheduled_on: date
    delivered_on: date


class History:
    """The file: its columns and texts, and its lines."""

    def __init__(self, file: Path) -> None:
        with gzip.open(file, "rt", encoding="utf-8", newline="") as opened:
            reader = csv.reader(opened)
            self.columns = next(reader)
            self.texts = [tuple(row) for row in reader]
        self.lines = [_line(dict(zip(self.columns, row, strict=True))) for row in self.texts]

    def into_sqlite(self, file: Path) -> str:
        """Load it as it is; the address of the database."""
        connection = sqlite3.connect(file)
        with connection:
            connection.execute(self._create())
            marks = ", ".join("?" * len(self.columns))
            connection.executemany(f"INSERT INTO {TABLE} VALUES ({marks})", self.texts)
        connection.close()
        return f"sqlite:///{file}"

    async def into_postgres(self, url: str) -> str:
        """Load it as it is; the address of the database."""
        parts = urlsplit(url)
        connection = await asyncpg.connect(
            host=parse_qs(parts.query)["host"][0], user="postgres", database=parts.path.strip("/")
        )
        await connection.execute(self._create())
        await connection.copy_records_to_table(TABLE, records=self.texts)
        await connection.close()
        return url

    def _create(self) -> str:
        columns = ", ".join(f'"{name}" TEXT NOT NULL' for name in self.columns)
        return f"CREATE TABLE {TABLE} ({columns})"


def _line(row: dict[str, str]) -> Line:
    return Line(
        id=int(row["ID"]),
        order=row["PO / SO #"],
        note=row["ASN/DN #"],
        vendor=row["Vendor"],
        item=row["Item Description"],
        country=row["Country"],
        sent=row["PO Sent to Vendor Date"],
        quantity=Decimal(row["Line Item Quantity"]),
        value=Decimal(row["Line Item Value"]),
        pack_price=Decimal(row["Pack Price"]),
        scheduled_on=_day(row["Scheduled Delivery Date"]),
        delivered_on=_day(row["Delivered to Client Date"]),
    )


def _day(text: str) -> date:
    """2-Jun-06."""
    day, month, year = text.split("-")
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return date(2000 + int(year), months.index(month) + 1, int(day))


def short_day(text: str) -> date | None:
    """11/13/06, or nothing where there are words."""
    if "/" not in text or text.startswith("N/A"):
        return None
    month, day, year = map(int, text.split("/"))
    return date(2000 + year, month, day)


def at_midnight(moment: datetime) -> date:
    """The day that a moment at midnight stands for."""
    assert (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    return moment.date()
