"""What goes in and out as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

NAME_LENGTH = 255
DESCRIPTION_LENGTH = 2000
# Beyond it, clients that know no integers lose digits, and DynamoDB takes no more than 38 of them.
LAST_VERSION = 2**53 - 1
MAX_PAGE = 100
DEFAULT_PAGE = 50

# Of fixed width, so that they sort as text; what is stored is what is served.
TIMESTAMP_PATTERN = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$"
Timestamp = Annotated[str, Field(pattern=TIMESTAMP_PATTERN, json_schema_extra={"format": "date-time"})]

EXAMPLE: dict[str, JsonValue] = {"name": "Desk lamp", "description": "With a dimmer", "status": "active"}
STORED: dict[str, JsonValue] = {
    "id": "2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11",
    **EXAMPLE,
    "createdAt": "2026-01-02T03:04:05.678901Z",
    "updatedAt": "2026-01-02T03:04:05.678901Z",
    "createdBy": "anonymous",
    "version": 1,
}


def now() -> str:
    """This moment as it is stored."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Status(StrEnum):
    """Where an item is in its life; the partitions of the index that lists are read from."""

    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


class Document(BaseModel):
    """JSON with names in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class NewItem(Document):
    """What a client says of an item."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]
    description: Annotated[str, Field(max_length=DESCRIPTION_LENGTH)] = ""
    status: Status = Status.ACTIVE


class ItemChange(NewItem):
    """An item as it is to be from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, "version": 1}]})

    version: Annotated[
        int,
        Field(
            strict=True,
            ge=1,
            le=LAST_VERSION,
            description="The version that the change was made from; another is refused.",
        ),
    ]


class Item(NewItem):
    """An item as it is stored."""

    # A later release may store more.
    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": [STORED]})

    id: UUID
    created_at: Timestamp
    updated_at: Timestamp
    created_by: str
    version: Annotated[int, Field(ge=1, description="Counts the changes; a change names the one it was made from.")]

    def attributes(self) -> dict[str, Any]:
        """As DynamoDB stores it."""
        return self.model_dump(mode="json", by_alias=True)


class ItemPage(Document):
    """Some items, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [STORED], "count": 1, "nextCursor": None}]})

    items: list[Item]
    count: Annotated[int, Field(ge=0, description="How many items this page has.")]
    next_cursor: Annotated[str | None, Field(description="Leads to the next page; null on the last.")]


class Health(Document):
    """That the service can answer, and which build of it does."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "ok",
                    "version": "0.1.0",
                    "commit": "3f2a91c",
                    "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                }
            ]
        }
    )

    status: Annotated[str, Field(description="`ok`: the table was read.")]
    version: str
    commit: str
    request_id: Annotated[str, Field(description="The request's id in the service's log.")]
