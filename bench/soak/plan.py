"""What the soak reports: which change comes by which way, the same each time.

Half of the changes are new orders, half are forecasts. They come in blocks, each with some of all:

    order n         5 of 100    a webhook of its own: a CloudEvent, structured
                   55 of 100    webhooks with a batch of CloudEvents
                   20 of 100    nothing is sent: the watcher finds it in the system
                   20 of 100    both: webhooks with the system's own rows, and the watcher
    forecast n      files of rows, CSV and JSON lines by turns; the last rows of each file are in
                    the next file too
"""

import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from bench.senders import BATCH_KIND, EVENT_KIND, Posting, order_event, posting_of
from bench.soak.source import SourceSystem

SUPPLIERS: Final = 10
ITEMS: Final = 10
HOOKS: Final = "/ingest/procurement"
FILES: Final = "/ingest/planning/bulk?entity=forecast"
_SINGLE: Final = 5
_BATCHED: Final = 60
_WATCHED: Final = 80
_BATCH: Final = 100
_OVERLAP: Final = 20
_LONGEST_BLOCK: Final = 5_000
_DAYS: Final = 500
_FIRST_DAY: Final = date(2026, 1, 1)


def order_of(n: int) -> str:
    """The order with a number."""
    return f"P-{n}"


def supplier_of(n: int) -> str:
    """Whose order it is."""
    return f"S-{n % SUPPLIERS}"


def item_of(n: int) -> str:
    """Of what a forecast is."""
    return f"I-{n % ITEMS}"


def blocks(count: int) -> Iterator[range]:
    """The numbers from 0 on, in blocks."""
    size = max(100, min(_LONGEST_BLOCK, count // 4))
    for start in range(0, count, size):
        yield range(start, min(start + size, count))


class Plan:
    """The deliveries of a soak, in order.

    Args:
        events: How many changes there are; half are orders.
        source: The system that is watched.

    Attributes:
        orders: How many orders there are.
        forecasts: How many forecasts.
        added: Changes that the watched system has had so far.
    """

    def __init__(self, events: int, source: SourceSystem) -> None:
        self.orders = (events + 1) // 2
        self.forecasts = events - self.orders
        self.added = 0
        self._source = source

    def postings(self) -> Iterator[Posting]:
        """What is to be sent. The system that is watched changes while this goes on."""
        files = self._files()
        held: list[Posting] = []
        for numbers in blocks(self.orders):
            yield from held  # of the block before, so that the watcher was first
            own = [n for n in numbers if n % 100 >= _BATCHED]
            both = [p for part in _parts(own) if (p := self._rows(part)) is not None]
            held = both[::2]
            yield from both[1::2]
            batched = [n for n in numbers if _SINGLE <= n % 100 < _BATCHED]
            events = [
                posting_of(HOOKS, [_event(n) for n in part], BATCH_KIND, f"b{part[0]}", len(part))
                for part in _parts(batched)
            ]
            single = [
                posting_of(HOOKS, _event(n), EVENT_KIND, f"s{n}", 1)
                for n in numbers
                if n % 100 < _SINGLE
            ]
            yield from events[::2]
            if (file := next(files, None)) is not None:
                yield file
            yield from single
            yield from events[1::2]
        yield from held
        yield from files

    def _rows(self, numbers: Sequence[int]) -> Posting | None:
        """Add orders to the system; the webhook of those that it tells of itself."""
        rows = {n: self._source.add(order_of(n), supplier_of(n)) for n in numbers}
        self.added += len(rows)
        told = [row for n, row in rows.items() if n % 100 >= _WATCHED]
        if not told:
            return None
        return posting_of(HOOKS, told, "application/json", f"o{numbers[0]}", 0)

    def _files(self) -> Iterator[Posting]:
        for place, numbers in enumerate(blocks(self.forecasts)):
            upto = min(numbers.stop + _OVERLAP, self.forecasts)
            rows = [_forecast(n) for n in range(numbers.start, upto)]
            form = _lines if place % 2 else _csv
            kind = "application/x-ndjson" if place % 2 else "text/csv"
            yield Posting(FILES, form(rows), kind, f"f{numbers.start}", len(numbers))


def forecast_key(n: int) -> tuple[str, str, date]:
    """What a forecast is known by: item, location and the first day."""
    rest = n // ITEMS
    day = _FIRST_DAY + timedelta(days=rest % _DAYS)
    return item_of(n), f"L-{rest // _DAYS}", day


def _event(n: int) -> dict[str, object]:
    at = datetime.now(UTC).isoformat()
    return order_event(order_of(n), supplier_of(n), at)


def _parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[at : at + _BATCH] for at in range(0, len(numbers), _BATCH))


def _forecast(n: int) -> tuple[str, str, str, str]:
    item, location, day = forecast_key(n)
    return item, location, day.isoformat(), str(n + 1)


_HEAD: Final = ("item", "location", "day", "quantity")


def _csv(rows: Sequence[tuple[str, ...]]) -> bytes:
    return "\n".join(",".join(row) for row in [_HEAD, *rows]).encode()


def _lines(rows: Sequence[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    for row in rows:
        out.write(json.dumps(dict(zip(_HEAD, row, strict=True))) + "\n")
    return out.getvalue().encode()
