# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unit prices: a table with its date and origin, without reserved or negotiated discounts."""

from __future__ import annotations

import dataclasses
import functools
import json
import typing as t
from pathlib import Path

TABLE = Path(__file__).parent / "price_table" / "prices.json"


@dataclasses.dataclass(frozen=True)
class Price:
    """What one unit costs, in US dollars; ``source`` names the entry in AWS's price list."""

    usd: float
    unit: str
    service: str
    source: str


@functools.lru_cache
def table(path: Path = TABLE) -> dict[str, t.Any]:
    """The table as it stands in its file: ``as_of``, ``origin``, and under ``prices`` each price by Region."""
    read: dict[str, t.Any] = json.loads(path.read_text())
    return read


def regions() -> list[str]:
    """The Regions that the table has prices for."""
    first: dict[str, t.Any] = next(iter(table()["prices"].values()))
    return sorted(key for key, value in first.items() if isinstance(value, dict) and "usd" in value)


def price(name: str, region: str) -> Price | None:
    """A price by the name it has in the table; ``None`` if the table does not have it."""
    entry = table()["prices"].get(name)
    if entry is None or region not in entry:
        return None
    found = entry[region]
    return Price(found["usd"], entry["unit"], entry["service"], f"{entry['service']} {found['usage_type']}")
