"""What is still in use is deleted once it no longer is; a destroy that was cut off ends well when it is run again."""

from __future__ import annotations

import itertools
import os
import signal
import time
import typing as t

import botocore.session
import psutil
import pytest

from ansible_collections.slipway.graph.plugins.module_utils import still_in_use
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.remove.repetition import LONGEST_PAUSE, Repetition
from ansible_collections.slipway.graph.plugins.plugin_utils.run.calls import Call
from ansible_collections.slipway.graph.plugins.plugin_utils.run.modes import Apply
from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Project

AWS = tuple[Project, ApiProxy]
UNDOCUMENTED = {("DeleteCacheSubnetGroup", "DependencyViolation")}
DEPENDENT = ("DependencyViolation", "resource sg-0 has a dependent object")
NETWORK = """
- name: VPC
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: 10.0.0.0/16}
  register: demo_vpc
- name: Subnets
  amazon.aws.ec2_vpc_subnet: {vpc_id: "{{ demo_vpc.vpc.id }}", cidr: "10.0.{{ item }}.0/24"}
  loop: [0, 1, 2, 3]
- name: Group
  amazon.aws.ec2_security_group: {name: demo, description: demo, vpc_id: "{{ demo_vpc.vpc.id }}"}
- name: Topics
  community.aws.sns_topic: {name: "demo-{{ item }}"}
  loop: [0, 1, 2, 3]
"""


@pytest.fixture
def network(aws: AWS) -> AWS:
    """An account with a network in it."""
    project, proxy = aws
    project.role("demo", NETWORK)
    applied = project.converge("demo")
    assert applied.returncode == 0, applied.output
    proxy.forget()
    return aws


def is_empty(proxy: ApiProxy) -> bool:
    vpcs = client(proxy, "ec2").describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["demo"]}])["Vpcs"]
    return not vpcs and not client(proxy, "sns").list_topics()["Topics"]


def test_rule_10_a_deletion_that_is_refused_because_of_something_still_in_use_is_repeated(network: AWS) -> None:
    project, proxy = network
    proxy.refusals = {"query:DeleteSecurityGroup": [DEPENDENT, DEPENDENT]}
    destroyed = project.converge("demo", state="absent", confirm="demo-test")
    assert destroyed.returncode == 0, destroyed.output
    waiting = "waiting  demo: Group: still in use (DependencyViolation), tried again for up to 20 minutes"
    assert destroyed.output.count(waiting) == 1
    assert proxy.operations.count("query:DeleteSecurityGroup") == 3
    assert is_empty(proxy)


def test_rule_10_a_deletion_that_is_refused_for_another_reason_is_not_repeated(network: AWS) -> None:
    project, proxy = network
    proxy.refusals = {"query:DeleteSecurityGroup": [("UnauthorizedOperation", "You are not authorized")]}
    destroyed = project.converge("demo", state="absent", confirm="demo-test")
    assert destroyed.calls("failed") == ["Group"]
    assert proxy.operations.count("query:DeleteSecurityGroup") == 1


def test_rule_10_nothing_but_a_deletion_is_repeated(aws: AWS) -> None:
    project, proxy = aws
    project.role("demo", NETWORK)
    proxy.refusals = {"query:CreateSecurityGroup": [DEPENDENT]}
    applied = project.converge("demo")
    assert applied.calls("failed") == ["Group"]
    assert proxy.operations.count("query:CreateSecurityGroup") == 1


def started(project: Project, proxy: ApiProxy, holds: t.Callable[[], bool]) -> t.Any:
    """A destroy in the background, once something holds."""
    running = project.start("demo", state="absent", confirm="demo-test")
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline and running.poll() is None, running.communicate()[0]
        time.sleep(0.02)
    return running


def test_rule_06_a_deletion_that_waits_to_be_repeated_ends_with_an_interrupt(network: AWS) -> None:
    project, proxy = network
    proxy.refusals = {"query:DeleteSecurityGroup": [DEPENDENT] * 1000}
    running = started(project, proxy, lambda: proxy.operations.count("query:DeleteSecurityGroup") == 3)
    interrupted = time.monotonic()
    os.kill(running.pid, signal.SIGTERM)
    output = running.communicate(timeout=60)[0]
    assert time.monotonic() - interrupted < 20
    assert running.returncode != 0
    assert "interrupted. Done: " in output
    proxy.refusals = {}
    assert project.converge("demo", state="absent", confirm="demo-test").returncode == 0
    assert is_empty(proxy)


def test_rule_06_a_destroy_that_is_interrupted_while_it_looks_deletes_nothing(network: AWS) -> None:
    project, proxy = network
    proxy.latency = 0.4
    running = started(project, proxy, lambda: len(proxy.operations) >= 3)
    os.kill(running.pid, signal.SIGTERM)
    output = running.communicate(timeout=60)[0]
    assert running.returncode != 0
    assert "interrupted. " in output
    assert proxy.writes == []


def test_rule_06_a_destroy_that_was_killed_ends_well_when_it_is_run_again(network: AWS) -> None:
    project, proxy = network
    proxy.latency = 0.1
    running = started(project, proxy, lambda: len(proxy.writes) >= 4)
    for each in [*psutil.Process(running.pid).children(recursive=True), psutil.Process(running.pid)]:
        each.kill()
    running.communicate()
    proxy.latency = 0.0
    assert not is_empty(proxy)
    # What was being deleted when the run was killed still holds on to the rest for a while.
    proxy.refusals = {"query:DeleteVpc": [("DependencyViolation", "The vpc 'vpc-0' has dependencies")]}
    again = project.converge("demo", state="absent", confirm="demo-test")
    assert again.returncode == 0, again.output
    assert is_empty(proxy)


# The judgement, without an account.

STEP = Step(0, None, "net", "Group", "file:1", "amazon.aws.ec2_security_group", "", False, (), ())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def refused_call(code: str = "DependencyViolation") -> Call:
    call = Call(STEP, 0, None, None, {}, Apply())
    call.api_calls.append({"service": "ec2", "operation": "DeleteSecurityGroup", "error": code})
    return call


def pauses(repetition: Repetition, clock: Clock) -> t.Iterator[float]:
    """The pauses before all repetitions of a call that is refused each time."""
    call = refused_call()
    while (pause := repetition.pause_before_repeat(call, {"failed": True, "msg": "no"})) is not None:
        yield pause
        clock.now += pause
        call.api_calls.append(call.api_calls[-1])


@pytest.mark.parametrize(("with_functions", "minutes"), [(False, 20), (True, 45)])
def test_rule_10_pauses_grow_and_end_later_where_functions_have_left_interfaces(
    with_functions: bool, minutes: int
) -> None:
    clock, told = Clock(), list[str]()
    waited = list(pauses(Repetition({STEP}, with_functions, told.append, clock), clock))
    assert waited[:6] == [1, 2, 4, 8, 16, LONGEST_PAUSE]
    assert all(first <= second for first, second in itertools.pairwise(waited[:-1]))
    assert minutes * 60 <= clock.now < minutes * 60 + LONGEST_PAUSE
    assert len(told) == 1


def test_rule_10_the_failure_says_how_long_it_was_tried() -> None:
    clock = Clock()
    repetition = Repetition({STEP}, False, lambda _text: None, clock)
    call, result = refused_call(), {"failed": True, "msg": "no"}
    repetition.pause_before_repeat(call, result)
    clock.now = 20 * 60
    call.api_calls.append(call.api_calls[-1])
    assert repetition.pause_before_repeat(call, result) is None
    assert result["msg"] == "no (still in use after 20 minutes)"


def test_rule_10_what_failed_without_a_new_refusal_is_not_repeated() -> None:
    repetition = Repetition({STEP}, False, lambda _text: None, Clock())
    call = refused_call()
    assert repetition.pause_before_repeat(call, {"failed": True, "msg": "no"}) is not None
    assert repetition.pause_before_repeat(call, {"failed": True, "msg": "timed out"}) is None
    assert repetition.pause_before_repeat(refused_call("InvalidGroup.NotFound"), {"failed": True}) is None
    elsewhere = Repetition(set(), False, lambda _text: None, Clock())
    assert elsewhere.pause_before_repeat(refused_call(), {"failed": True, "msg": "no"}) is None


def test_rule_10_every_refusal_is_one_that_the_models_of_aws_know() -> None:
    session = botocore.session.get_session()
    unknown = []
    for refusal in still_in_use.REFUSALS:
        model = session.get_service_model(refusal.service)
        for name in refusal.operations:
            shapes = model.operation_model(name).error_shapes
            codes = {(shape.metadata.get("error") or {}).get("code") or shape.name for shape in shapes}
            # EC2's model has no errors, and that of ElastiCache is not complete.
            told = refusal.service == "ec2" or (name, refusal.code) in UNDOCUMENTED
            if not told and refusal.code not in codes:
                unknown.append((name, refusal.code))
    assert unknown == []


@pytest.mark.parametrize(
    ("service", "code", "message", "is_refusal"),
    [
        ("ec2", "InvalidParameterValue", "Network interface 'eni-0' is currently in use.", True),
        ("ec2", "InvalidParameterValue", "Value (x) for parameter groupId is invalid.", False),
        ("ec2", "AuthFailure", "You do not have permission to access the specified resource.", True),
        ("ec2", "AuthFailure", "AWS was not able to validate the provided access credentials", False),
        ("elbv2", "ResourceInUse", "Target group 'x' is currently in use by a listener or a rule", True),
        ("rds", "DBSubnetGroupNotFoundFault", "DB subnet group 'x' does not exist", False),
        ("iam", "NoSuchEntity", "The role policy with name run cannot be found.", True),
        ("iam", "NoSuchEntity", "The role with name app cannot be found.", False),
        ("s3", "DependencyViolation", "", False),
        ("elasticache", "DependencyViolation", "Some of the subnets are currently in use", True),
    ],
)
def test_rule_10_a_code_with_several_meanings_counts_by_its_words(
    service: str, code: str, message: str, is_refusal: bool
) -> None:
    assert (still_in_use.find(service, code, message) is not None) is is_refusal
