"""No service can be made to act here for another account: every policy names whom it is meant for.

https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
"""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from tests.support.paths import ROOT

ACCOUNT = "123456789012"
OTHER = "210987654321"
ACCOUNT_KEY = "aws:sourceaccount"
ARN_KEY = "aws:sourcearn"
Statement = dict[str, t.Any]

# Service -> the conditions that it supports where it acts in the name of somebody. What is not here is refused: look up
# in AWS's documentation what the service supports, and add it with the page.
SUPPORTED: dict[str, set[str]] = {
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    "ecs-tasks.amazonaws.com": {ACCOUNT_KEY, ARN_KEY},
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html
    "monitoring.rds.amazonaws.com": {ACCOUNT_KEY, ARN_KEY},
    # https://github.com/aws/agent-toolkit-for-aws, lambda-trust-policy.json. That Lambda also gives the function's ARN
    # whenever it acts as the role is documented nowhere.
    "lambda.amazonaws.com": {ACCOUNT_KEY},
    # https://docs.aws.amazon.com/aws-backup/latest/devguide/cross-service-confused-deputy-prevention.html; the source's
    # ARN is that of a vault where AWS Backup notifies, and not documented for roles.
    "backup.amazonaws.com": {ACCOUNT_KEY},
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html: the log group stands in the
    # encryption context.
    "logs.eu-central-1.amazonaws.com": {"kms:encryptioncontext:aws:logs:arn"},
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-log-delivery-permissions-general.html
    "logging.s3.amazonaws.com": {ACCOUNT_KEY},
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html shows the policy without
    # conditions, and no page names one. PassRole keeps others out: a role is only passed within its own account.
    "apigateway.amazonaws.com": set(),
}
# What binds a statement for everyone: NFS clients have no identity, and reach a mount target only from its network.
# https://docs.aws.amazon.com/efs/latest/ug/access-control-block-public-access.html
NETWORK_KEY = "elasticfilesystem:accessedviamounttarget"

VARIABLES: dict[str, t.Any] = {
    "inventory_hostname": "shop-dev",
    "aws_account_id": ACCOUNT,
    "aws_region": "eu-central-1",
    "github_oidc_repository": "example/deployments",
    "item": {"name": "logs", "writers": ["logging.s3.amazonaws.com"], "branches": ["main"]},
}
ROLES = sorted(path for path in ROOT.glob("roles/*/*") if (path / "tasks").is_dir())
# Written within an expression: the users of a key are whom the inventory names.
IN_EXPRESSIONS = {"kms": 1}


def files(role: Path) -> list[Path]:
    return sorted([*role.glob("tasks/*.yml"), *role.glob("vars/*.yml")])


def mappings(node: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Every mapping in a document."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from mappings(child)


def statements(role: Path) -> list[Statement]:
    """The statements in a role's files that say who may do something, rendered."""
    loader = DataLoader()
    variables = dict(VARIABLES)
    for name in ("defaults/main.yml", "vars/main.yml"):
        if (role / name).exists():
            variables |= loader.load_from_file(str(role / name), trusted_as_template=True) or {}
    documents = [loader.load_from_file(str(path), trusted_as_template=True) for path in files(role)]
    found = [mapping for document in documents for mapping in mappings(document) if "Principal" in mapping]
    return [Templar(loader=loader, variables=variables).template(statement) for statement in found]


def listed(value: t.Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def conditions(statement: Statement) -> dict[str, tuple[str, list[str]]]:
    """Key, in lower case -> operator and values."""
    return {
        key.lower(): (operator, listed(values))
        for operator, compared in statement.get("Condition", {}).items()
        for key, values in compared.items()
    }


def names_the_account(key: str, operator: str, values: list[str]) -> bool:
    if key == ACCOUNT_KEY:
        return operator == "StringEquals" and values == [ACCOUNT]
    accounts = [value.split(":")[4] for value in values if value.startswith("arn:")]
    return operator in ("ArnLike", "ArnEquals") and accounts == [ACCOUNT] * len(values)


def mistakes(statement: Statement) -> list[str]:
    """Whom a statement lets in that it is not meant for."""
    if statement["Effect"] == "Deny":
        return []
    bound = conditions(statement)
    found = []
    for kind, value in statement["Principal"].items():
        for principal in listed(value):
            if kind == "Service":
                wanted = SUPPORTED.get(principal)
                missing = {"what it supports is not known"} if wanted is None else wanted - {
                    key for key, (operator, values) in bound.items() if names_the_account(key, operator, values)
                }  # fmt: skip
            elif kind == "Federated":
                missing = {"sub", "aud"} - {
                    key.rsplit(":", 1)[-1] for key, (how, _) in bound.items() if how == "StringEquals"
                }
            elif principal.split(":")[4:5] == [ACCOUNT]:
                missing = set()
            else:
                missing = {NETWORK_KEY} - {key for key, compared in bound.items() if compared == ("Bool", ["true"])}
            found += [f"{principal}: {each}" for each in sorted(missing)]
    return found


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_policy_names_the_account_and_where_it_exists_the_source(role: Path) -> None:
    assert [mistake for statement in statements(role) for mistake in mistakes(statement)] == []


def test_no_policy_is_overlooked() -> None:
    for role in ROLES:
        written = sum(len(re.findall(r"\bPrincipal\b", path.read_text())) for path in files(role))
        assert written == len(statements(role)) + IN_EXPRESSIONS.get(role.name, 0), role.name
    services = {
        service
        for role in ROLES
        for each in statements(role)
        for service in listed(each["Principal"].get("Service", []))
    }
    assert services == set(SUPPORTED)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_who_may_invoke_a_function_is_named_by_account_or_arn(role: Path) -> None:
    for path in files(role):
        for mapping in mappings(yaml.safe_load(path.read_text())):
            permission = mapping.get("amazon.aws.lambda_policy")
            assert permission is None or permission.keys() & {"source_account", "source_arn"}, path


TRUSTED: Statement = {
    "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
    "Condition": {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:eu-central-1:{ACCOUNT}:*"},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({}, []),
        ({"Condition": {}}, ["aws:sourceaccount", "aws:sourcearn"]),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}, ["aws:sourcearn"]),
        ({"Condition": TRUSTED["Condition"] | {"StringEquals": {"aws:SourceAccount": OTHER}}}, ["aws:sourceaccount"]),
        ({"Condition": TRUSTED["Condition"] | {"ArnLike": {"aws:SourceArn": "arn:aws:ecs:*:*:*"}}}, ["aws:sourcearn"]),
        ({"Principal": {"Service": "sns.amazonaws.com"}}, ["what it supports is not known"]),
        ({"Principal": {"AWS": "*"}}, [NETWORK_KEY]),
        ({"Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}}, [NETWORK_KEY]),
        ({"Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/example"}}, ["aud", "sub"]),
    ],
)  # fmt: skip
def test_what_lets_others_in_would_be_noticed(change: Statement, mistake: list[str]) -> None:
    assert [each.rsplit(": ", 1)[-1] for each in mistakes({**TRUSTED, **change})] == mistake
