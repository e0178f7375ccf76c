"""What every request has in common: logs, CORS, and a table that fails."""

from __future__ import annotations

import io
import json
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from items import main
from tests.requests import Api, Context

THROTTLED = ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slow down"}}, "Query")
IDENTIFIER = "2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11"
UNREACHABLE = EndpointConnectionError(endpoint_url="https://dynamodb.example")


def lines_of(log: io.StringIO) -> list[dict[str, Any]]:
    """The lines of the log."""
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_each_request_leaves_one_line_with_its_id(api: Api, log: io.StringIO) -> None:
    answer = api.ask("GET", "/items?limit=5")
    (line,) = lines_of(log)
    assert line["correlation_id"] == answer.headers["X-Request-Id"]
    assert (line["message"], line["level"]) == ("request", "INFO")
    assert (line["method"], line["route"], line["status"]) == ("GET", "/items", 200)
    assert line["function_request_id"] == Context.aws_request_id
    assert line["timestamp"].endswith("+0000")


def test_neither_bodies_nor_headers_are_logged(api: Api, log: io.StringIO) -> None:
    api.ask("POST", "/items", {"name": "private"}, {"Authorization": "Bearer hidden-token"})
    assert "private" not in log.getvalue()
    assert "hidden-token" not in log.getvalue()


def test_writes_are_counted(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    made = api.make()
    api.ask("PUT", f"/items/{made['id']}", {"name": "x", "version": 1})
    api.ask("PUT", f"/items/{made['id']}", {"name": "x", "version": 1})
    api.ask("DELETE", f"/items/{made['id']}")
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    counted = {name for document in documents for name in document if isinstance(document[name], list)}
    assert counted >= {"ItemsCreated", "ItemsChanged", "VersionConflicts", "ItemsDeleted"}


@pytest.mark.parametrize("error", [THROTTLED, UNREACHABLE])
@pytest.mark.parametrize(
    ("request_", "operation"),
    [
        (("GET", "/items"), "query"),
        (("GET", f"/items/{IDENTIFIER}"), "get_item"),
        (("POST", "/items", {"name": "x"}), "put_item"),
        (("PUT", f"/items/{IDENTIFIER}", {"name": "x", "version": 1}), "update_item"),
        (("DELETE", f"/items/{IDENTIFIER}"), "delete_item"),
        (("GET", "/health"), "get_item"),
    ],
)
def test_a_table_that_fails_is_503_and_says_why_in_the_log_only(
    api: Api, log: io.StringIO, error: Exception, request_: Any, operation: str
) -> None:
    with patch.object(main.table, operation, side_effect=error):
        answer = api.ask(*request_)
    assert (answer.status, answer.json["type"]) == (503, "urn:problem:database-unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert "slow down" not in answer.body
    assert any(line["level"] == "ERROR" and type(error).__name__ in line["exception"] for line in lines_of(log))


def test_a_table_that_cannot_remember_requests_is_503(api: Api) -> None:
    with patch.object(main.store.client, "put_item", side_effect=THROTTLED):
        answer = api.ask("POST", "/items", {"name": "x"}, {"Idempotency-Key": "k"})
    assert answer.status == 503


def test_a_fault_of_the_function_fails_the_invocation(api: Api, log: io.StringIO) -> None:
    with patch.object(main.repository, "get", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
        api.ask("GET", f"/items/{IDENTIFIER}")
    assert lines_of(log)[-1]["message"] == "the invocation failed"


@pytest.mark.parametrize("origin", ["https://shop.example", "https://admin.example"])
@pytest.mark.parametrize(("path", "status"), [("/items", 200), ("/items/5", 400), ("/nowhere", 404)])
def test_pages_that_may_call_get_the_headers_of_cors(api: Api, origin: str, path: str, status: int) -> None:
    answer = api.ask("GET", path, headers={"Origin": origin})
    assert answer.status == status
    assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_a_browser_may_ask_first(api: Api) -> None:
    answer = api.ask("OPTIONS", "/items", headers={"Origin": "https://shop.example"})
    assert answer.status == 204
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]


def test_other_pages_get_none(api: Api) -> None:
    assert (
        "Access-Control-Allow-Origin"
        not in api.ask("GET", "/items", headers={"Origin": "https://evil.example"}).headers
    )


def test_health_says_which_build_answers(api: Api) -> None:
    answer = api.ask("GET", "/health")
    assert answer.status == 200
    assert answer.json == {
        "status": "ok", "version": "0.1.0", "commit": "unknown", "requestId": answer.headers["X-Request-Id"],
    }  # fmt: skip
