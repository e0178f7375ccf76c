"""Properties: what holds for every item and every request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from moto import mock_aws

from items.cursors import InvalidCursorError, Position, decode_cursor, encode_cursor
from items.models import Status
from tests.conftest import SCHEMA, TABLE
from tests.contents import contents, texts
from tests.requests import Api

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts | st.sampled_from(["name", "status", "version"]), inner),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def shared_api() -> Iterator[Api]:
    """One table for all examples: none of them counts items."""
    with mock_aws():
        boto3.resource("dynamodb").create_table(TableName=TABLE, **SCHEMA)
        yield Api()


@given(content=contents)
@settings(deadline=None, max_examples=50)
def test_what_is_written_is_read(shared_api: Api, content: dict[str, Any]) -> None:
    made = shared_api.ask("POST", "/items", content)
    assert made.status == 201
    assert content.items() <= made.json.items()
    assert shared_api.ask("GET", f"/items/{made.json['id']}").json == made.json


@given(before=contents, after=contents)
@settings(deadline=None, max_examples=50)
def test_what_is_changed_is_read(shared_api: Api, before: dict[str, Any], after: dict[str, Any]) -> None:
    made = shared_api.ask("POST", "/items", before).json
    changed = shared_api.ask("PUT", f"/items/{made['id']}", {**after, "version": 1})
    assert changed.status == 200
    assert after.items() <= changed.json.items()
    assert shared_api.ask("GET", f"/items/{made['id']}").json == changed.json


@given(body=anything, method=st.sampled_from(["POST", "PUT"]))
@settings(deadline=None, max_examples=100)
def test_no_body_is_a_fault_of_the_service(shared_api: Api, body: Any, method: str) -> None:
    path = "/items" if method == "POST" else "/items/2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11"
    answer = shared_api.ask(method, path, body)
    assert answer.status in (201, 400, 404)
    if answer.status == 400:
        assert answer.json["errors"]


positions = st.builds(
    Position,
    st.datetimes().map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S.%fZ}".rjust(27, "0")),
    st.uuids().map(str),
)


@given(progress=st.dictionaries(st.sampled_from(list(Status)), st.none() | positions, min_size=1))
def test_a_cursor_says_what_was_put_into_it(progress: dict[Status, Position | None]) -> None:
    assert decode_cursor(encode_cursor(progress), list(Status)) == progress


@given(cursor=st.text())
def test_any_text_is_a_cursor_or_is_refused(cursor: str) -> None:
    try:
        decode_cursor(cursor, list(Status))
    except InvalidCursorError:
        return
