"""Through the hard proxy reads lag behind writes, and calls are throttled."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support import emulators
from tests.support.aws import Emulator, client
from tests.support.hard.server import HardProxy


class Clock:
    """A time that passes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


Start = Callable[[str], tuple[HardProxy, Clock]]


@pytest.fixture
def start(moto: str) -> Iterator[Start]:
    """A proxy with some behaviours before an empty account."""
    emulators.reset_moto(moto)
    clock = Clock()
    proxies: list[HardProxy] = []

    def started(behaviours: str) -> tuple[HardProxy, Clock]:
        proxies.append(HardProxy(moto, behaviours, clock=clock))
        return proxies[0], clock

    yield started
    for proxy in proxies:
        proxy.__exit__()


def refusal(call: Callable[..., t.Any], **arguments: t.Any) -> tuple[str, str]:
    """Code and words of an error."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_new_vpc_is_not_there_for_a_second(start: Start) -> None:
    proxy, clock = start("fresh-is-missing")
    ec2 = client(proxy, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert refusal(ec2.describe_vpcs, VpcIds=[vpc]) == (
        "InvalidVpcID.NotFound",
        f"The vpc ID '{vpc}' does not exist",
    )
    assert vpc not in [each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"]]
    clock.now += 1.5
    assert vpc in [each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"]]


def test_what_was_changed_is_as_before_for_a_second(start: Start) -> None:
    proxy, clock = start("stale-answers")
    iam = client(proxy, "iam")
    iam.create_role(RoleName="shop", AssumeRolePolicyDocument="{}")
    clock.now += 1.5
    assert not iam.list_role_tags(RoleName="shop")["Tags"]
    clock.now += 0.1
    iam.tag_role(RoleName="shop", Tags=[{"Key": "a", "Value": "b"}])
    assert not iam.list_role_tags(RoleName="shop")["Tags"]
    clock.now += 1.5
    assert iam.list_role_tags(RoleName="shop")["Tags"]


def test_what_somebody_else_wrote_is_not_hidden(start: Start, moto: str) -> None:
    proxy, clock = start("stale-answers")
    iam = client(proxy, "iam")
    iam.create_role(RoleName="shop", AssumeRolePolicyDocument="{}")
    clock.now += 1.5
    iam.list_role_tags(RoleName="shop")
    client(Emulator(moto), "iam").tag_role(RoleName="shop", Tags=[{"Key": "a", "Value": "b"}])
    clock.now += 0.1
    emulators.post(f"{proxy.url}/hard/changed")
    clock.now += 0.1
    iam.untag_role(RoleName="shop", TagKeys=["c"])
    assert iam.list_role_tags(RoleName="shop")["Tags"]


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("ec2", "describe_vpcs", "RequestLimitExceeded"),
        ("iam", "list_roles", "Throttling"),
        ("dynamodb", "list_tables", "ThrottlingException"),
        ("lambda", "list_functions", "TooManyRequestsException"),
        ("s3", "list_buckets", "SlowDown"),
        ("cloudwatch", "list_dashboards", "Throttling"),
    ],
)
def test_one_call_in_twelve_is_throttled(start: Start, service: str, operation: str, code: str) -> None:
    proxy, _clock = start("throttling")
    asked = client(proxy, service, Config(retries={"total_max_attempts": 1}))
    codes = []
    for _ in range(24):
        try:
            getattr(asked, operation)()
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert codes == [code, code]


def test_an_unknown_behaviour_is_named(moto: str) -> None:
    with pytest.raises(ValueError, match="SLIPWAY_HARD names nonsense; there are all, "):
        HardProxy(moto, "nonsense")
