"""Requests over HTTP, through API Gateway and Lambda to DynamoDB."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.emulator import COMMIT, NAME, Deployment


@pytest.fixture
def item(deployment: Deployment) -> dict[str, Any]:
    """An item."""
    answer = deployment.ask("POST", "/items", {"name": "Desk lamp"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_an_item_lives_from_its_making_to_its_deletion(deployment: Deployment, item: dict[str, Any]) -> None:
    path = f"/items/{item['id']}"
    assert deployment.ask("GET", path).json() == item
    changed = deployment.ask("PUT", path, {"name": "Floor lamp", "version": 1})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert deployment.ask("GET", path).json() == changed.json()
    assert item["id"] in [each["id"] for each in deployment.ask("GET", "/items").json()["items"]]
    gone = deployment.ask("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert deployment.ask("GET", path).status_code == 404


def test_of_many_writers_with_the_same_version_exactly_one_wins(deployment: Deployment, item: dict[str, Any]) -> None:
    def write(number: int) -> httpx.Response:
        return deployment.ask("PUT", f"/items/{item['id']}", {"name": f"writer {number}", "version": 1})

    with ThreadPoolExecutor(6) as writers:
        answers = list(writers.map(write, range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    (winner,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert deployment.ask("GET", f"/items/{item['id']}").json() == winner
    assert {answer.json()["currentVersion"] for answer in answers if answer.status_code == 409} == {2}


def test_repeated_requests_make_one_item(deployment: Deployment) -> None:
    def make(_: int) -> httpx.Response:
        return deployment.ask("POST", "/items", {"name": "once"}, **{"Idempotency-Key": "integration"})

    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(make, range(4)))
    # Who comes while the first is worked on is told to come again.
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert make(5).json() in [answer.json() for answer in answers if answer.status_code == 201]


def test_pages_lead_through_all_items(deployment: Deployment) -> None:
    made = {
        deployment.ask("POST", "/items", {"name": str(number), "status": "draft"}).json()["id"] for number in range(5)
    }
    seen: list[str] = []
    page = deployment.ask("GET", "/items?limit=2&status=draft").json()
    while True:
        seen += [item["id"] for item in page["items"]]
        if page["nextCursor"] is None:
            break
        page = deployment.ask("GET", f"/items?limit=2&status=draft&cursor={page['nextCursor']}").json()
    assert len(seen) == len(set(seen))
    assert made <= set(seen)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind"),
    [
        ("POST", "/items", {}, 400, "invalid-request"),
        ("POST", "/items", {"name": "x" * 256}, 400, "invalid-request"),
        ("GET", "/items?limit=0", None, 400, "invalid-request"),
        ("GET", "/items/5", None, 400, "invalid-request"),
        ("GET", "/items/2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11", None, 404, "not-found"),
        ("PUT", "/items/2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11", {"name": "x", "version": 1}, 404, "not-found"),
        ("DELETE", "/items/2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11", None, 404, "not-found"),
    ],
)
def test_errors_come_through_as_problem_documents(
    deployment: Deployment, method: str, path: str, body: Any, status: int, kind: str
) -> None:
    answer = deployment.ask(method, path, body, Origin="https://shop.example")
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:problem:{kind}"
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"


def test_a_browser_may_ask_first(deployment: Deployment) -> None:
    answer = deployment.ask("OPTIONS", "/items", Origin="https://shop.example")
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"


def test_health_tells_the_commit_to_users_and_to_the_deployment(deployment: Deployment) -> None:
    assert deployment.ask("GET", "/health").json()["commit"] == COMMIT
    assert deployment.invoke({"slipway": "health"}) == {"version": "0.1.0", "commit": COMMIT}


def test_migrations_run_in_the_function_and_can_be_repeated(deployment: Deployment) -> None:
    deployment.client("dynamodb").put_item(
        TableName=NAME,
        Item={"id": {"S": "6a0c0f5e-52a7-4b4e-a2be-6d2c1d0a9b11"}, "name": {"S": "imported"}},
    )
    assert deployment.invoke({"slipway": "migrate"}) == {"applied": ["0001_complete_items"], "done": True}
    assert deployment.invoke({"slipway": "migrate"}) == {"applied": [], "done": True}
    assert deployment.ask("GET", "/items/6a0c0f5e-52a7-4b4e-a2be-6d2c1d0a9b11").json()["createdBy"] == "import"


def test_each_request_is_found_in_cloudwatch_by_its_id(deployment: Deployment) -> None:
    request_id = deployment.ask("GET", "/health").headers["X-Request-Id"]
    logs = deployment.client("logs")
    for _ in range(50):
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{NAME}-api")["events"]
        lines = [event["message"] for event in events if request_id in event["message"]]
        if lines:
            break
        time.sleep(0.2)
    line = json.loads(lines[0][lines[0].index("{") :])
    assert (line["correlation_id"], line["route"], line["status"]) == (request_id, "/health", 200)
