"""What runs in the private subnets of the system transactions waits for the way out of them and for its rules."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.support import system

NEEDED = {
    "vpc: Make the NAT gateways",
    "vpc: Route each private subnet to its NAT gateway",
    "vpc: Give the private subnets their own way to S3 and DynamoDB",
    "security_groups: Give the groups their rules",
}
RUNNING = [
    "ecs_services: Migrate with the new images",
    "ecs_services: Rehearse the new revisions",
    "ecs_services: Make the services",
    "lambda_functions: Publish the versions",
    "lambda_functions: Shift traffic to the versions",
]


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, t.Any]]:
    """The graph of a plan, by role and title."""
    folder = tmp_path_factory.mktemp("waits")
    converge = {"roles": system.SYSTEM["system_roles"], "journal": str(folder / "journal.json")}
    with system.emulated() as environment:
        system.play(folder, environment, {"tasks": [{"name": "Plan", "slipway.graph.converge": converge}]}, "--check")
    graph = json.loads((folder / "journal.json").read_text())["graph"]
    return {f"{step['role']}: {step['title']}": step for step in graph}


@pytest.mark.parametrize("task", RUNNING)
def test_what_runs_waits_for_its_network(steps: dict[str, dict[str, t.Any]], task: str) -> None:
    titles = {step["index"]: title for title, step in steps.items()}
    waited: set[str] = set()
    pending = [task]
    while pending:
        needs = {titles[index] for index in steps[pending.pop()]["needs"] if index in titles} - waited
        waited |= needs
        pending.extend(needs)
    assert waited >= NEEDED
