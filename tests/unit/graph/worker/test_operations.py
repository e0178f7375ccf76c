"""Rule 7: an operation is a read only if it is known to be one, held against every operation that botocore knows."""

from __future__ import annotations

import inspect
import re
import typing as t

import botocore.credentials
import botocore.session
import botocore.tokens
import botocore.utils
import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.worker import operations

READS = {
    "ec2:DescribeVpcs", "s3:GetObject", "s3:HeadBucket", "ecr:BatchGetImage", "dynamodb:Query", "sts:AssumeRole",
    "cloudtrail:LookupEvents", "resource-explorer-2:Search",
}  # fmt: skip
# Each has the beginning of a read, and would have passed as one.
NO_READS = {
    "license-manager:CheckoutLicense": "takes the licence",
    "license-manager:CheckoutBorrowLicense": "takes the licence",
    "license-manager:CheckInLicense": "gives the licence back",
    "lambda:CheckpointDurableExecution": "saves the progress of an execution",
    "timestream-query:Query": "UNLOAD writes to S3",
    "devops-agent:ValidateAwsAssociations": "sets a status",
    "cognito-identity:GetId": "makes the identity that it does not find",
    "stepfunctions:GetActivityTask": "takes the task from the queue",
    "redshift:GetClusterCredentials": "can make the user",
    "sagemaker:GetScalingConfigurationRecommendation": "starts a job",
    "cognito-idp:GetUserAttributeVerificationCode": "sends a message",
    "xray:GetSamplingTargets": "reports what was sampled",
}
# Reads whose documentation begins as that of a write does; each was looked at.
REVIEWED = {
    "auditmanager:GetEvidenceFileUploadUrl", "discovery:DescribeBatchDeleteConfigurationTask",
    "elasticbeanstalk:ValidateConfigurationSettings", "emr-serverless:GetDashboardForJobRun",
    "snowball:DescribeAddress", "ssm:ListNodes", "workmail:GetMailboxDetails",
    "acm:DescribeCertificate", "apigateway:GetModelTemplate", "apigateway:GetSdk", "ce:GetRightsizingRecommendation",
    "bedrock-agentcore:GetResourcePaymentToken",
    "codeartifact:GetAuthorizationToken", "cognito-idp:GetCSVHeader", "cognito-idp:GetClientToken",
    "cognito-idp:ListWebAuthnCredentials", "ec2:GetFlowLogsIntegrationTemplate",
    "emr-containers:GetManagedEndpointSessionCredentials", "glue:GetMapping", "lookoutequipment:ListModelVersions",
    "lookoutequipment:ListModels", "marketplace-reporting:GetBuyerDashboard",
    "payment-cryptography:GetCertificateSigningRequest", "quicksight:DescribeTopicRefreshSchedule",
    "quicksight:GetDashboardEmbedUrl", "quicksight:GetSessionEmbedUrl", "redshift:GetIdentityCenterAuthToken",
    "secretsmanager:GetRandomPassword", "socialmessaging:GetWhatsAppFlowPreview", "ssm:GetExecutionPreview",
    "ssm:ListNodesSummary", "workmail:ListAliases",
}  # fmt: skip
# Parameters that make a repeated write one write; a read needs none. These were looked at.
REVIEWED_TOKENS = {
    "bedrock-agentcore:GetAgentCard", "codepipeline:GetThirdPartyJobDetails",
    "emr-containers:GetManagedEndpointSessionCredentials", "fsx:DescribeFileSystemAliases",
}  # fmt: skip
WRITING_METHODS = {"PUT", "DELETE", "PATCH"}
WRITING_VERBS = re.compile(
    r"(acquires|adds|assigns|attaches|changes|claims|copies|creates|deletes|generates|initiates|issues|marks|modifies"
    r"|puts|records|refreshes|registers|removes|renews|requests a|resets|saves|sends|sets|starts|stores|submits|takes"
    r"|triggers|updates|uploads|writes)\b",
    re.IGNORECASE,
)


class Operation(t.NamedTuple):
    """An operation as a model has it."""

    service: str
    name: str
    method: str
    is_readonly: bool
    documentation: str
    has_token: bool

    @property
    def full_name(self) -> str:
        return f"{self.service}:{self.name}"


@pytest.fixture(scope="module")
def every_operation() -> list[Operation]:
    loader = botocore.session.get_session().get_component("data_loader")
    found = []
    for service in loader.list_available_services("service-2"):
        model = loader.load_service_model(service, "service-2")
        for name, operation in model["operations"].items():
            shape = model["shapes"].get(operation.get("input", {}).get("shape"), {})
            members = shape.get("members", {})
            found.append(
                Operation(
                    service, name, operation.get("http", {}).get("method", ""), bool(operation.get("readonly")),
                    re.sub(r"<[^>]+>|\s+", " ", operation.get("documentation", "")).strip(),
                    any(member.get("idempotencyToken") or key.lower() in {"clienttoken", "clientrequesttoken"}
                        for key, member in members.items()),
                )
            )  # fmt: skip
        loader._cache.clear()  # the models of all services take gigabytes
    return found


@pytest.fixture(scope="module")
def reads(every_operation: list[Operation]) -> list[Operation]:
    return [each for each in every_operation if operations.is_read(each.service, each.name)]


def test_rule_07_reads_are_known(reads: list[Operation]) -> None:
    names = {each.full_name for each in reads}
    assert names >= READS
    assert len(names) > 8000


def test_rule_07_what_begins_like_a_read_and_writes_is_a_write(every_operation: list[Operation]) -> None:
    names = {each.full_name for each in every_operation}
    assert [name for name in NO_READS if name not in names] == []
    assert [name for name in NO_READS if operations.is_read(*name.split(":"))] == []


def test_rule_07_no_verb_is_cut_out_of_a_longer_one(reads: list[Operation]) -> None:
    verbs = {re.match(r"(Batch)?[A-Z][a-z]+", each.name)[0] for each in reads}  # type: ignore[index]
    assert verbs == {
        "Assume", "BatchDescribe", "BatchGet", "Check", "Describe", "Filter", "Get", "Head", "List", "Lookup", "Query",
        "Scan", "Search", "Select", "Simulate", "Validate",
    }  # fmt: skip


def test_rule_07_no_read_is_sent_by_a_method_that_writes(reads: list[Operation]) -> None:
    assert [each.full_name for each in reads if each.method in WRITING_METHODS] == []


def test_rule_07_no_read_needs_a_token_against_being_repeated(reads: list[Operation]) -> None:
    assert {each.full_name for each in reads if each.has_token and not each.is_readonly} == REVIEWED_TOKENS


def test_rule_07_no_read_is_documented_as_a_write_unless_it_was_looked_at(reads: list[Operation]) -> None:
    suspicious = {
        each.full_name for each in reads if WRITING_VERBS.match(re.sub(r"^Given .*?, ", "", each.documentation))
    }
    assert suspicious - REVIEWED == set()


def test_rule_07_every_name_in_the_lists_is_an_operation(every_operation: list[Operation]) -> None:
    names = {each.full_name for each in every_operation}
    assert operations.NAMED_READS - names == set()
    assert REVIEWED - names == set()
    listed = operations._WRITES | operations._LOGINS
    # importexport, which stopped, leaves botocore some day.
    assert listed - names <= {"importexport:GetShippingLabel"}


def test_rule_07_an_operation_that_nobody_knows_is_a_write() -> None:
    for name in ("Frobnicate", "Checkout", "Getaway", "describeLowerCase", "Listen", "Query", "ValidateThing"):
        assert not operations.is_read("unknown", name)


def test_whatever_botocore_calls_to_get_credentials_passes_in_a_plan(every_operation: list[Operation]) -> None:
    names: dict[str, set[str]] = {}
    for each in every_operation:
        names.setdefault(each.name.lower(), set()).add(each.full_name)
    called = {
        method
        for module in (botocore.credentials, botocore.tokens, botocore.utils)
        for method in re.findall(r"client\.([a-z0-9_]+)\(", inspect.getsource(module))
    }
    assert called >= {"assume_role", "create_o_auth2_token", "create_token", "create_session", "get_role_credentials"}
    passing = {
        method
        for method in called
        for name in names[method.replace("_", "")]
        if operations.is_login(*name.split(":")) or operations.is_read(*name.split(":"))
    }
    assert passing == called
