"""Releases of functions: good ones serve, bad ones never do for long, and there is a way back."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.delivery.releases import ITEMS, QUICKLY, Functions, System, asked_all_the_time, assert_never_served

# Enough to see a bad one; the defaults allow for what an alarm needs to ring.
PATIENCE = ("-e", "lambda_functions_watch_seconds=3", "-e", "rollout_grace_seconds=1", "-e", "rollout_timeout=20")


def ask(items: Functions, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Status and answer of a request."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{items.url}{path}", data, headers={"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_items_live_behind_api_gateway(items: Functions) -> None:
    assert items.current()["status"] == "good"
    assert items.version()["commit"] == items.current()["commit"]
    status, item = ask(items, "POST", "/items", {"name": "Desk lamp"})
    assert (status, item["version"]) == (201, 1)
    assert ask(items, "GET", f"/items/{item['id']}") == (200, item)
    assert ask(items, "PUT", f"/items/{item['id']}", {"name": "Lamp", "version": 1})[1]["version"] == 2
    assert ask(items, "DELETE", f"/items/{item['id']}") == (204, None)
    assert ask(items, "GET", f"/items/{item['id']}")[0] == 404


def test_of_two_writers_with_the_same_version_one_gets_409(items: Functions) -> None:
    _, item = ask(items, "POST", "/items", {"name": "Desk lamp"})

    def write(name: str) -> int:
        return ask(items, "PUT", f"/items/{item['id']}", {"name": name, "version": 1})[0]

    with ThreadPoolExecutor(2) as writers:
        assert sorted(writers.map(write, ("first", "second"))) == [200, 409]


def test_the_status_is_what_serves(items: Functions) -> None:
    said = " ".join(items.succeed("playbooks/status.yml", "-e", "status_drift=false").split())
    assert f"{ITEMS}: release {items.current()['id']} (good), in service since" in said
    assert f"function {ITEMS}-api: version" in said and ", Active" in said
    assert "NOT WHAT THE RELEASE HAS" not in said


def test_a_plan_after_a_delivery_has_nothing_to_change(items: Functions) -> None:
    assert "Plan: 0 to change" in items.succeed("playbooks/site.yml", "--check")


def test_a_second_delivery_of_all_systems_without_changes_changes_nothing(items: Functions, system: System) -> None:
    releases, alias, containers = [items.releases(), system.releases()], items.alias(), system.containers()
    output = items.local.succeed("playbooks/deliver.yml", "--limit", "all", *QUICKLY)
    assert [items.releases(), system.releases()] == releases
    assert items.alias()["FunctionVersion"] == alias["FunctionVersion"]
    assert system.containers() == containers
    assert "changed  lambda_functions" not in output
    assert "changed  ecs_services" not in output


@pytest.mark.parametrize(
    ("kind", "last_line"),
    [
        ("does-not-start", "the table of contents is missing"),
        ("raises", "the function divides by zero"),
        ("failing-migration", "no such migration: 0002"),
    ],
)
def test_a_bad_function_never_serves_and_says_why(items: Functions, kind: str, last_line: str) -> None:
    alias = items.alias()
    assert_never_served(items, kind, last_line, *PATIENCE)
    assert items.alias()["FunctionVersion"] == alias["FunctionVersion"]


def test_a_function_that_fails_while_it_is_watched_goes_back_by_itself(items: Functions) -> None:
    before, alias = items.current(), items.alias()
    bad = items.make_release("fails-after-a-second", "sick")
    ran = items.play("playbooks/rollout.yml", "-e", f"release={bad}", *PATIENCE)
    assert ran.returncode != 0
    assert "out of memory after a second" in ran.stdout, ran.stdout[-6000:]
    assert f"Version {alias['FunctionVersion']} is still in service" in ran.stdout
    assert items.version()["commit"] == before["commit"]
    assert items.alias()["FunctionVersion"] == alias["FunctionVersion"]
    assert items.current() == before


def test_after_bad_releases_a_plan_has_nothing_to_change(items: Functions) -> None:
    assert "Plan: 0 to change" in items.succeed("playbooks/site.yml", "--check")


def test_a_good_release_step_by_step_and_the_way_back(items: Functions) -> None:
    before = items.current()
    after = items.make_release("good", "second")
    slowly = ("-e", "lambda_functions_strategy=canary", "-e", "lambda_functions_step_percent=50",
              "-e", "lambda_functions_step_seconds=2")  # fmt: skip
    with asked_all_the_time(items) as answers:
        items.succeed("playbooks/rollout.yml", "-e", "release=second", *PATIENCE, *slowly)
    assert answers.failures == []
    assert answers.commits == {before["commit"], "second"}
    assert items.version()["commit"] == "second"
    assert items.current()["id"] == after

    with asked_all_the_time(items) as answers:
        items.succeed("playbooks/rollback.yml", *PATIENCE)
    assert answers.failures == []
    assert items.version()["commit"] == before["commit"]
    assert items.current() == before
    assert "Plan: 0 to change" in items.succeed("playbooks/site.yml", "--check")
