"""Answers reads from the cache before they are routed, and stores what the routes answer."""

from __future__ import annotations

from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from transactions.cache import LIST_GROUP, item_group
from transactions.services import Services

LIST_PATH = "/transaction"
ITEM_PATH = "/transaction/{transaction_id}"
# Beyond it are no ids and no queries that a client needs.
MAX_DIGITS = 19
MAX_QUERY = 200


class Cacheable(NamedTuple):
    """Where the answer to a request is cached, and which route would give it."""

    name: str
    group: str
    field: str
    route: str


def find_cacheable(scope: Scope) -> Cacheable | None:
    """Where the answer to this request is cached, if it may be."""
    if scope["method"] != "GET":
        return None
    path, query = scope["path"], scope["query_string"]
    if path == LIST_PATH:
        # As it was spelled: a page may be stored twice, but never under another's name.
        return Cacheable("list", LIST_GROUP, query.decode("latin-1"), LIST_PATH) if len(query) <= MAX_QUERY else None
    prefix, _, identifier = path.rpartition("/")
    if prefix != LIST_PATH or not identifier.isascii() or not identifier.isdigit():
        return None
    if identifier.startswith("0") or len(identifier) > MAX_DIGITS:
        return None
    return Cacheable("item", item_group(int(identifier)), "item", ITEM_PATH)


class AskCache:
    """Asks the cache before the request is admitted: the question and that of the rate limit share a round trip."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        cacheable = find_cacheable(scope) if scope["type"] == "http" else None
        if cacheable is not None:
            scope["state"]["asked"] = cacheable, self._services.cache.ask(cacheable.group, cacheable.field)
        await self._app(scope, receive, send)


class AnswerFromCache:
    """Knows nothing of transactions but their paths; the routes know nothing of the cache but to invalidate it."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or "asked" not in scope["state"]:
            await self._app(scope, receive, send)
            return
        cacheable, asked = scope["state"]["asked"]
        answer, lease = await self._services.cache.look_up(cacheable.name, cacheable.group, asked)
        if answer is None:
            await self._app(scope, receive, self._storing(send, cacheable, lease) if lease else send)
            return
        scope["state"]["route"] = cacheable.route
        headers = [(b"content-length", str(len(answer)).encode()), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _storing(self, send: Send, cacheable: Cacheable, lease: bytes) -> Send:
        status = 0

        async def send_and_store(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status == 200 and not message.get("more_body", False):
                # The routes answer in one piece.
                await self._services.cache.fill(cacheable.group, cacheable.field, lease, message["body"])
            await send(message)

        return send_and_store
