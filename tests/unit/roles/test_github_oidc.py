"""Who may act as the roles of github_oidc, by the trust policies that the account really has."""

from __future__ import annotations

import json
import re
import typing as t

import boto3
import pytest
import yaml
from ministack.core import iam_evaluator  # type: ignore[import-untyped]

from ansible_collections.slipway.graph.plugins.plugin_utils.report import policy
from tests.support import emulators
from tests.support.iam import has_resources
from tests.support.paths import ROOT
from tests.support.playbook import Project

ISSUER = "token.actions.githubusercontent.com"
REPOSITORY = "example/deployments"
SHOP = "arn:aws:lambda:*:123456789012:function:shop-*"
ROLES: list[dict[str, t.Any]] = [
    {"name": "plan", "branches": ["main"], "pull_requests": True,
     "statements": [{"Effect": "Allow", "Action": "lambda:Get*", "Resource": SHOP}]},
    {"name": "deploy", "environments": ["prod", "prod:eu"],
     "statements": [
         {"Effect": "Allow", "Action": ["lambda:UpdateAlias"], "Resource": SHOP}]},
]  # fmt: skip


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, t.Any]]:
    """The trust policies of the roles, as IAM gives them back."""
    with emulators.ministack() as url:
        project = Project(tmp_path_factory.mktemp("github"), url)
        project.inventory(
            aws_account_id="123456789012", github_oidc_repository=REPOSITORY, github_oidc_roles=ROLES,
            github_oidc_owner_id=4711, github_oidc_repository_id="4712",
        )  # fmt: skip
        made = project.converge("github_oidc")
        assert made.returncode == 0, made.output
        iam = boto3.client(
            "iam", endpoint_url=url, region_name="eu-central-1", aws_access_key_id="123456789012",
            aws_secret_access_key="emulated",
        )  # fmt: skip
        names = [str(role["name"]) for role in ROLES]
        return {name: iam.get_role(RoleName=f"slipway-{name}")["Role"]["AssumeRolePolicyDocument"] for name in names}


def may_act(policy: dict[str, t.Any], subject: str, audience: str = "sts.amazonaws.com", issuer: str = ISSUER) -> bool:
    """Whether a token of GitHub's gets credentials."""
    (statement,) = policy["Statement"]
    if statement["Principal"] != {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{issuer}"}:
        return False
    context = iam_evaluator.EvalContext(
        principal_arn="", principal_type="FederatedUser", principal_account="123456789012",
        action="sts:AssumeRoleWithWebIdentity", resource_arn="*", region="eu-central-1",
        service_context={f"{issuer}:aud": audience, f"{issuer}:sub": subject},
    )  # fmt: skip
    result = iam_evaluator.evaluate(context, [iam_evaluator.parse_policy_document({**policy, "Statement": [
        {**statement, "Resource": "*"}]})])  # fmt: skip
    return bool(result.decision == "Allow")


@pytest.mark.parametrize(
    ("role", "subject"),
    [
        ("plan", f"repo:{REPOSITORY}:ref:refs/heads/main"),
        ("plan", f"repo:{REPOSITORY}:pull_request"),
        ("deploy", f"repo:{REPOSITORY}:environment:prod"),
        ("deploy", f"repo:{REPOSITORY}:environment:prod%3Aeu"),
        ("plan", "repo:example@4711/deployments@4712:ref:refs/heads/main"),
        ("plan", "repo:example@4711/deployments@4712:pull_request"),
        ("deploy", "repo:example@4711/deployments@4712:environment:prod"),
    ],
)
def test_a_named_branch_or_environment_may_act(trust: dict[str, t.Any], role: str, subject: str) -> None:
    assert may_act(trust[role], subject)


@pytest.mark.parametrize("role", ["plan", "deploy"])
@pytest.mark.parametrize(
    "subject",
    [
        "repo:example/other:ref:refs/heads/main",
        "repo:somebody/deployments:ref:refs/heads/main",
        "repo:example/deployments-fork:environment:prod",
        "repo:somebody/deployments:environment:prod",
        "repo:somebody/deployments:pull_request",
        "repo:example@4711/deployments@4713:environment:prod",
        "repo:example@4710/deployments@4712:ref:refs/heads/main",
        "repo:example@4711/deployments:pull_request",
        f"repo:{REPOSITORY}:ref:refs/heads/feature",
        f"repo:{REPOSITORY}:ref:refs/heads/main/../feature",
        f"repo:{REPOSITORY}:ref:refs/heads/mainly",
        f"repo:{REPOSITORY}:ref:refs/tags/main",
        f"repo:{REPOSITORY}:environment:dev",
        f"repo:{REPOSITORY}:environment:production",
        f"repo:{REPOSITORY}",
        "*",
        "",
    ],
)
def test_another_repository_branch_or_environment_may_not(trust: dict[str, t.Any], role: str, subject: str) -> None:
    assert not may_act(trust[role], subject)


def test_who_deploys_is_no_pull_request_and_no_branch(trust: dict[str, t.Any]) -> None:
    assert not may_act(trust["deploy"], f"repo:{REPOSITORY}:pull_request")
    assert not may_act(trust["deploy"], f"repo:{REPOSITORY}:ref:refs/heads/main")


def test_a_token_for_somebody_else_gets_nothing(trust: dict[str, t.Any]) -> None:
    subject = f"repo:{REPOSITORY}:environment:prod"
    assert not may_act(trust["deploy"], subject, audience="https://github.com/example")
    assert not may_act(trust["deploy"], subject, issuer="token.example.com")


STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop"}
BAD: dict[str, tuple[dict[str, t.Any], str]] = {
    "everything": ({"statements": [{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::shop"}]}, "actions *"),
    "a-service": (
        {"statements": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": "arn:aws:s3:::shop"}]}, "actions s3:*"),
    "every-resource": (
        {"statements": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]},
        "s3:GetObject on every resource"),
    "all-but": (
        {"statements": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::shop"}]}, "NotAction"),
    "branch-pattern": ({"branches": ["release/*"]}, "by full name"),
    "nobody": ({"branches": []}, "trusts nobody"),
    "pull-request-that-writes": (
        {"pull_requests": True,
         "statements": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::shop/*"}]},
        "may s3:PutObject"),
    "pull-request-that-administers": (
        {"pull_requests": True, "managed_policies": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
        "has arn:aws:iam::aws:policy/AdministratorAccess; allowed: arn:aws:iam::aws:policy/ReadOnlyAccess"),
    "empty-branch": ({"branches": [""]}, "an empty name nobody"),
    "empty-environment": ({"environments": [""]}, "an empty name nobody"),
    "effect-misspelt": ({"statements": [{**STATEMENT, "Effect": "allow"}]}, 'statements with "allow"; allowed: Sid'),
    "no-effect": (
        {"statements": [{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop"}]}, 'statements with ""'),
    "key-misspelt": ({"statements": [{**STATEMENT, "Resources": "*"}]}, 'statements with "Resources"'),
    "not-resource": (
        {"statements": [{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::shop"}]},
        "NotResource"),
    **{
        f"pull-request-reads-{action}": (
            {"pull_requests": True,
             "statements": [{"Effect": "Allow", "Action": action,
                             "Resource": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop"}]},
            f"may {action}; allowed")
        for action in ("secretsmanager:GetSecretValue", "secretsmanager:Get*", "secretsmanager:BatchGetSecretValue",
                       "ssm:GetParameter", "ssm:GetParametersByPath", "ssm:GetP*", "sts:GetSessionToken")
    },
    **{
        f"resource-{number}": ({"statements": [{**STATEMENT, "Resource": arn}]}, f"the resource {arn}")
        for number, arn in enumerate((
            "arn:aws:*", "**", "arn:*:iam::*:*", "arn:aws:iam::*:role/shop", "arn:aws:*:eu-central-1:123456789012:shop",
            "arn:aws:iam::123456789012:*", "arn:aws:iam::12345678901?:role/shop"))
    },
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_too_much_is_refused_before_any_call(project: Project, name: str) -> None:
    role, says = BAD[name]
    project.inventory(
        aws_account_id="123456789012", github_oidc_repository=REPOSITORY,
        github_oidc_roles=[{"name": "deploy", "branches": ["main"], **role}],
    )  # fmt: skip
    refused = project.run({"slipway.graph.validate": {"roles": ["github_oidc"], "region": "eu-central-1"}})
    assert refused.returncode != 0
    assert says in " ".join(refused.output.split()), refused.output


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"github_oidc_repository": "example/*"}, "github_oidc_repository is example/*"),
        ({"github_oidc_owner_id": "4711"}, "github_oidc_repository_id empty; allowed: both as digits"),
        ({"github_oidc_owner_id": "47", "github_oidc_repository_id": "48*"}, "github_oidc_repository_id 48*; allowed"),
    ],
)
def test_a_repository_is_no_pattern(project: Project, wrong: dict[str, str], says: str) -> None:
    given = {
        "aws_account_id": "123456789012", "github_oidc_repository": REPOSITORY,
        "github_oidc_roles": [{"name": "deploy", "branches": ["main"]}],
    }  # fmt: skip
    project.inventory(**{**given, **wrong})
    refused = project.run({"slipway.graph.validate": {"roles": ["github_oidc"], "region": "eu-central-1"}})
    assert says in " ".join(refused.output.split())


# What a delivery asks of AWS.
DELIVERY = {
    ("application-autoscaling", "PutScalingPolicy"), ("application-autoscaling", "RegisterScalableTarget"),
    ("application-autoscaling", "DescribeScalableTargets"), ("cloudwatch", "PutMetricAlarm"),
    ("cloudwatch", "DescribeAlarms"), ("ecr", "DescribeImages"), ("ecs", "CreateService"), ("ecs", "DescribeServices"),
    ("ecs", "DescribeTaskDefinition"), ("ecs", "DeregisterTaskDefinition"), ("ecs", "ListTasks"), ("ecs", "RunTask"),
    ("ecs", "RegisterTaskDefinition"), ("ecs", "UpdateService"), ("elbv2", "DescribeTargetHealth"), ("iam", "GetRole"),
    ("lambda", "GetFunction"), ("lambda", "Invoke"), ("lambda", "PublishVersion"), ("lambda", "UpdateAlias"),
    ("lambda", "UpdateFunctionCode"), ("lambda", "UpdateFunctionConfiguration"), ("logs", "GetLogEvents"),
    ("s3", "GetObject"), ("s3", "ListObjectsV2"), ("s3", "PutObject"), ("secretsmanager", "RotateSecret"),
}  # fmt: skip


def statements_as_documented(resources: dict[str, list[str]]) -> list[dict[str, t.Any]]:
    (play,) = yaml.safe_load((ROOT / "playbooks/policy.yml").read_text())
    extra = play["vars"]["policy_of_every_run"] + play["vars"]["policy_of_pushing"]
    made = policy.document(DELIVERY | policy.ALWAYS, extra, resources)
    return t.cast("list[dict[str, t.Any]]", json.loads(json.dumps(made["Statement"])))


def test_the_policy_of_past_deliveries_does_for_the_role_that_releases(project: Project) -> None:
    guide = (ROOT / "docs/aws-account-setup.md").read_text()
    (told,) = re.findall(r"```yaml\n(policy_resources:.*?)```", guide, re.DOTALL)
    resources = yaml.safe_load(told)["policy_resources"]
    given = {"aws_account_id": "123456789012", "github_oidc_repository": REPOSITORY}

    def validated(statements: list[dict[str, t.Any]]) -> str:
        role = {"name": "deploy", "environments": ["prod"], "statements": statements}
        project.inventory(**given, github_oidc_roles=[role])
        outcome = project.run({"slipway.graph.validate": {"roles": ["github_oidc"], "region": "eu-central-1"}})
        return "" if outcome.returncode == 0 else " ".join(outcome.output.split())

    assert validated(statements_as_documented(resources)) == ""
    del resources["ecs"]
    assert "ecs:UpdateService on every resource" in validated(statements_as_documented(resources))


def test_what_may_stand_on_every_resource_has_none() -> None:
    defaults = yaml.safe_load((ROOT / "roles/aws/github_oidc/defaults/main.yml").read_text())
    allowed = defaults["github_oidc_actions_without_resources"]
    # Metrics have resources only where they go to a dataset, which ours do not.
    assert [action for action in allowed if has_resources(action)] == ["cloudwatch:PutMetricData"]
