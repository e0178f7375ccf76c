"""Rule 16: the policy that a run needed, against the list of IAM actions that cfn-lint keeps."""

from __future__ import annotations

import json
import typing as t

import botocore.session
import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.report import policy
from tests.support.api_proxy import ApiProxy
from tests.support.iam import is_action
from tests.support.playbook import Project

SESSION = botocore.session.get_session()
SERVICES = [
    "acm", "apigateway", "apigatewayv2", "application-autoscaling", "autoscaling", "backup", "budgets", "cloudcontrol",
    "cloudformation", "cloudfront", "cloudwatch", "codebuild", "codepipeline", "dynamodb", "ec2", "ecr", "ecs", "efs",
    "eks", "elasticache", "elbv2", "events", "iam", "kms", "lambda", "logs", "rds", "resourcegroupstaggingapi",
    "route53", "s3", "scheduler", "secretsmanager", "servicediscovery", "sns", "sqs", "ssm", "stepfunctions", "sts",
    "wafv2",
]  # fmt: skip
# Operations that no single action allows, or that are newer than the list; nothing here makes or reads what a
# deployment is about.
WITHOUT_ACTION = {
    "cloudfront": {"ListDistributionsByOwnedResource"},
    "cloudwatch": {"AssociateDatasetKmsKey", "DescribeAlarmContributors", "DisassociateDatasetKmsKey"},
    "dynamodb": {"BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction", "TransactGetItems",
                 "TransactWriteItems"},
    "ec2": {"CreateCapacityReservationDateChangeQuote", "DescribeCapacityReservationDateChangeQuotes",
            "DeleteClientVpnEndpointAuthorizationPolicy", "GetClientVpnEndpointAuthorizationPolicy",
            "ModifyClientVpnEndpointAuthorizationPolicy"},
    "ecr": {"ListImageReferrers"},
    "iam": {"AcquireRole", "UpdateDelegationRequest"},
    "kms": {"ReEncrypt"},
    "logs": {"GetLogObject"},
    "rds": {"DescribeServerlessV2PlatformVersions"},
    "s3": {"CreateBucketMetadataConfiguration", "DeleteBucketMetadataConfiguration", "GetBucketMetadataConfiguration",
           "CreateSession", "ListDirectoryBuckets", "RenameObject", "WriteGetObjectResponse"},
}  # fmt: skip


def statements(document: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    return {statement["Sid"]: statement for statement in document["Statement"]}


@pytest.mark.parametrize("service", SERVICES)
def test_rule_16_every_operation_of_a_service_has_its_iam_actions(service: str) -> None:
    operations = set(SESSION.get_service_model(service).operation_names) - WITHOUT_ACTION.get(service, set())
    needed = {operation: policy.actions(service, operation) for operation in operations}
    unknown = {operation: found for operation, found in needed.items() if not all(map(is_action, found))}
    assert unknown == {}


@pytest.mark.parametrize("service", WITHOUT_ACTION)
def test_rule_16_operations_without_an_action_are_operations_without_an_action(service: str) -> None:
    names = set(SESSION.get_service_model(service).operation_names)
    assert {each for each in WITHOUT_ACTION[service] if each not in names} == set()
    assert [each for each in WITHOUT_ACTION[service] if all(map(is_action, policy.actions(service, each)))] == []


@pytest.mark.parametrize("table", [policy.PASSED_TO, policy.LINKED_ROLES, policy.KEY_USE, policy.ACTIONS])
def test_rule_16_the_tables_name_operations_that_exist(table: dict[str, t.Any]) -> None:
    for service, entries in table.items():
        names = set(SESSION.get_service_model(service).operation_names)
        operations = (
            {operation for each in entries.values() for operation in each}
            if table in (policy.PASSED_TO, policy.LINKED_ROLES)
            else set(entries)
        )
        assert operations - names == set(), service


def test_rule_16_the_uses_of_keys_are_actions() -> None:
    uses = {use for entries in policy.KEY_USE.values() for found in entries.values() for use in found}
    assert [use for use in uses if not is_action(f"kms:{use}")] == []


def test_rule_16_one_statement_per_service_with_sorted_actions() -> None:
    made = policy.document({("ec2", "DescribeVpcs"), ("ec2", "DeleteVpc"), ("elbv2", "DescribeTags")})
    assert made == {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Ec2", "Effect": "Allow", "Action": ["ec2:DeleteVpc", "ec2:DescribeVpcs"], "Resource": ["*"]},
            {"Sid": "Elasticloadbalancing", "Effect": "Allow", "Action": ["elasticloadbalancing:DescribeTags"],
             "Resource": ["*"]},
        ],
    }  # fmt: skip


def test_rule_16_what_is_made_with_tags_needs_the_permission_to_tag() -> None:
    assert policy.actions("ec2", "CreateVpc") == {"ec2:CreateVpc", "ec2:CreateTags"}
    assert policy.actions("iam", "CreateRole") == {"iam:CreateRole", "iam:TagRole"}
    assert policy.actions("ec2", "CreateRoute") == {"ec2:CreateRoute"}


def test_rule_16_a_role_may_be_passed_only_to_the_service_that_gets_it() -> None:
    made = statements(policy.document({("ecs", "RegisterTaskDefinition"), ("lambda", "CreateFunction")}))
    assert made["PassRole"]["Action"] == ["iam:PassRole"]
    assert made["PassRole"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": ["ecs-tasks.amazonaws.com", "lambda.amazonaws.com"]}
    }
    assert "PassRole" not in statements(policy.document({("ecs", "DescribeTaskDefinition")}))


def test_rule_16_resources_narrow_a_service_or_an_action() -> None:
    made = statements(
        policy.document(
            {("s3", "GetObject"), ("s3", "ListObjectsV2"), ("ecs", "RunTask")},
            resources={"s3": ["arn:aws:s3:::a"], "s3:GetObject": ["arn:aws:s3:::a/*"], "iam:PassRole": ["arn:r"]},
        )
    )
    assert made["S3"] == {
        "Sid": "S3", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::a"]
    }  # fmt: skip
    assert made["S3GetObject"]["Resource"] == ["arn:aws:s3:::a/*"]
    assert made["PassRole"]["Resource"] == ["arn:r"]


def test_rule_16_what_lists_and_describes_keeps_every_resource_where_its_service_is_narrowed() -> None:
    made = statements(
        policy.document(
            {("ecs", "UpdateService"), ("ecs", "DescribeTasks"), ("ecs", "ListTasks"), ("ec2", "DescribeVpcs")},
            resources={"ecs": ["arn:a"]},
        )
    )
    assert (made["Ecs"]["Action"], made["Ecs"]["Resource"]) == (["ecs:UpdateService"], ["arn:a"])
    assert made["EcsLists"]["Action"] == ["ecs:DescribeTasks", "ecs:ListTasks"]
    assert made["EcsLists"]["Resource"] == ["*"]
    assert made["Ec2"]["Resource"] == ["*"]


def test_rule_16_a_vault_needs_more_than_its_own_action() -> None:
    made = statements(policy.document({("backup", "CreateBackupVault")}))
    assert made["BackupStorage"]["Action"] == ["backup-storage:MountCapsule"]
    assert made["ServiceLinkedRoles"]["Condition"] == {"StringEquals": {"iam:AWSServiceName": ["backup.amazonaws.com"]}}
    assert "kms:CreateGrant" in made["KeysOfResources"]["Action"]
    assert made["KeysOfResources"]["Condition"] == {"StringLike": {"kms:ViaService": ["backup.*.amazonaws.com*"]}}
    assert all(map(is_action, (action for each in policy.BESIDES.values() for action in each)))


ROLE = """
- name: VPC
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: 10.0.0.0/16, tags: {system: demo}}
- name: Bucket
  amazon.aws.s3_bucket: {name: demo-bucket, versioning: true, encryption: AES256, tags: {system: demo}}
- name: Refused by AWS
  amazon.aws.ec2_vpc_subnet: {vpc_id: vpc-00000000, cidr: 10.0.0.0/24}
"""


def test_rule_16_the_policy_of_a_run_allows_everything_that_reached_aws(aws: tuple[Project, ApiProxy]) -> None:
    project, proxy = aws
    project.role("demo", ROLE)
    applied = project.converge("demo", account="123456789012")
    assert applied.returncode != 0, "the subnet must fail"
    asked = {operation.split(":")[-1] for operation in proxy.operations if operation.startswith("query:")}
    assert {"CreateVpc", "CreateSubnet", "GetCallerIdentity", "ListAccountAliases"} <= asked

    target = project.folder / "policy.json"
    task: dict[str, t.Any] = {
        "slipway.graph.policy": {
            "journals": [str(project.folder / "kept")],
            "actions": ["dynamodb:PutItem"],
            "dest": str(target),
        }
    }
    (project.folder / "kept").mkdir()
    (project.folder / "journal.json").rename(project.folder / "kept/apply.json")
    assert project.run(task, "--check").result["changed"] is True
    assert not target.exists()
    made = project.run(task)
    assert made.result["policy"] == json.loads(target.read_text())
    allowed = {action for statement in made.result["policy"]["Statement"] for action in statement["Action"]}
    assert {name for name in asked if not any(action.endswith(f":{name}") for action in allowed)} == set()
    assert {"s3:CreateBucket", "s3:PutEncryptionConfiguration", "ec2:CreateTags", "dynamodb:PutItem"} <= allowed
    assert [action for action in allowed if not is_action(action)] == []
    assert project.run(task).result["changed"] is False


def test_rule_16_a_file_that_is_no_journal_is_named(project: Project) -> None:
    (project.folder / "other.json").write_text("[]")
    for path, expected in (("other.json", "other.json is not a journal"), ("none.json", "none.json does not exist")):
        outcome = project.run({"slipway.graph.policy": {"journals": [str(project.folder / path)]}})
        assert outcome.returncode != 0
        assert expected in outcome.result["msg"]


def test_rule_16_a_damaged_journal_among_others_is_named_and_stepped_over(project: Project) -> None:
    runs = project.folder / "runs"
    runs.mkdir()
    call = {"service": "sns", "operation": "CreateTopic"}
    (runs / "1.json").write_text(json.dumps({"calls": [{"api_calls": [call]}]}))
    (runs / "2.json").write_text('{"calls": [{"api_ca')
    outcome = project.run({"slipway.graph.policy": {"journals": [str(runs)]}})
    assert outcome.returncode == 0, outcome.output
    assert "2.json is not a journal and was left out" in " ".join(outcome.output.split())
    assert outcome.result["journals"] == [str(runs / "1.json")]
    assert "sns:CreateTopic" in json.dumps(outcome.result["policy"])
