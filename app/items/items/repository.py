"""Every statement that the table is asked or told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from items.cursors import Position, Progress
from items.models import Item, ItemChange, NewItem, Status, now

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


# What a partition's position is before anything was taken from it.
UNREAD = Position("", "")


class ItemNotFoundError(Exception):
    """There is no item of this id."""

    def __init__(self, identifier: UUID) -> None:
        super().__init__(f"there is no item {identifier}")
        self.identifier = identifier


class VersionConflictError(Exception):
    """Somebody else has changed the item."""

    def __init__(self, stored: int) -> None:
        super().__init__(f"the item's version is {stored}")
        self.stored = stored


class Page(NamedTuple):
    """Items, newest first, and how far the list was read with them; no progress means that it has ended."""

    items: list[Item]
    progress: Progress | None


class Partition(NamedTuple):
    """What was read of one status: the items, and whether there are more."""

    items: list[Item]
    more: bool


class ItemRepository:
    """The table of items."""

    def __init__(self, table: Table, status_index: str) -> None:
        self._table = table
        self._index = status_index

    def check(self) -> None:
        """Read from the table; raises if that fails."""
        self._table.get_item(Key={"id": "health"})

    def create(self, new: NewItem, created_by: str) -> Item:
        """Store a new item."""
        at = now()
        item = Item(id=uuid4(), created_at=at, updated_at=at, created_by=created_by, version=1, **new.model_dump())
        self._table.put_item(Item=item.attributes(), ConditionExpression=Attr("id").not_exists())
        return item

    def get(self, identifier: UUID) -> Item:
        """The item as the last writer left it."""
        found = self._table.get_item(Key={"id": str(identifier)}, ConsistentRead=True).get("Item")
        if found is None:
            raise ItemNotFoundError(identifier)
        return Item.model_validate(found)

    def update(self, identifier: UUID, change: ItemChange) -> Item:
        """Change an item that nobody else has changed since the client read it."""
        wanted = change.model_dump(mode="json", exclude={"version"}) | {"updatedAt": now()}
        try:
            changed = self._table.update_item(
                Key={"id": str(identifier)},
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in wanted) + ", #version = :next",
                ConditionExpression="#version = :version",
                ExpressionAttributeNames={f"#{name}": name for name in [*wanted, "version"]},
                ExpressionAttributeValues={f":{name}": value for name, value in wanted.items()}
                | {":version": change.version, ":next": change.version + 1},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            raise _refusal(identifier, error) from error
        return Item.model_validate(changed["Attributes"])

    def delete(self, identifier: UUID, version: int | None) -> None:
        """Delete an item, in this version if one is named."""
        condition = Attr("id").exists() if version is None else Attr("version").eq(version)
        try:
            self._table.delete_item(
                Key={"id": str(identifier)},
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            raise _refusal(identifier, error) from error

    def page(self, statuses: Sequence[Status], progress: Progress, limit: int) -> Page:
        """The next items in these statuses, newest first: one query of the index for each status, never a scan."""
        read = {
            status: self._read(status, progress.get(status), limit)
            for status in statuses
            if progress.get(status, UNREAD) is not None
        }
        items = [item for part in read.values() for item in part.items]
        taken = sorted(items, key=lambda item: item.created_at, reverse=True)[:limit]
        reached = progress | {
            status: position
            for status, part in read.items()
            if (position := _position(part, [item for item in taken if item.status is status])) is not UNREAD
        }
        ended = all(reached.get(status, UNREAD) is None for status in statuses)
        return Page(taken, None if ended else reached)

    def _read(self, status: Status, after: Position | None, limit: int) -> Partition:
        start: dict[str, Any] = {}
        if after is not None:
            start = {"ExclusiveStartKey": {"id": after.id, "status": status, "createdAt": after.created_at}}
        answer = self._table.query(
            IndexName=self._index,
            KeyConditionExpression=Key("status").eq(status),
            ScanIndexForward=False,
            # One more than asked for tells whether there is another page.
            Limit=limit + 1,
            **start,
        )
        items = [Item.model_validate(found) for found in answer["Items"]]
        return Partition(items, "LastEvaluatedKey" in answer)


def _position(part: Partition, taken: list[Item]) -> Position | None:
    if len(taken) == len(part.items) and not part.more:
        return None
    return Position(taken[-1].created_at, str(taken[-1].id)) if taken else UNREAD


def _refusal(identifier: UUID, error: ClientError) -> Exception:
    """Why a conditional write was refused: the answer carries the item as it is, if there is one."""
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        return error
    stored: Any = error.response.get("Item")
    return VersionConflictError(int(stored["version"]["N"])) if stored else ItemNotFoundError(identifier)
