"""Rule 9: the API is asked no faster than AWS answers, and IAM is given the time it needs."""

from __future__ import annotations

import os
import time
import types
import typing as t

import pytest
from botocore.exceptions import ClientError

from ansible_collections.slipway.graph.plugins.plugin_utils.worker import barrier, consistency
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.buckets import SIZES, Buckets


class Clock:
    """A time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    return clock


@pytest.fixture
def buckets(clock: Clock) -> Buckets:
    return Buckets(clock, clock.sleep)


@pytest.mark.parametrize(
    ("service", "operation", "is_read", "capacity", "refill"),
    [
        ("ec2", "DescribeVpcs", True, 100, 20),
        ("ec2", "CreateTags", False, 50, 5),
        ("ec2", "CreateNatGateway", False, 10, 1),
        ("ec2", "RunInstances", False, 5, 2),
        ("ecs", "RegisterTaskDefinition", False, 20, 1),
        ("ecs", "UpdateService", False, 50, 5),
        ("iam", "CreateRole", False, 20, 10),
    ],
)
def test_rule_09_a_burst_goes_at_once_and_the_rest_as_the_bucket_fills(
    buckets: Buckets, clock: Clock, service: str, operation: str, is_read: bool, capacity: int, refill: float
) -> None:
    started = clock.now
    for _ in range(capacity):
        assert buckets.take(service, operation, is_read) == pytest.approx(0, abs=1e-6)
    for _ in range(30):
        assert buckets.take(service, operation, is_read) > 0
    assert clock.now - started == pytest.approx(30 / refill)


def test_rule_09_a_bucket_that_was_left_alone_is_full_again(buckets: Buckets, clock: Clock) -> None:
    for _ in range(60):
        buckets.take("ec2", "CreateNatGateway", is_read=False)
    clock.now += 10
    assert [buckets.take("ec2", "CreateNatGateway", is_read=False) for _ in range(10)] == [0] * 10
    assert buckets.take("ec2", "CreateNatGateway", is_read=False) == pytest.approx(1)


def test_rule_09_operations_have_buckets_of_their_own_and_most_services_none(buckets: Buckets) -> None:
    for _ in range(100):
        buckets.take("ec2", "DescribeVpcs", is_read=True)
    assert buckets.take("ec2", "CreateTags", is_read=False) == 0
    assert [buckets.take("s3", "ListBuckets", is_read=True) for _ in range(1000)] == [0] * 1000


def test_rule_09_processes_share_the_buckets(buckets: Buckets) -> None:
    """Each of ten processes takes one of ten tokens; none is left."""
    for _ in range(10):
        pid = os.fork()
        if pid == 0:
            buckets.take("ec2", "CreateNatGateway", is_read=False)
            os._exit(0)
        os.waitpid(pid, 0)
    assert buckets.take("ec2", "CreateNatGateway", is_read=False) == pytest.approx(1)


def test_rule_09_every_bucket_lets_something_through() -> None:
    assert all(size.capacity >= 1 and size.refill > 0 for kinds in SIZES.values() for size in kinds.values())


REFUSALS = [
    ("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."),
    ("InvalidParameterException", "Unable to assume the service linked role. Please verify that it exists."),
    ("InvalidParameterValue", "Value (app) is invalid. Invalid IAM Instance Profile name"),
    ("MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals."),
    ("MalformedPolicy", "Invalid principal in policy"),
    ("InvalidParameterValue", "IAM role ARN value is invalid or does not include the required permissions"),
    ("InvalidParameterValueException", "The role arn:aws:iam::1:role/b is not authorized to call tag:GetResources"),
    ("InvalidInputException", "CodeBuild is not authorized to perform: sts:AssumeRole on arn:aws:iam::1:role/build"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "message"), REFUSALS)
def test_rule_09_the_ways_to_refuse_a_new_role_are_known(code: str, message: str) -> None:
    assert consistency.is_refused_role(ClientError({"Error": {"Code": code, "Message": message}}, "Create"))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidParameterValue", "The parameter DBName must begin with a letter"),
        ("AccessDenied", "User: ann is not authorized to perform: rds:CreateDBInstance"),
        ("ResourceNotFoundException", "Function not found"),
    ],
)
def test_rule_09_other_errors_are_no_new_role(code: str, message: str) -> None:
    assert not consistency.is_refused_role(ClientError({"Error": {"Code": code, "Message": message}}, "Create"))


class Aws:
    """Refuses a role until some time after it was made."""

    def __init__(self, clock: Clock, until: float) -> None:
        self.clock, self.until, self.asked = clock, clock.now + until, 0

    def __call__(self, _client: t.Any, operation: str, _parameters: t.Any) -> dict[str, t.Any]:
        if operation == "CreateFunction":
            self.asked += 1
            if self.clock.now < self.until:
                code, message = REFUSALS[0]
                raise ClientError({"Error": {"Code": code, "Message": message}}, operation)
        return {"done": operation}


def client(service: str) -> t.Any:
    model = types.SimpleNamespace(service_name=service)
    endpoint = f"https://{service}.eu-central-1.amazonaws.com"
    return types.SimpleNamespace(meta=types.SimpleNamespace(service_model=model, endpoint_url=endpoint))


def test_rule_09_a_role_made_in_this_run_is_waited_for(buckets: Buckets, clock: Clock) -> None:
    seam, aws = barrier.Seam(buckets), Aws(clock, until=60)
    seam.begin("apply")
    seam.intercept(aws, client("iam"), "CreateRole", {})
    assert seam.intercept(aws, client("lambda"), "CreateFunction", {}) == {"done": "CreateFunction"}
    assert aws.asked > 1
    assert [call.get("error", "") for call in seam.calls][1:-1] == [REFUSALS[0][0]] * (aws.asked - 1)


def test_rule_09_after_two_minutes_a_refused_role_is_an_error(buckets: Buckets, clock: Clock) -> None:
    seam, aws = barrier.Seam(buckets), Aws(clock, until=3600)
    seam.begin("apply")
    seam.intercept(aws, client("iam"), "CreateRole", {})
    with pytest.raises(ClientError):
        seam.intercept(aws, client("lambda"), "CreateFunction", {})
    assert clock.now == pytest.approx(1000 + consistency.PATIENCE_SECONDS, abs=2 * consistency.PAUSE_SECONDS)


def test_rule_09_a_role_that_this_run_did_not_make_is_an_error_at_once(buckets: Buckets, clock: Clock) -> None:
    seam, aws = barrier.Seam(buckets), Aws(clock, until=60)
    seam.begin("apply")
    with pytest.raises(ClientError):
        seam.intercept(aws, client("lambda"), "CreateFunction", {})
    assert aws.asked == 1


def test_rule_09_the_role_that_a_service_makes_for_itself_is_waited_for_without_a_role_of_this_run(
    buckets: Buckets, clock: Clock
) -> None:
    seam, aws = barrier.Seam(buckets), Refusing("CreateCluster", *REFUSALS[1])
    seam.begin("apply")
    with pytest.raises(ClientError):
        seam.intercept(aws, client("ecs"), "CreateCluster", {})
    assert aws.asked > 10
    assert clock.now == pytest.approx(1000 + consistency.PATIENCE_SECONDS, abs=2 * consistency.PAUSE_SECONDS)


# AWS's own sentences.
ANSWERS_OF_IAM = [
    ("GetRole", "NoSuchEntity", "The role with name app cannot be found."),
    ("GetInstanceProfile", "NoSuchEntity", "Instance Profile app cannot be found."),
    ("ListRolePolicies", "NoSuchEntity", "The role with name app cannot be found."),
    ("DeleteRole", "NoSuchEntity", "The role with name app cannot be found."),
    ("RemoveRoleFromInstanceProfile", "NoSuchEntity", "The role with name app cannot be found."),
]


class Refusing:
    """Answers one operation with an error each time, and everything else with nothing."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        self.error = ClientError({"Error": {"Code": code, "Message": message}}, operation)
        self.operation, self.asked = operation, 0

    def __call__(self, _client: t.Any, operation: str, _parameters: t.Any) -> dict[str, t.Any]:
        if operation == self.operation:
            self.asked += 1
            raise self.error
        return {}


@pytest.mark.parametrize(("operation", "code", "message"), ANSWERS_OF_IAM)
def test_that_iam_does_not_find_a_role_is_an_answer_and_no_delay(
    buckets: Buckets, clock: Clock, operation: str, code: str, message: str
) -> None:
    assert_no_delay(buckets, clock, "iam", Refusing(operation, code, message))


@pytest.mark.parametrize(
    ("service", "operation", "code", "message"),
    [
        ("lambda", "GetFunction", "AccessDeniedException", REFUSALS[0][1]),
        ("sts", "AssumeRole", "AccessDenied", "User: ann is not authorized to perform: sts:AssumeRole on resource: x"),
    ],
)
def test_that_a_read_is_refused_is_an_answer_and_no_delay(
    buckets: Buckets, clock: Clock, service: str, operation: str, code: str, message: str
) -> None:
    assert_no_delay(buckets, clock, service, Refusing(operation, code, message))


def assert_no_delay(buckets: Buckets, clock: Clock, service: str, aws: Refusing) -> None:
    """Right after a role was made, a refusal is passed on without another attempt."""
    seam = barrier.Seam(buckets)
    seam.begin("apply")
    seam.intercept(aws, client("iam"), "CreateRole", {})
    started = clock.now
    with pytest.raises(ClientError):
        seam.intercept(aws, client(service), aws.operation, {})
    assert (aws.asked, clock.now) == (1, started)


@pytest.mark.parametrize(("code", "message"), REFUSALS)
def test_rule_09_a_write_of_another_service_that_refuses_a_new_role_is_repeated(
    buckets: Buckets, clock: Clock, code: str, message: str
) -> None:
    seam, aws = barrier.Seam(buckets), Refusing("CreateThing", code, message)
    seam.begin("apply")
    seam.intercept(aws, client("iam"), "CreateRole", {})
    with pytest.raises(ClientError):
        seam.intercept(aws, client("codebuild"), "CreateThing", {})
    assert aws.asked > 10
