"""Items that were imported without attributes that the service always writes: lists and locking need them."""

from __future__ import annotations

from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase

NAME = "0001_complete_items"
NEEDED: ConditionBase = (
    Attr("version").not_exists()
    | Attr("status").not_exists()
    | Attr("description").not_exists()
    | Attr("createdAt").not_exists()
    | Attr("updatedAt").not_exists()
    | Attr("createdBy").not_exists()
)


def missing(item: dict[str, Any], at: str) -> dict[str, Any]:
    """What the item lacks."""
    created_at = item.get("createdAt", at)
    complete = {
        "version": 1,
        "status": "active",
        "description": "",
        "createdAt": created_at,
        "updatedAt": created_at,
        "createdBy": "import",
    }
    return {name: value for name, value in complete.items() if name not in item}
