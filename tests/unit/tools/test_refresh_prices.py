"""The price table is refreshed from what the Price List API answers."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from tools import refresh_prices


def product(*tiers: tuple[str, str]) -> str:
    dimensions = {str(n): {"beginRange": begin, "pricePerUnit": {"USD": usd}} for n, (begin, usd) in enumerate(tiers)}
    return json.dumps({"terms": {"OnDemand": {"term": {"priceDimensions": dimensions}}}})


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "prices.json"
    entry = {"service": "AmazonEC2", "unit": "hour", "filters": {"group": "NGW"},
             "eu-central-1": {"usage_type": "EUC1-NatGateway-Hours", "usd": 0.052}}  # fmt: skip
    path.write_text(json.dumps({"as_of": "2000-01-01", "origin": "by hand", "prices": {"nat_gateway.hour": entry}}))
    return path


def run(table: Path, *products: str) -> int:
    client = boto3.client("pricing", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    asked = {
        "ServiceCode": "AmazonEC2",
        "Filters": [
            {"Type": "TERM_MATCH", "Field": "usagetype", "Value": "EUC1-NatGateway-Hours"},
            {"Type": "TERM_MATCH", "Field": "group", "Value": "NGW"},
        ],
    }
    with Stubber(client) as stubber:
        stubber.add_response("get_products", {"PriceList": list(products)}, asked)
        return refresh_prices.main(["--table", str(table)], client)


def usd(table: Path) -> float:
    price: float = json.loads(table.read_text())["prices"]["nat_gateway.hour"]["eu-central-1"]["usd"]
    return price


def test_a_price_is_that_of_the_first_tier_that_costs_anything(table: Path) -> None:
    assert run(table, product(("1000", "0.04"), ("0", "0.0"), ("100", "0.06"))) == 0
    assert usd(table) == 0.06
    assert json.loads(table.read_text())["as_of"] > "2025"
    assert json.loads(table.read_text())["origin"] == "AWS Price List API"


@pytest.mark.parametrize(
    ("products", "told"), [([], "none"), ([product(("0", "1.0")), product(("0", "2.0"))], "1, 2")], ids=["no", "two"]
)
def test_what_is_not_clear_stays_as_it_is(
    table: Path, products: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(table, *products) == 1
    assert usd(table) == 0.052
    assert json.loads(table.read_text())["origin"] == "by hand"
    assert f"EUC1-NatGateway-Hours) stays at 0.052: AWS returned {told}" in capsys.readouterr().err
