"""Through the hard proxy reads lag behind writes, and calls are throttled."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.support import emulators
from tests.support.aws import Emulator, client
from tests.support.hard.server import HardProxy
from tests.unit.support.conftest import Refused, Start

TAG = {"Key": "a", "Value": "b"}


def test_a_new_vpc_is_not_there_for_a_second(start: Start, refused: Refused) -> None:
    hard = start("fresh-is-missing")
    ec2 = hard.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert refused(ec2.describe_vpcs, VpcIds=[vpc]) == (
        "InvalidVpcID.NotFound",
        f"The vpc ID '{vpc}' does not exist",
    )
    assert vpc not in [each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"]]
    hard.wait(1.5)
    assert vpc in [each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"]]


def test_what_was_changed_is_as_before_for_a_second(start: Start) -> None:
    hard = start("stale-answers")
    iam = hard.client("iam")
    iam.create_role(RoleName="shop", AssumeRolePolicyDocument="{}")
    hard.wait(1.5)
    assert not iam.list_role_tags(RoleName="shop")["Tags"]
    hard.wait(0.1)
    iam.tag_role(RoleName="shop", Tags=[TAG])
    assert not iam.list_role_tags(RoleName="shop")["Tags"]
    hard.wait(1.5)
    assert iam.list_role_tags(RoleName="shop")["Tags"]


def test_what_somebody_else_wrote_is_not_hidden(start: Start, moto: str) -> None:
    hard = start("stale-answers")
    iam = hard.client("iam")
    iam.create_role(RoleName="shop", AssumeRolePolicyDocument="{}")
    hard.wait(1.5)
    iam.list_role_tags(RoleName="shop")
    client(Emulator(moto), "iam").tag_role(RoleName="shop", Tags=[TAG])
    hard.wait(0.1)
    emulators.post(f"{hard.proxy.url}/hard/changed")
    hard.wait(0.1)
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
    asked = start("throttling").client(service)
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
