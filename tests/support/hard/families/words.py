"""AWS's own words for what is not there; emulators have others, or other codes."""

from __future__ import annotations

import re
import typing as t

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.protocol import Call, Outcome, Refusal

ACCOUNT = "123456789012"
LOCALSTACK = "localstack tests/aws, validated: "
CUSTODIAN = "cloud-custodian tests/data/placebo: "


class Words(t.NamedTuple):
    """What AWS says when the thing that an operation names is not there. ``{}`` stands for the parameter."""

    code: str
    message: str
    parameter: str
    source: str
    status: int = 400


NO_SECRET = Words(
    "ResourceNotFoundException",
    "Secrets Manager can't find the specified secret.",
    "SecretId",
    f"{LOCALSTACK}secretsmanager",
)
NO_API = Words(
    "NotFoundException", f"Invalid API identifier specified {ACCOUNT}:{{}}", "restApiId", f"{LOCALSTACK}apigateway", 404
)
NO_ROLE = Words(
    "NoSuchEntity",
    "The role with name {} cannot be found.",
    "RoleName",
    f"{CUSTODIAN}iam.GetRole, {LOCALSTACK}iam",
    404,
)
NO_FUNCTION = Words(
    "ResourceNotFoundException",
    f"Function not found: arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{{}}",
    "FunctionName",
    f"{LOCALSTACK}lambda",
    404,
)
NO_BUCKET = Words("NoSuchBucket", "The specified bucket does not exist", "Bucket", f"{LOCALSTACK}s3", 404)
WORDS = {
    "secretsmanager:DescribeSecret": NO_SECRET,
    "secretsmanager:GetSecretValue": NO_SECRET,
    "secretsmanager:GetResourcePolicy": NO_SECRET,
    "apigateway:GetRestApi": NO_API,
    "apigateway:GetResources": NO_API,
    "iam:GetRole": NO_ROLE,
    "iam:ListRolePolicies": NO_ROLE,
    "iam:ListAttachedRolePolicies": NO_ROLE,
    "iam:ListRoleTags": NO_ROLE,
    "lambda:GetFunction": NO_FUNCTION,
    "lambda:GetFunctionConfiguration": NO_FUNCTION,
    "lambda:GetAlias": Words(
        "ResourceNotFoundException",
        f"Cannot find alias arn: arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{{}}",
        "FunctionName",
        f"{LOCALSTACK}lambda",
        404,
    ),
    "lambda:GetPolicy": Words(
        "ResourceNotFoundException", "The resource you requested does not exist.", "", f"{LOCALSTACK}lambda", 404
    ),
    "kms:DescribeKey": Words(
        "NotFoundException",
        f"Alias arn:aws:kms:eu-central-1:{ACCOUNT}:{{}} is not found.",
        "KeyId",
        f"{CUSTODIAN}kms.DescribeKey",
    ),
    "logs:ListTagsForResource": Words(
        "ResourceNotFoundException", "The specified log group does not exist.", "", f"{LOCALSTACK}logs"
    ),
    "dynamodb:DescribeTable": Words(
        "ResourceNotFoundException",
        "Requested resource not found: Table: {} not found",
        "TableName",
        f"{LOCALSTACK}dynamodb",
    ),
    "sns:GetTopicAttributes": Words("NotFound", "Topic does not exist", "", f"{LOCALSTACK}sns", 404),
    "s3:GetBucketPolicy": Words("NoSuchBucketPolicy", "The bucket policy does not exist", "", f"{LOCALSTACK}s3", 404),
    "s3:GetBucketLifecycleConfiguration": Words(
        "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", "", f"{LOCALSTACK}s3", 404
    ),
    "s3:GetBucketTagging": Words("NoSuchTagSet", "The TagSet does not exist", "", f"{LOCALSTACK}s3", 404),
    # Terraform provider for AWS, service/backup/vault.go: both are taken for a vault that is not there.
    "backup:DescribeBackupVault": Words(
        "AccessDeniedException",
        "Insufficient privileges to perform this action.",
        "",
        "Terraform provider for AWS, service/backup/vault.go",
        403,
    ),
    "elbv2:DescribeLoadBalancers": Words(
        "LoadBalancerNotFound",
        "One or more load balancers not found",
        "",
        "ELB API reference, DescribeLoadBalancers: errors",
    ),
    "elbv2:DescribeTargetGroups": Words(
        "TargetGroupNotFound",
        "One or more target groups not found",
        "",
        "ELB API reference, DescribeTargetGroups: errors",
    ),
    "ecr:DescribeRepositories": Words(
        "RepositoryNotFoundException",
        f"The repository with name '{{}}' does not exist in the registry with id '{ACCOUNT}'",
        "repositoryNames",
        "ECR API reference, DescribeRepositories: errors",
    ),
    "rds:DescribeDBInstances": Words(
        "DBInstanceNotFound", "DBInstance {} not found.", "DBInstanceIdentifier", f"{CUSTODIAN}rds", 404
    ),
}
ABSENCE = re.compile(r"NotFound|NoSuch|NonExist|NotExist|DoesNotExist|^404$")


class OwnWords(Behaviour):
    """What an emulator says of something that is not there is said in AWS's words, with its code and status."""

    name: t.ClassVar = "own-words"
    source: t.ClassVar = "The recordings: localstack tests/aws, cloud-custodian tests/data/placebo; see words.py"

    def after(self, call: Call, outcome: Outcome) -> Outcome:
        """Put a refusal in other words."""
        if not isinstance(outcome, Refusal) or not ABSENCE.search(outcome.code):
            return outcome
        if outcome.code == NO_BUCKET.code:  # of any operation
            return Refusal(NO_BUCKET.code, NO_BUCKET.message, NO_BUCKET.status)
        words = WORDS.get(f"{call.service}:{call.operation}")
        if not words:
            return outcome
        named = call.parameters.get(words.parameter, "")
        name = named[0] if isinstance(named, list) and named else named
        return Refusal(words.code, words.message.format(name), words.status)
