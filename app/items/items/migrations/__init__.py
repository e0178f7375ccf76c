"""Changes of the stored items, in order. Each has been done once and for all when the table says so.

A migration only adds what an item lacks, and only while it lacks it. So it can be stopped and run again at any point,
beside another run of itself, and while both the old release and the new one write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from boto3.dynamodb.conditions import Attr, ConditionBase
from botocore.exceptions import ClientError

from items.migrations import m0001_complete_items
from items.models import now

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


class Migration(Protocol):
    """A module of this package."""

    NAME: str
    # Which items lack something.
    NEEDED: ConditionBase

    def missing(self, item: dict[str, Any], at: str, /) -> dict[str, Any]:
        """What the item lacks."""


MIGRATIONS: Sequence[Migration] = (m0001_complete_items,)


def migrate(
    table: Table, migrations: Sequence[Migration] = MIGRATIONS, may_go_on: Callable[[], bool] = lambda: True
) -> dict[str, Any]:
    """Do what has not been done; ``done`` is false where the time was not enough, and it has to be asked again."""
    applied: list[str] = []
    for migration in migrations:
        if is_applied(table, migration):
            continue
        for page in pages(table, migration):
            for item in page:
                complete(table, item, migration)
            if not may_go_on():
                return {"applied": applied, "done": False}
        record(table, migration)
        applied.append(migration.NAME)
    return {"applied": applied, "done": True}


def is_applied(table: Table, migration: Migration) -> bool:
    """Whether the table says that the migration was done."""
    return "Item" in table.get_item(Key={"id": f"migration#{migration.NAME}"}, ConsistentRead=True)


def record(table: Table, migration: Migration) -> None:
    """Say in the table that it was done. Without a status, the record is in no list of items."""
    table.put_item(Item={"id": f"migration#{migration.NAME}", "appliedAt": now()})


def pages(table: Table, migration: Migration) -> Iterator[list[dict[str, Any]]]:
    """The items that need the migration. All items have names; what else is in the table has none."""
    start: dict[str, Any] = {}
    while True:
        answer = table.scan(FilterExpression=Attr("name").exists() & migration.NEEDED, ConsistentRead=True, **start)
        yield answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def complete(table: Table, item: dict[str, Any], migration: Migration) -> None:
    """Add what the item lacks, unless somebody was faster or has deleted it."""
    missing = migration.missing(item, now())
    condition: ConditionBase = Attr("id").exists()
    for name in missing:
        condition &= Attr(name).not_exists()
    try:
        table.update_item(
            Key={"id": item["id"]},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in missing),
            ConditionExpression=condition,
            ExpressionAttributeNames={f"#{name}": name for name in missing},
            ExpressionAttributeValues={f":{name}": value for name, value in missing.items()},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
