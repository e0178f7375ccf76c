"""The delivered system as strangers see it, who have no key."""

from __future__ import annotations

import json

import pytest

from tests.delivery.hidden import assert_hidden, secrets_now
from tests.delivery.releases import System, answer_of


@pytest.mark.parametrize("path", ["/transaction", "/transaction/1", "/version"])
def test_strangers_are_not_let_in(system: System, path: str) -> None:
    status, body = answer_of(f"{system.url}{path}")
    assert (status, json.loads(body)["type"]) == (401, "urn:problem:unauthenticated")
    assert answer_of(f"{system.url}{path}", headers={"Authorization": f"Bearer {system.key}x"})[0] == 401


def test_strangers_learn_only_that_it_is_well(system: System) -> None:
    status, body = answer_of(f"{system.url}/health")
    assert (status, json.loads(body).keys()) == (200, {"status", "timestamp"})
    assert json.loads(answer_of(f"{system.url}/health", headers=system.headers)[1])["services"]["database"] == "up"


@pytest.mark.parametrize(
    "path", ["/metrics", "/%6detrics", "//metrics", "/docs", "/redoc", "/openapi.json", "/health/live", "/health/ready"]
)
def test_what_is_not_for_users_is_not_answered_over_the_load_balancer(system: System, path: str) -> None:
    assert answer_of(f"{system.url}{path}", headers=system.headers) == (404, "Not Found")


def test_scrapers_in_the_network_get_the_metrics_of_every_task(system: System) -> None:
    answers = [answer_of(f"{url}/metrics") for url in system.inside()]
    assert [status for status, _ in answers] == [200] * len(system.containers())
    assert all("http_requests_total" in text for _, text in answers)


def test_the_key_is_shown_nowhere(system: System) -> None:
    output = system.succeed("playbooks/smoke.yml", "-vvv")
    secrets = secrets_now(system)
    assert system.key in secrets
    assert_hidden(system, output, secrets)
    logs = system.local.client("logs")
    events = logs.filter_log_events(logGroupName=f"/slipway/{system.name}/api")["events"]
    lines = "\n".join(event["message"] for event in events)
    assert system.key not in lines
    assert '"caller":"operator"' in lines
