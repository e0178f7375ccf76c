"""The routes."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from aws_lambda_powertools.utilities.idempotency import (
    BasePersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

from items import __version__
from items.cursors import InvalidCursorError, Progress, decode_cursor, encode_cursor
from items.models import DEFAULT_PAGE, LAST_VERSION, MAX_PAGE, Health, Item, ItemChange, ItemPage, NewItem, Status
from items.problems import ProblemError, install_problem_handlers, problem_docs
from items.repository import ItemRepository
from items.settings import Settings, commit
from items.telemetry import metrics

DESCRIPTION = (
    "Items with optimistic locking: a change names the version it was made from, and is refused if somebody else was"
    " faster. Lists are pages, newest first; `nextCursor` leads to the next. Errors are problem documents (RFC 9457)."
)

ItemId = Annotated[UUID, Path(description="The item's id.")]


def documented(status: HTTPStatus, model: type | None, description: str, *problems: HTTPStatus) -> dict[int, Any]:
    """The `responses` of a route."""
    content = {"content": {"application/json": {"model": model}}} if model else {}
    failures = problem_docs(*problems, HTTPStatus.SERVICE_UNAVAILABLE)
    return {status.value: {"description": description, **content}, **failures}


def create_app(settings: Settings, repository: ItemRepository, store: BasePersistenceLayer) -> APIGatewayRestResolver:
    """The application on a table; ``store`` remembers requests that carry an Idempotency-Key."""
    app = APIGatewayRestResolver(enable_validation=True, cors=cors_of(settings))
    app.configure_openapi(title="items", version=__version__, description=DESCRIPTION, openapi_version="3.1.0")
    install_problem_handlers(app)
    add_reads(app, repository)
    add_writes(app, repository)
    add_creation(app, repository, store, timedelta(hours=settings.idempotency_hours))
    return app


def cors_of(settings: Settings) -> CORSConfig | None:
    """Which pages may call from a browser."""
    if not settings.origins:
        return None
    return CORSConfig(
        settings.origins[0], settings.origins[1:], ["Idempotency-Key"], ["X-Request-Id", "Location"], max_age=600
    )


def caller(app: APIGatewayRestResolver) -> str:
    """Who asks: whom the authorizer has named, where there is one."""
    authorizer = app.current_event.raw_event["requestContext"].get("authorizer") or {}
    return str(authorizer.get("principalId") or "anonymous")


def add_reads(app: APIGatewayRestResolver, repository: ItemRepository) -> None:
    """GET."""

    @app.get(
        "/health",
        summary="Ask whether the service works",
        description="Reads from the table, and says which build answers.",
        operation_id="getHealth",
        tags=["operations"],
        responses=documented(HTTPStatus.OK, Health, "It works."),
    )
    def health() -> Health:
        repository.check()
        request_id = app.current_event.request_context.request_id
        return Health(status="ok", version=__version__, commit=commit(), request_id=request_id)

    @app.get(
        "/items",
        summary="List items",
        description="Newest first, of one status or of all. An item is listed a moment after it was written.",
        operation_id="listItems",
        tags=["items"],
        responses=documented(HTTPStatus.OK, ItemPage, "A page of items.", HTTPStatus.BAD_REQUEST),
    )
    def list_items(
        status: Annotated[Status | None, Query(description="Only items in this status.")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="At most so many items.")] = DEFAULT_PAGE,
        cursor: Annotated[str | None, Query(max_length=1024, description="`nextCursor` of the page before.")] = None,
    ) -> ItemPage:
        statuses = [status] if status else list(Status)
        page = repository.page(statuses, progress_of(cursor, statuses), limit)
        following = encode_cursor(page.progress) if page.progress else None
        return ItemPage(items=page.items, count=len(page.items), next_cursor=following)

    @app.get(
        "/items/<item_id>",
        summary="Read one item",
        description="As the last writer left it.",
        operation_id="readItem",
        tags=["items"],
        responses=documented(HTTPStatus.OK, Item, "The item.", HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
    )
    def read_item(item_id: ItemId) -> Item:
        return repository.get(item_id)


def progress_of(cursor: str | None, statuses: list[Status]) -> Progress:
    """How far the list was read."""
    if cursor is None:
        return {}
    try:
        return decode_cursor(cursor, statuses)
    except InvalidCursorError:
        detail = "query.cursor: not one that this list gave out; take `nextCursor` of a page, or leave it out."
        raise ProblemError(HTTPStatus.BAD_REQUEST, "invalid-cursor", detail) from None


def add_writes(app: APIGatewayRestResolver, repository: ItemRepository) -> None:
    """PUT and DELETE."""

    @app.put(
        "/items/<item_id>",
        summary="Change an item",
        description="The body is the item as it is to be, with the version that the change was made from.",
        operation_id="changeItem",
        tags=["items"],
        responses=documented(
            HTTPStatus.OK, Item, "The changed item.",
            HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        ),
    )  # fmt: skip
    def change_item(item_id: ItemId, item: ItemChange) -> Item:
        changed = repository.update(item_id, item)
        metrics.add_metric("ItemsChanged", unit="Count", value=1)
        return changed

    @app.delete(
        "/items/<item_id>",
        summary="Delete an item",
        description="Whatever its version is, unless one is named.",
        operation_id="deleteItem",
        tags=["items"],
        status_code=HTTPStatus.NO_CONTENT,
        responses=documented(
            HTTPStatus.NO_CONTENT, None, "It is gone.",
            HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT,
        ),
    )  # fmt: skip
    def delete_item(
        item_id: ItemId,
        version: Annotated[
            int | None, Query(ge=1, le=LAST_VERSION, description="Only if this is the item's version.")
        ] = None,
    ) -> Response[str]:
        repository.delete(item_id, version)
        metrics.add_metric("ItemsDeleted", unit="Count", value=1)
        # Not null, which not every gateway takes for an empty body.
        return Response(HTTPStatus.NO_CONTENT.value, body="")


def add_creation(
    app: APIGatewayRestResolver, repository: ItemRepository, store: BasePersistenceLayer, memory: timedelta
) -> None:
    """POST, which does once what it is asked twice with the same Idempotency-Key."""
    config = IdempotencyConfig(
        event_key_jmespath="[caller, key]",
        payload_validation_jmespath="item",
        raise_on_no_idempotency_key=True,
        expires_after_seconds=int(memory.total_seconds()),
        hash_function="sha256",
    )

    def create(request: dict[str, Any]) -> dict[str, Any]:
        item = repository.create(NewItem.model_validate(request["item"]), request["caller"])
        metrics.add_metric("ItemsCreated", unit="Count", value=1)
        return item.attributes()

    create_once = idempotent_function(
        create, data_keyword_argument="request", persistence_store=store, config=config, key_prefix="create"
    )

    @app.post(
        "/items",
        summary="Make an item",
        description="With an Idempotency-Key, a request that is repeated gives the item that it made before.",
        operation_id="makeItem",
        tags=["items"],
        status_code=HTTPStatus.CREATED,
        responses=documented(
            HTTPStatus.CREATED, Item, "The new item; `Location` is its path.",
            HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        ),
    )  # fmt: skip
    def make_item(
        item: NewItem,
        idempotency_key: Annotated[
            str | None,
            Header(
                alias="Idempotency-Key", min_length=1, max_length=255, description="The client's name of the request."
            ),
        ] = None,
    ) -> Response[Item]:
        config.register_lambda_context(app.lambda_context)
        request = {"caller": caller(app), "key": idempotency_key, "item": item.model_dump(mode="json")}
        made = create_once(request=request) if idempotency_key else create(request)
        # The path as the client sees it, with the stage.
        location = f"{app.current_event.request_context.path}/{made['id']}"
        return Response(HTTPStatus.CREATED.value, "application/json", Item.model_validate(made), {"Location": location})
