"""What is taken out of a role's inputs goes: the plan says so, and an apply does it."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import emulators, system
from tests.support.playbook import Project

ACCOUNT, REGION = emulators.CREDENTIALS["AWS_ACCESS_KEY_ID"], emulators.CREDENTIALS["AWS_REGION"]
BASE: dict[str, t.Any] = {
    "aws_account_id": ACCOUNT, "aws_region": REGION, "slipway_environment": "test", "slipway_system": "shop",
    "aws_availability_zones": ["eu-central-1a", "eu-central-1b"], "slipway_protect": False,
    "resource_tags": {"system": "shop", "environment": "test", "managed_by": "slipway"},
}  # fmt: skip
KEYS = {"kms_keys": [{"purpose": "data", "description": "Data"},
                     {"purpose": "logs", "description": "Logs", "service": "logs"}]}  # fmt: skip
Client = Callable[[str], t.Any]


class Case(t.NamedTuple):
    """Roles, their inputs before and after, and what of the account is looked at: before, and afterwards."""

    roles: list[str]
    before: dict[str, t.Any]
    after: dict[str, t.Any]
    look: Callable[[Client], t.Any]
    seen: tuple[t.Any, t.Any]


def expiry(client: Client) -> t.Any:
    told = client("dynamodb").describe_time_to_live(TableName="demo-test-items")
    return told["TimeToLiveDescription"]["TimeToLiveStatus"]


def indexes(client: Client) -> t.Any:
    table = client("dynamodb").describe_table(TableName="demo-test-items")["Table"]
    return [each["IndexName"] for each in table.get("GlobalSecondaryIndexes", [])]


def rules(client: Client) -> t.Any:
    balancing = client("elbv2")
    (balancer,) = balancing.describe_load_balancers()["LoadBalancers"]
    arns = [each["ListenerArn"] for each in
            balancing.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]]  # fmt: skip
    found = [rule for arn in arns for rule in balancing.describe_rules(ListenerArn=arn)["Rules"]]
    return sorted(rule["Priority"] for rule in found)


def logs_of_balancer(client: Client) -> t.Any:
    balancing = client("elbv2")
    (balancer,) = balancing.describe_load_balancers()["LoadBalancers"]
    held = balancing.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]
    return next(each["Value"] for each in held if each["Key"] == "access_logs.s3.enabled")


def boundary(client: Client) -> t.Any:
    return "PermissionsBoundary" in client("iam").get_role(RoleName="slipway-plan")["Role"]


def queues(client: Client) -> t.Any:
    return [url.rpartition("/")[2] for url in client("sqs").list_queues().get("QueueUrls", [])]


def tables(**of_table: t.Any) -> dict[str, t.Any]:
    return {**KEYS, "dynamodb_list": [{"name": "items", "hash_key": "id", **of_table}]}


def balancer(**inputs: t.Any) -> dict[str, t.Any]:
    return {
        "vpc_nat_gateways": "none", "alb_allow_plain_http": True, "alb_target_groups": [{"name": "api", "port": 8080}],
        "alb_security_group_ids": ["{{ security_groups_ids.alb }}"],
        "security_groups_list": [{"name": "alb", "description": "Load balancer",
                                  "ingress": [{"port": 80, "cidr": "0.0.0.0/0"}]}],
        **inputs,
    }  # fmt: skip


GITHUB = {"github_oidc_repository": "example/shop", "github_oidc_roles": [{"name": "plan", "branches": ["main"]}]}
FUNCTIONS = {**KEYS, "lambda_functions_list": [{"name": "api", "handler": "shop.handler", "package": "shop"}]}
BY_OWNER, BY_STATUS = {"name": "by-owner", "hash_key": "owner"}, {"name": "by-status", "hash_key": "status"}
ADMIN = {"name": "admin", "port": 8081, "paths": ["/admin/*"]}
CASES = {
    "expiry of a table": Case(
        ["kms", "dynamodb"], tables(ttl_attribute="expiresAt"), tables(), expiry, ("ENABLED", "DISABLED")
    ),
    "an index of a table": Case(
        ["kms", "dynamodb"], tables(indexes=[BY_OWNER, BY_STATUS]), tables(indexes=[BY_OWNER]), indexes,
        (["by-owner", "by-status"], ["by-owner"]),
    ),
    "the last rule of a load balancer": Case(
        ["vpc", "security_groups", "alb"], balancer(alb_target_groups=[{"name": "api", "port": 8080}, ADMIN]),
        balancer(), rules, (["1", "default"], ["default"]),
    ),
    "the logs of a load balancer": Case(
        ["vpc", "security_groups", "alb"], balancer(alb_access_logs_bucket="logs"), balancer(), logs_of_balancer,
        ("true", "false"),
    ),
    "queues for dead letters": Case(
        ["kms", "lambda_functions"], FUNCTIONS, {**FUNCTIONS, "lambda_functions_dead_letter_queues": False}, queues,
        (["demo-test-api-dead-letters"], []),
    ),
    "a permissions boundary": Case(
        ["github_oidc"], {**GITHUB, "github_oidc_permissions_boundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        GITHUB, boundary, (True, False),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def account() -> Iterator[dict[str, str]]:
    with emulators.ministack() as url:
        yield {**emulators.CREDENTIALS, "AWS_ENDPOINT_URL": url}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_taken_out_goes(case: Case, account: dict[str, str], tmp_path: Path) -> None:
    emulators.post(f"{account['AWS_ENDPOINT_URL']}/_ministack/reset")
    project = Project(tmp_path, account["AWS_ENDPOINT_URL"])

    def client(service: str) -> t.Any:
        return system.client(account, service)

    project.inventory(**BASE, **case.before)
    made = project.converge(*case.roles)
    assert made.returncode == 0, made.output
    assert case.look(client) == case.seen[0]
    project.inventory(**BASE, **case.after)
    planned = project.converge(*case.roles, arguments=("--check",))
    assert planned.calls("planned"), planned.output
    changed = project.converge(*case.roles)
    assert changed.returncode == 0, changed.output
    assert case.look(client) == case.seen[1]
    assert project.converge(*case.roles, arguments=("--check",)).calls("planned") == []
