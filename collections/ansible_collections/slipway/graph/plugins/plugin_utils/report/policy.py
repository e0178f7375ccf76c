# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Least privilege: the IAM policy that the API calls of some runs needed.

An API operation and the IAM action that allows it mostly have the same name; what differs stands in the tables here.
Prefixes, HTTP methods and whether an operation takes tags come from botocore's own models.
"""

from __future__ import annotations

import collections
import collections.abc as c
import functools
import json
import re
import typing as t

from ansible.errors import AnsibleActionFail

Operation = tuple[str, str]
Statement = dict[str, t.Any]
# service -> who gets or makes a role -> operations
Principals = dict[str, dict[str, tuple[str, ...]]]
# What IAM takes as a managed policy, whitespace not counted.
MAX_CHARACTERS = 6144

# Prefixes of actions; elsewhere it is the name with which requests are signed.
PREFIXES = {
    "cloudcontrol": "cloudformation",
    "cloudwatch": "cloudwatch",
    "resourcegroupstaggingapi": "tag",
}
# Services whose actions are HTTP methods.
BY_METHOD = ("apigateway", "apigatewayv2")

ACTIONS: dict[str, dict[str, str]] = {
    "s3": {
        "CompleteMultipartUpload": "PutObject",
        "CopyObject": "PutObject",
        "CreateMultipartUpload": "PutObject",
        "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
        "DeleteBucketCors": "PutBucketCORS",
        "DeleteBucketEncryption": "PutEncryptionConfiguration",
        "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
        "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
        "DeleteBucketLifecycle": "PutLifecycleConfiguration",
        "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
        "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
        "DeleteBucketReplication": "PutReplicationConfiguration",
        "DeleteBucketTagging": "PutBucketTagging",
        "DeleteObjects": "DeleteObject",
        "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
        "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
        "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
        "GetBucketEncryption": "GetEncryptionConfiguration",
        "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
        "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
        "GetBucketLifecycle": "GetLifecycleConfiguration",
        "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
        "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
        "GetBucketNotificationConfiguration": "GetBucketNotification",
        "GetBucketReplication": "GetReplicationConfiguration",
        "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
        "HeadBucket": "ListBucket",
        "HeadObject": "GetObject",
        "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
        "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
        "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
        "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
        "ListBuckets": "ListAllMyBuckets",
        "ListMultipartUploads": "ListBucketMultipartUploads",
        "ListObjectVersions": "ListBucketVersions",
        "ListObjects": "ListBucket",
        "ListObjectsV2": "ListBucket",
        "ListParts": "ListMultipartUploadParts",
        "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
        "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
        "PutBucketEncryption": "PutEncryptionConfiguration",
        "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
        "PutBucketInventoryConfiguration": "PutInventoryConfiguration",
        "PutBucketLifecycle": "PutLifecycleConfiguration",
        "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
        "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
        "PutBucketNotificationConfiguration": "PutBucketNotification",
        "PutBucketReplication": "PutReplicationConfiguration",
        "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
        "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
        "SelectObjectContent": "GetObject",
        "UploadPart": "PutObject",
        "UploadPartCopy": "PutObject",
    },
    "lambda": {
        "GetLayerVersionByArn": "GetLayerVersion",
        "Invoke": "InvokeFunction",
        "InvokeWithResponseStream": "InvokeFunction",
    },
    "sns": {"PublishBatch": "Publish"},
    "sqs": {
        "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
        "DeleteMessageBatch": "DeleteMessage",
        "SendMessageBatch": "SendMessage",
    },
    "cloudfront": {"CreateDistributionWithTags": "CreateDistribution"},
    "budgets": {
        **dict.fromkeys(
            ("DescribeBudget", "DescribeBudgets", "DescribeBudgetPerformanceHistory", "DescribeNotificationsForBudget",
             "DescribeBudgetNotificationsForAccount", "DescribeSubscribersForNotification"), "ViewBudget"
        ),
        **dict.fromkeys(
            ("CreateBudget", "UpdateBudget", "DeleteBudget", "CreateNotification", "UpdateNotification",
             "DeleteNotification", "CreateSubscriber", "UpdateSubscriber", "DeleteSubscriber"), "ModifyBudget"
        ),
    },
}  # fmt: skip

# Operations that make a thing with its tags need the permission to tag as well.
MAKES = re.compile(r"Create|Run|Allocate|Register|Copy|Restore|Put|Request|Import")
TAGGING = {
    **dict.fromkeys(
        ("application-autoscaling", "backup", "cloudfront", "cloudwatch", "dynamodb", "ecr", "ecs", "efs", "eks",
         "events", "kms", "lambda", "logs", "secretsmanager", "servicediscovery", "sns", "stepfunctions", "wafv2"),
        "TagResource",
    ),
    "acm": "AddTagsToCertificate",
    "autoscaling": "CreateOrUpdateTags",
    "ec2": "CreateTags",
    "elasticache": "AddTagsToResource",
    "elbv2": "AddTags",
    "rds": "AddTagsToResource",
    "sqs": "TagQueue",
}  # fmt: skip

# Operations that hand a role to a service, and the services that may get it.
PASSED_TO: Principals = {
    "ecs": {
        "ecs-tasks.amazonaws.com": ("RegisterTaskDefinition", "RunTask", "StartTask"),
        "ecs.amazonaws.com": ("CreateService", "UpdateService", "CreateTaskSet", "CreateCapacityProvider"),
    },
    "ec2": {
        "ec2.amazonaws.com": ("RunInstances", "AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation"),
        "spotfleet.amazonaws.com": ("RequestSpotFleet",),
        "vpc-flow-logs.amazonaws.com": ("CreateFlowLogs",),
    },
    "autoscaling": {"ec2.amazonaws.com": ("CreateLaunchConfiguration",)},
    "lambda": {"lambda.amazonaws.com": ("CreateFunction", "UpdateFunctionConfiguration")},
    "rds": {
        "monitoring.rds.amazonaws.com": ("CreateDBInstance", "ModifyDBInstance", "CreateDBInstanceReadReplica"),
        "rds.amazonaws.com": ("AddRoleToDBCluster", "AddRoleToDBInstance", "CreateDBProxy"),
    },
    "eks": {
        "eks.amazonaws.com": ("CreateCluster",),
        "ec2.amazonaws.com": ("CreateNodegroup",),
        "eks-fargate-pods.amazonaws.com": ("CreateFargateProfile",),
        "pods.eks.amazonaws.com": ("CreatePodIdentityAssociation", "UpdatePodIdentityAssociation"),
    },
    "codebuild": {"codebuild.amazonaws.com": ("CreateProject", "UpdateProject")},
    "codepipeline": {"codepipeline.amazonaws.com": ("CreatePipeline", "UpdatePipeline")},
    "backup": {"backup.amazonaws.com": ("CreateBackupSelection", "StartBackupJob", "StartCopyJob", "StartRestoreJob")},
    "events": {"events.amazonaws.com": ("PutRule", "PutTargets")},
    "scheduler": {"scheduler.amazonaws.com": ("CreateSchedule", "UpdateSchedule")},
    "stepfunctions": {"states.amazonaws.com": ("CreateStateMachine", "UpdateStateMachine")},
    "logs": {"logs.amazonaws.com": ("PutDestination", "PutSubscriptionFilter")},
    "cloudformation": {"cloudformation.amazonaws.com": ("CreateStack", "UpdateStack", "CreateChangeSet")},
    "s3": {"s3.amazonaws.com": ("PutBucketReplication",)},
}

# Operations with which a service makes its own role, the first time in an account.
LINKED_ROLES: Principals = {
    "application-autoscaling": {"ecs.application-autoscaling.amazonaws.com": ("RegisterScalableTarget",)},
    "autoscaling": {"autoscaling.amazonaws.com": ("CreateAutoScalingGroup",)},
    "ecs": {"ecs.amazonaws.com": ("CreateCluster", "CreateService")},
    "eks": {"eks.amazonaws.com": ("CreateCluster",), "eks-nodegroup.amazonaws.com": ("CreateNodegroup",)},
    "elasticache": {"elasticache.amazonaws.com": ("CreateReplicationGroup", "CreateCacheCluster")},
    "elbv2": {"elasticloadbalancing.amazonaws.com": ("CreateLoadBalancer",)},
    "rds": {"rds.amazonaws.com": ("CreateDBInstance", "CreateDBCluster")},
    "efs": {"elasticfilesystem.amazonaws.com": ("CreateFileSystem",)},
    "backup": {"backup.amazonaws.com": ("CreateBackupVault", "CreateBackupPlan")},
}

# What else an operation needs. https://docs.aws.amazon.com/aws-backup/latest/devguide/access-control.html
BESIDES: dict[Operation, tuple[str, ...]] = {("backup", "CreateBackupVault"): ("backup-storage:MountCapsule",)}

# Actions that list and describe, most of which IAM allows on every resource or not at all.
LISTS = re.compile(r"(?!s3:)[a-z0-9-]+:(Describe|List)")

# What a service does with a key on behalf of who calls, where a resource has a key of its own.
KEY_USE: dict[str, dict[str, tuple[str, ...]]] = {
    "rds": {"CreateDBInstance": ("CreateGrant", "DescribeKey"), "CreateDBCluster": ("CreateGrant", "DescribeKey")},
    "elasticache": {"CreateReplicationGroup": ("CreateGrant", "DescribeKey")},
    "ecr": {"CreateRepository": ("CreateGrant", "DescribeKey", "RetireGrant")},
    "efs": {"CreateFileSystem": ("CreateGrant", "DescribeKey")},
    "backup": {"CreateBackupVault": ("CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKey", "RetireGrant")},
    "dynamodb": {
        "CreateTable": ("CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"),
        "UpdateTable": ("CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"),
    },
    "lambda": {
        "CreateFunction": ("CreateGrant", "Decrypt", "Encrypt"),
        "UpdateFunctionConfiguration": ("CreateGrant", "Decrypt", "Encrypt"),
    },
    "s3": {"GetObject": ("Decrypt",), "PutObject": ("Decrypt", "GenerateDataKey")},
    "secretsmanager": {
        "CreateSecret": ("GenerateDataKey", "Decrypt"),
        "PutSecretValue": ("GenerateDataKey", "Decrypt"),
        "UpdateSecret": ("GenerateDataKey", "Decrypt"),
        "GetSecretValue": ("Decrypt",),
    },
}

# What a run asks outside of its tasks: whose account it is.
ALWAYS = frozenset({("sts", "GetCallerIdentity"), ("iam", "ListAccountAliases")})


def document(
    operations: c.Iterable[Operation],
    extra: c.Iterable[str] = (),
    resources: c.Mapping[str, list[str]] | None = None,
) -> dict[str, t.Any]:
    """The policy that allows these operations.

    :param operations: pairs of botocore's service name and operation.
    :param extra: further IAM actions.
    :param resources: ARNs for an action or a whole prefix, where ``*`` is too much. Those of a prefix are not for its
        actions that list and describe.
    """
    made = set(operations)
    wanted = {action for operation in made for action in (*actions(*operation), *BESIDES.get(operation, ()))}
    wanted |= set(extra)
    narrowed = dict(resources or {})
    statements = _by_prefix(wanted, narrowed)
    for sid, action, table, key in (
        ("PassRole", "iam:PassRole", PASSED_TO, "iam:PassedToService"),
        ("ServiceLinkedRoles", "iam:CreateServiceLinkedRole", LINKED_ROLES, "iam:AWSServiceName"),
    ):
        services = sorted(_named(made, table))
        if services:
            statements.append(
                {
                    **_statement(sid, {action}, narrowed.pop(action, ["*"])),
                    "Condition": {"StringEquals": {key: services}},
                }
            )
    key_use = {f"kms:{use}" for service, operation in made for use in KEY_USE.get(service, {}).get(operation, ())}
    if key_use:
        users = sorted({_prefix(service) for service, operation in made if operation in KEY_USE.get(service, {})})
        # Only on behalf of who calls these services: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
        via = {"StringLike": {"kms:ViaService": [f"{user}.*.amazonaws.com*" for user in users]}}
        statements.append({**_statement("KeysOfResources", key_use, narrowed.get("kms", ["*"])), "Condition": via})
    return {"Version": "2012-10-17", "Statement": statements}


def actions(service: str, operation: str) -> set[str]:
    """The IAM actions that one operation needs."""
    prefix = _prefix(service)
    if service in BY_METHOD:
        return {f"{prefix}:{_method(service, operation)}"}
    found = {ACTIONS.get(service, {}).get(operation, operation)}
    if MAKES.match(operation) and _takes_tags(service, operation):
        found |= {_tagging_of_iam(operation)} if service == "iam" else {TAGGING.get(service, "")} - {""}
    return {f"{prefix}:{action}" for action in found}


def operations_of(journal: c.Mapping[str, t.Any]) -> set[Operation]:
    """Everything that a run asked of AWS, also what failed or was tried again."""
    return {(call["service"], call["operation"]) for record in journal["calls"] for call in record["api_calls"]}


def characters(policy: c.Mapping[str, t.Any]) -> int:
    """A policy's size as IAM counts it."""
    return len(json.dumps(policy, separators=(",", ":")))


def _by_prefix(wanted: set[str], narrowed: dict[str, list[str]]) -> list[Statement]:
    """One statement per service, and one more for each action that has resources of its own, and for what lists."""
    own = {action: narrowed[action] for action in wanted & narrowed.keys()}
    groups: dict[str, set[str]] = collections.defaultdict(set)
    for action in wanted - own.keys():
        prefix = action.partition(":")[0]
        groups[f"{prefix}-lists" if prefix in narrowed and LISTS.match(action) else prefix].add(action)
    found = [_statement(group, groups[group], narrowed.get(group, ["*"])) for group in sorted(groups)]
    return found + [_statement(action, {action}, own[action]) for action in sorted(own)]


def _statement(name: str, allowed: set[str], resources: list[str]) -> Statement:
    sid = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]", name))
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(allowed), "Resource": resources}


def _named(made: set[Operation], table: Principals) -> set[str]:
    return {
        principal
        for service, operation in made
        for principal, operations in table.get(service, {}).items()
        if operation in operations
    }


def _tagging_of_iam(operation: str) -> str:
    return f"Tag{operation.removeprefix('Create').removeprefix('Virtual')}"


def _prefix(service: str) -> str:
    return PREFIXES.get(service) or str(_model(service).signing_name)


def _method(service: str, operation: str) -> str:
    return str(_model(service).operation_model(operation).http["method"])


def _takes_tags(service: str, operation: str) -> bool:
    shape = _model(service).operation_model(operation).input_shape
    return bool(shape) and bool({"Tags", "tags", "TagSpecifications", "TagList"} & set(shape.members))


@functools.lru_cache
def _model(service: str) -> t.Any:
    try:
        import botocore.session  # noqa: PLC0415 - the rest of the engine works without it
    except ImportError as error:
        raise AnsibleActionFail("the policy needs botocore in the Python that runs Ansible") from error
    return botocore.session.get_session().get_service_model(service)
