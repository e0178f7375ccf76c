# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an API operation does, judged by its name: it reads, makes something new, or gets credentials.

Unknown means write. The names here are held against every operation of botocore's models by a test.
"""

from __future__ import annotations

import functools
import re

# Whole words: `Check` would also fit `Checkout`, and where a verb fits writes as well, its reads are named one by one.
_READS = re.compile(r"(Describe|Get|List|Head|Lookup|BatchGet|BatchDescribe|Search)(?![a-z])")
NAMED_READS = frozenset({
    "accessanalyzer:CheckAccessNotGranted", "accessanalyzer:CheckNoNewAccess", "accessanalyzer:CheckNoPublicAccess",
    "accessanalyzer:ValidatePolicy",
    "appconfig:ValidateConfiguration",
    "cloudformation:ValidateTemplate",
    "config:SelectAggregateResourceConfig", "config:SelectResourceConfig",
    "datapipeline:QueryObjects", "datapipeline:ValidatePipelineDefinition",
    "dynamodb:Query", "dynamodb:Scan",
    "ec2:ValidateSecurityGroupQuotasForInterface",
    "ecr:ValidatePullThroughCacheRule",
    "elasticbeanstalk:CheckDNSAvailability", "elasticbeanstalk:ValidateConfigurationSettings",
    "glue:CheckSchemaVersionValidity", "glue:QuerySchemaVersionMetadata",
    "iam:SimulateCustomPolicy", "iam:SimulatePrincipalPolicy",
    "iot:ValidateSecurityProfileBehaviors",
    "kendra:Query",
    "logs:FilterLogEvents",
    "osis:ValidatePipeline",
    "route53domains:CheckDomainAvailability", "route53domains:CheckDomainTransferability",
    "s3:SelectObjectContent",
    "s3vectors:QueryVectors",
    "sagemaker:QueryLineage",
    "sdb:Select",
    "secretsmanager:ValidateResourcePolicy",
    "servicecatalog:ScanProvisionedProducts",
    "sns:CheckIfPhoneNumberIsOptedOut",
    "stepfunctions:ValidateStateMachineDefinition",
    "sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoot",
    "wafv2:CheckCapacity",
})  # fmt: skip
# Their names say that they read.
_WRITES = frozenset({
    "cognito-identity:GetId",  # makes the identity that it does not find
    "cognito-identity:GetOpenIdTokenForDeveloperIdentity",  # the same
    "cognito-idp:GetTokensFromRefreshToken",  # may use the token up
    "cognito-idp:GetUserAttributeVerificationCode",  # sends it to the user
    "frauddetector:GetEventPrediction",  # may keep the event
    "importexport:GetShippingLabel",  # buys it
    "redshift:GetClusterCredentials",  # can make the user and put it into groups
    "redshift:GetClusterCredentialsWithIAM",  # makes the user that it does not find
    "redshift-serverless:GetCredentials",  # the same
    "sagemaker:GetScalingConfigurationRecommendation",  # starts a job
    "security-ir:GetCaseAttachmentUploadUrl",  # makes the attachment
    "stepfunctions:GetActivityTask",  # takes the task from the queue
    "xray:GetSamplingTargets",  # reports what was sampled
})  # fmt: skip
# What botocore calls of itself, when a login of `aws sso login` or `aws login` is older than an hour, and before it
# speaks to a directory bucket. Neither its parameters nor its answer are anybody's business.
_LOGINS = frozenset({
    "s3:CreateSession", "signin:CreateOAuth2Token", "sso:GetRoleCredentials", "sso-oidc:CreateToken",
})  # fmt: skip

_CREATING = ("Create", "Run", "Allocate", "Register", "Request", "Import", "Copy", "Restore")
# They say "create", but what they change exists.
_CREATING_NOTHING = {"CreateTags", "CreateOrUpdateTags", "CreateRoute"}


@functools.cache
def is_read(service: str, operation: str) -> bool:
    """Whether an operation only reads."""
    name = f"{service}:{operation}"
    return name in NAMED_READS or (_READS.match(operation) is not None and name not in _WRITES)


def is_login(service: str, operation: str) -> bool:
    """Whether an operation only gets the credentials that other calls are signed with."""
    return f"{service}:{operation}" in _LOGINS


def creates(operation: str) -> bool:
    """Whether a write makes something new, so that nothing can be known of it before."""
    return operation.startswith(_CREATING) and operation not in _CREATING_NOTHING
