"""Which requests may be answered from the cache."""

from __future__ import annotations

import pytest

from transactions.api.cached_answers import find_cacheable
from transactions.cache import LIST_GROUP, item_group


def scope(path: str, query: str = "", method: str = "GET") -> dict[str, object]:
    return {"type": "http", "method": method, "path": path, "query_string": query.encode()}


def test_pages_are_told_apart_by_their_query() -> None:
    first, second = (find_cacheable(scope("/transaction", query)) for query in ("limit=5", "limit=5&cursor=x"))
    assert first is not None
    assert second is not None
    assert first.group == second.group == LIST_GROUP
    assert first.field != second.field


def test_transactions_have_groups_of_their_own() -> None:
    found = find_cacheable(scope("/transaction/42"))
    assert found is not None
    assert (found.name, found.group) == ("item", item_group(42))


@pytest.mark.parametrize(
    "request_scope",
    [
        scope("/transaction", method="POST"),
        scope("/transaction/1", method="DELETE"),
        scope("/transaction", query="x" * 201),
        scope("/transaction/"),
        scope("/transaction/042"),
        scope("/transaction/٤٢"),
        scope("/transaction/-1"),
        scope("/transaction/" + "9" * 20),
        scope("/transaction/1/2"),
        scope("/other/1"),
        scope("/metrics"),
    ],
    ids=lambda each: f"{each['method']} {each['path'][:30]}",
)
def test_everything_else_goes_to_the_routes(request_scope: dict[str, object]) -> None:
    assert find_cacheable(request_scope) is None
