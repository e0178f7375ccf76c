"""What goes in and out as JSON."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from transactions.models import AMOUNT_DIGITS, AMOUNT_PLACES, DESCRIPTION_LENGTH

MAX_ID = 2**63 - 1
MAX_PAGE = 100
DEFAULT_PAGE = 50
AMOUNT_PATTERN = rf"^-?[0-9]{{1,{AMOUNT_DIGITS - AMOUNT_PLACES}}}(\.[0-9]{{1,{AMOUNT_PLACES}}})?$"
_CENT = Decimal(1).scaleb(-AMOUNT_PLACES)


def _parse_amount(value: Any) -> Decimal:
    # A JSON number would have been a binary float on its way here or at the client's.
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not re.fullmatch(AMOUNT_PATTERN.strip("^$"), value):
        raise ValueError(
            'must be a string with a decimal number, such as "12.50", with at most'
            f" {AMOUNT_DIGITS - AMOUNT_PLACES} digits before and {AMOUNT_PLACES} after the point"
        )
    return Decimal(value)


def _to_cents(value: Decimal) -> Decimal:
    return value.quantize(_CENT) + 0  # + 0 turns -0.00 into 0.00


def _format_time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Amount = Annotated[
    Decimal,
    BeforeValidator(_parse_amount),
    AfterValidator(_to_cents),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": AMOUNT_PATTERN,
            "description": "A decimal number as a string; negative for a refund.",
        }
    ),
]
UtcTime = Annotated[datetime, PlainSerializer(_format_time, return_type=str)]
TransactionId = Annotated[int, Field(ge=1, le=MAX_ID, description="Id of a transaction.", examples=[42])]


class TransactionCreate(BaseModel):
    """A transaction to post."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"amount": "12.50", "description": "Two coffees"}]},
    )

    amount: Amount
    description: Annotated[str, Field(min_length=1, max_length=DESCRIPTION_LENGTH, description="What for.")]


class TransactionResponse(BaseModel):
    """A stored transaction."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": 42,
                    "amount": "12.50",
                    "description": "Two coffees",
                    "created_at": "2026-01-31T12:00:00.000000Z",
                }
            ]
        },
    )

    id: TransactionId
    amount: Amount
    description: str
    created_at: Annotated[UtcTime, Field(description="When it was posted, in UTC.")]


class TransactionList(BaseModel):
    """One page, newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "id": 42,
                            "amount": "12.50",
                            "description": "Two coffees",
                            "created_at": "2026-01-31T12:00:00.000000Z",
                        }
                    ],
                    "next_cursor": "MTc2OTg2MDgwMDAwMDAwMC40Mg",
                }
            ]
        },
    )

    items: list[TransactionResponse]
    next_cursor: Annotated[
        str | None, Field(description="Give it as `cursor` to get the next page; null on the last page.")
    ]


class DeletedResponse(BaseModel):
    """What was deleted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"deleted": 3}]})

    deleted: Annotated[int, Field(ge=0, description="Number of transactions deleted.")]


class ServiceHealth(BaseModel):
    """What the service depends on."""

    database: Literal["up", "down"]
    redis: Literal["up", "down", "disabled"]


class HealthResponse(BaseModel):
    """`degraded` means that requests are answered, but without cache and rate limit. Strangers get no `services`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "ok",
                    "timestamp": "2026-01-31T12:00:00.000000Z",
                    "services": {"database": "up", "redis": "up"},
                }
            ]
        },
    )

    status: Literal["ok", "degraded", "unavailable"]
    timestamp: UtcTime
    services: ServiceHealth | None = None


class ProbeResponse(BaseModel):
    """The answer to a probe that passed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: Literal["ok"] = "ok"


class VersionResponse(BaseModel):
    """Which build answers, and where."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": "0.1.0", "commit": "4b825dc", "instance": "ip-10-0-1-23"}]},
    )

    version: str
    commit: str
    instance: str
