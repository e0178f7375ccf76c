"""What the deployment asks the function for by invoking it directly with {"slipway": "health"} or "migrate"."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from items import __version__
from items.migrations import migrate
from items.repository import ItemRepository
from items.settings import commit

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

# Left to end in when a migration stops before the function's time is over.
RESERVE_MILLISECONDS = 10_000


class UnknownOperationError(Exception):
    """Nothing that this function can be asked for."""


def operate(operation: Any, table: Table, repository: ItemRepository, remaining: Callable[[], int]) -> dict[str, Any]:
    """Do it; raises if it cannot be done, so that the invocation fails."""
    if operation == "health":
        repository.check()
        return {"version": __version__, "commit": commit()}
    if operation == "migrate":
        return migrate(table, may_go_on=lambda: remaining() > RESERVE_MILLISECONDS)
    raise UnknownOperationError(f"slipway is {operation!r}; allowed: 'health' and 'migrate'.")
