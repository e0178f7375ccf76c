"""The transactions themselves."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError

from transactions import repository
from transactions.api.cursors import decode_cursor, encode_cursor
from transactions.api.problems import ProblemError, not_found, problem_docs
from transactions.api.schemas import (
    DEFAULT_PAGE,
    MAX_PAGE,
    DeletedResponse,
    TransactionCreate,
    TransactionId,
    TransactionList,
    TransactionResponse,
)
from transactions.cache import LIST_GROUP, item_group
from transactions.repository import Position
from transactions.services import Services, get_services

JSON = "application/json"
CONFIRMATION = "delete-all-transactions"

router = APIRouter(
    prefix="/transaction",
    tags=["transactions"],
    responses=problem_docs(
        HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE
    ),
)


@router.get(
    "",
    summary="List transactions",
    response_model=TransactionList,
    responses=problem_docs(HTTPStatus.BAD_REQUEST),
)
async def list_transactions(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Size of the page.")] = DEFAULT_PAGE,
    cursor: Annotated[str | None, Query(max_length=100, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """One page of transactions, newest first."""
    services = get_services(request)
    after = None if cursor is None else decode_cursor(cursor)
    return Response(await _read_page(services, limit, after), media_type=JSON)


async def _read_page(services: Services, limit: int, after: Position | None) -> bytes:
    # One more than asked for tells whether there is a next page.
    rows = await services.database.run("list", lambda session: repository.list_page(session, limit + 1, after))
    items = [TransactionResponse.model_validate(row) for row in rows[:limit]]
    last = rows[limit - 1] if len(rows) > limit else None
    page = TransactionList(
        items=items, next_cursor=None if last is None else encode_cursor(Position(last.created_at, last.id))
    )
    return page.model_dump_json().encode()


@router.post(
    "",
    summary="Post a transaction",
    status_code=HTTPStatus.CREATED,
    response_model=TransactionResponse,
    responses={
        HTTPStatus.CREATED.value: {
            "headers": {"Location": {"schema": {"type": "string"}, "description": "Path of the transaction."}}
        },
        **problem_docs(HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    },
)
async def create_transaction(request: Request, transaction: TransactionCreate) -> Response:
    """Store a transaction."""
    services = get_services(request)
    try:
        stored = await services.database.run(
            "insert", lambda session: repository.add(session, transaction.amount, transaction.description)
        )
    finally:
        # Also when it failed: a commit whose answer got lost may have been carried out.
        await services.cache.invalidate(LIST_GROUP)
    return Response(
        TransactionResponse.model_validate(stored).model_dump_json(),
        HTTPStatus.CREATED,
        {"Location": f"/transaction/{stored.id}"},
        JSON,
    )


@router.delete(
    "",
    summary="Delete all transactions",
    response_model=DeletedResponse,
    responses=problem_docs(HTTPStatus.BAD_REQUEST),
)
async def delete_transactions(
    request: Request,
    confirm: Annotated[
        Literal["delete-all-transactions"] | None,
        Query(description="Required in production, so that nothing is lost by a slip."),
    ] = None,
) -> DeletedResponse:
    """Delete every transaction that exists when the request arrives."""
    services = get_services(request)
    if services.settings.confirm_delete_all and confirm is None:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            "confirmation-required",
            f"This deletes every transaction; confirm with ?confirm={CONFIRMATION}.",
        )
    deleted = 0
    newest = await services.database.run("newest", repository.newest_id)
    while ids := await _delete_batch(services, newest):
        deleted += len(ids)
    return DeletedResponse(deleted=deleted)


async def _delete_batch(services: Services, newest: int) -> list[int]:
    ids: list[int] = []
    try:
        ids = await services.database.run("delete_batch", lambda session: repository.remove_batch(session, newest))
    finally:
        await services.cache.invalidate(LIST_GROUP, *(item_group(identifier) for identifier in ids))
    return ids


def _only_address(request: Request, transaction_id: TransactionId) -> int:
    """The id, if it is spelled as in the address of its transaction: what else means the number names nothing."""
    if request.path_params["transaction_id"] != str(transaction_id):
        message = "an id is digits only, without zeros before them"
        raise RequestValidationError([{"loc": ("path", "transaction_id"), "msg": message, "type": "value_error"}])
    return transaction_id


# As 42, and neither as 42.0 nor as +42.
AddressedId = Annotated[int, Depends(_only_address)]


@router.get(
    "/{transaction_id}",
    summary="Get one transaction",
    response_model=TransactionResponse,
    responses=problem_docs(HTTPStatus.NOT_FOUND),
)
async def read_transaction(request: Request, transaction_id: AddressedId) -> Response:
    """The transaction with this id."""
    services = get_services(request)
    row = await services.database.run("get", lambda session: repository.find(session, transaction_id))
    if row is None:
        raise not_found(transaction_id)
    return Response(TransactionResponse.model_validate(row).model_dump_json(), media_type=JSON)


@router.delete(
    "/{transaction_id}",
    summary="Delete one transaction",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_docs(HTTPStatus.NOT_FOUND),
)
async def delete_transaction(request: Request, transaction_id: AddressedId) -> Response:
    """Delete the transaction with this id."""
    services = get_services(request)
    try:
        existed = await services.database.run("delete", lambda session: repository.remove(session, transaction_id))
    finally:
        await services.cache.invalidate(LIST_GROUP, item_group(transaction_id))
    if not existed:
        raise not_found(transaction_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)
