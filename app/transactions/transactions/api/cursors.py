"""Opaque cursors: where the next page begins."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from transactions.api.problems import ProblemError
from transactions.api.schemas import MAX_ID
from transactions.repository import Position

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def encode_cursor(position: Position) -> str:
    """The cursor of a position."""
    plain = f"{(position.created_at - _EPOCH) // _MICROSECOND}.{position.id}"
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> Position:
    """The position of a cursor that a list gave out."""
    try:
        plain = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
        microseconds, identifier = (int(part) for part in plain.split("."))
        position = Position(_EPOCH + microseconds * _MICROSECOND, identifier)
    except (ValueError, OverflowError):
        raise _invalid() from None
    if not 1 <= position.id <= MAX_ID or encode_cursor(position) != cursor:
        raise _invalid()
    return position


def _invalid() -> ProblemError:
    return ProblemError(
        HTTPStatus.BAD_REQUEST,
        "invalid-cursor",
        "cursor: not one that this service gave out; take `next_cursor` of a list, or leave it out.",
    )
