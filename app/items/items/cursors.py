"""Opaque cursors: how far each partition of the index has been read."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from items.models import TIMESTAMP_PATTERN, Status


class Position(NamedTuple):
    """The item after which reading goes on."""

    created_at: str
    id: str


# Partitions that are missing have not been read; None stands for one that has no more items.
Progress = dict[Status, Position | None]


class InvalidCursorError(ValueError):
    """Not a cursor that this service gave out for such a list."""


def encode_cursor(progress: Progress) -> str:
    """The cursor of a list that was read that far."""
    plain = json.dumps({status.value: position for status, position in progress.items()}, separators=(",", ":"))
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, statuses: Collection[Status]) -> Progress:
    """How far a list of items in these statuses was read."""
    try:
        plain = json.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        progress = {Status(status): _position(value) for status, value in plain.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise InvalidCursorError from None
    if not progress or not set(progress) <= set(statuses):
        raise InvalidCursorError
    return progress


def _position(value: Any) -> Position | None:
    if value is None:
        return None
    created_at, identifier = value
    if not re.fullmatch(TIMESTAMP_PATTERN.strip("^$"), created_at) or str(UUID(identifier)) != identifier:
        raise ValueError(value)
    return Position(created_at, identifier)
