"""Puts example items into a table: `python -m data.seed --table NAME`. What is there already stays as it is.

The table and its account are found as the AWS command line finds them; AWS_ENDPOINT_URL names an emulator.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

import boto3
from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

from items.models import Item, NewItem, now

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

SEEDS = Path(__file__).parent / "seeds" / "dev.json"


def seed(table: Table, seeds: Path = SEEDS) -> int:
    """Write the items that are not there yet, and return how many that were."""
    return sum(put(table, NewItem.model_validate(each)) for each in json.loads(seeds.read_text()))


def put(table: Table, new: NewItem) -> bool:
    """Write an item under an id that its name gives, unless it is there."""
    at = now()
    identifier = uuid5(NAMESPACE_URL, f"items/{new.name}")
    item = Item(id=identifier, created_at=at, updated_at=at, created_by="seed", version=1, **new.model_dump())
    try:
        table.put_item(Item=item.attributes(), ConditionExpression=Attr("id").not_exists())
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True, help="Name of the table, such as items-dev-items.")
    table = boto3.resource("dynamodb").Table(parser.parse_args(arguments).table)
    print(f"{seed(table)} items written to {table.name}")


if __name__ == "__main__":
    main()
