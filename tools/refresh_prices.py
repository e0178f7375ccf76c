#!/usr/bin/env python3
"""Refreshes the price table of slipway.graph.cost from AWS's Price List API.

Needs a network and credentials that may call pricing:GetProducts; nothing it does costs anything. A price that AWS
does not tell, or tells several of, stays as it is and is named; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import typing as t
from pathlib import Path

import boto3

TABLE = (
    Path(__file__).parents[1]
    / "collections/ansible_collections/slipway/graph/plugins/plugin_utils/money/price_table/prices.json"
)
# The Price List API itself is not everywhere.
API_REGION = "us-east-1"


def main(arguments: list[str] | None = None, client: t.Any = None) -> int:
    """Ask for every price of the table and write the table anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, default=TABLE, help="the table to refresh")
    table_path: Path = parser.parse_args(arguments).table
    client = client or boto3.client("pricing", region_name=API_REGION)
    table = json.loads(table_path.read_text())
    problems = [problem for name in table["prices"] for problem in refresh(client, name, table["prices"][name])]
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        table["origin"] = "AWS Price List API"
    table["as_of"] = datetime.datetime.now(datetime.UTC).date().isoformat()
    table_path.write_text(json.dumps(table, indent=1) + "\n")
    return 1 if problems else 0


def refresh(client: t.Any, name: str, entry: dict[str, t.Any]) -> list[str]:
    """Put AWS's price for each Region in one entry of the table; what could not be found out is returned."""
    problems = []
    for region, price in entry.items():
        if not isinstance(price, dict) or "usage_type" not in price:
            continue
        told = prices_of(client, entry["service"], price["usage_type"], entry.get("filters", {}))
        if len(told) == 1:
            price["usd"] = told.pop()
        else:
            said = ", ".join(f"{each:g}" for each in sorted(told)) or "none"
            problems.append(
                f"{name} in {region} ({price['usage_type']}) stays at {price['usd']:g}: AWS returned {said}"
            )
    return problems


def prices_of(client: t.Any, service: str, usage_type: str, filters: dict[str, str]) -> set[float]:
    """The on-demand prices of all products that match, each at its first tier that is not free."""
    fields = {"usagetype": usage_type, **filters}
    pages = client.get_paginator("get_products").paginate(
        ServiceCode=service,
        Filters=[{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in fields.items()],
    )
    products = [json.loads(product) for page in pages for product in page["PriceList"]]
    return {price for product in products if (price := first_tier(product)) is not None}


def first_tier(product: dict[str, t.Any]) -> float | None:
    """A product's price for the first unit that costs anything."""
    tiers = [
        (float(tier["beginRange"]), float(tier["pricePerUnit"]["USD"]))
        for term in product["terms"].get("OnDemand", {}).values()
        for tier in term["priceDimensions"].values()
    ]
    return next((usd for _begin, usd in sorted(tiers) if usd), None)


if __name__ == "__main__":
    sys.exit(main())
