"""Through the hard proxy what is used is not deleted, and what comes first is refused."""

from __future__ import annotations

import io
import json
import typing as t
import zipfile

import pytest

from tests.unit.support.conftest import Refused, Start

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def network(ec2: t.Any) -> tuple[str, str, str]:
    """A VPC, a subnet and a security group."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="shop", Description="Shop", VpcId=vpc)["GroupId"]
    return vpc, subnet, group


def test_the_interfaces_of_a_load_balancer_outlive_it(start: Start, refused: Refused) -> None:
    hard = start("still-in-use")
    ec2, elb = hard.client("ec2"), hard.client("elbv2")
    _vpc, subnet, group = network(ec2)
    made = elb.create_load_balancer(Name="shop", Subnets=[subnet], SecurityGroups=[group])["LoadBalancers"][0]
    elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
    assert refused(ec2.delete_security_group, GroupId=group) == (
        "DependencyViolation",
        f"resource {group} has a dependent object",
    )
    assert refused(ec2.delete_subnet, SubnetId=subnet)[0] == "DependencyViolation"
    hard.wait()
    ec2.delete_security_group(GroupId=group)
    ec2.delete_subnet(SubnetId=subnet)


def test_the_address_of_a_nat_gateway_is_not_free_at_once(start: Start, refused: Refused) -> None:
    hard = start("still-in-use")
    ec2 = hard.client("ec2")
    _vpc, subnet, _group = network(ec2)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]
    ec2.delete_nat_gateway(NatGatewayId=made["NatGatewayId"])
    assert refused(ec2.release_address, AllocationId=address)[0] == "InvalidIPAddress.InUse"
    hard.wait()
    ec2.release_address(AllocationId=address)


def test_a_subnet_group_is_used_until_its_database_is_gone(start: Start, refused: Refused) -> None:
    hard = start("still-in-use")
    rds = hard.client("rds")
    _vpc, subnet, _group = network(hard.client("ec2"))
    rds.create_db_subnet_group(DBSubnetGroupName="shop", DBSubnetGroupDescription="Shop", SubnetIds=[subnet])
    rds.create_db_instance(
        DBInstanceIdentifier="shop", DBInstanceClass="db.t3.small", Engine="mysql", DBSubnetGroupName="shop"
    )
    rds.delete_db_instance(DBInstanceIdentifier="shop", SkipFinalSnapshot=True)
    assert refused(rds.delete_db_subnet_group, DBSubnetGroupName="shop")[0] == "InvalidDBSubnetGroupStateFault"


def test_the_first_cluster_of_an_account_needs_a_role_that_is_new(start: Start, refused: Refused) -> None:
    ecs = start("service-linked-roles").client("ecs")
    assert refused(ecs.create_cluster, clusterName="shop") == (
        "InvalidParameterException",
        "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
    )
    ecs.create_cluster(clusterName="shop")


def package() -> bytes:
    """A function's code."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("shop.py", "")
    return content.getvalue()


def test_a_new_role_cannot_be_assumed_at_once(start: Start, refused: Refused) -> None:
    hard = start("new-roles")
    role = hard.client("iam").create_role(RoleName="shop", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    function = {
        "FunctionName": "shop", "Role": role, "Runtime": "python3.12", "Handler": "shop.handler",
        "Code": {"ZipFile": package()},
    }  # fmt: skip
    assert refused(hard.client("lambda").create_function, **function) == (
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    )
    hard.wait()
    hard.client("lambda").create_function(**function)


def test_lists_come_in_pages_of_two(start: Start) -> None:
    iam = start("small-pages").client("iam")
    for name in ("a", "b", "c", "d", "e"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    first = iam.list_roles()
    assert (len(first["Roles"]), first["IsTruncated"]) == (2, True)
    pages = [[each["RoleName"] for each in page["Roles"]] for page in iam.get_paginator("list_roles").paginate()]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {name for page in pages for name in page} == {"a", "b", "c", "d", "e"}


@pytest.mark.parametrize("behaviours", ["other-order", "all,-fresh-is-missing,-stale-answers,-throttling"])
def test_what_has_no_order_comes_back_in_another(start: Start, behaviours: str) -> None:
    table = {
        "TableName": "shop",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("a", "b")],
        "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "b", "KeyType": "RANGE"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    dynamodb = start(behaviours).client("dynamodb")
    dynamodb.create_table(**table)
    found = dynamodb.describe_table(TableName="shop")["Table"]
    assert [each["AttributeName"] for each in found["AttributeDefinitions"]] == ["b", "a"]
    assert [each["AttributeName"] for each in found["KeySchema"]] == ["a", "b"]


def test_the_first_change_of_a_new_bucket_is_refused_once(start: Start, refused: Refused) -> None:
    s3 = start("new-buckets").client("s3")
    s3.create_bucket(Bucket="shop", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    versioned = {"Bucket": "shop", "VersioningConfiguration": {"Status": "Enabled"}}
    assert refused(s3.put_bucket_versioning, **versioned)[0] == "OperationAborted"
    s3.put_bucket_versioning(**versioned)


def test_who_builds_on_a_new_vpc_is_told_that_there_is_none(start: Start, refused: Refused) -> None:
    hard = start("fresh-is-unknown")
    ec2 = hard.client("ec2")
    subnet = {"VpcId": ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"], "CidrBlock": "10.0.0.0/24"}
    assert refused(ec2.create_subnet, **subnet)[0] == "InvalidVpcID.NotFound"
    hard.wait()
    ec2.create_subnet(**subnet)


def test_somebody_elses_key_is_listed_and_not_described(start: Start, refused: Refused) -> None:
    kms = start("others-keys").client("kms")
    (key,) = kms.list_keys()["Keys"]
    assert refused(kms.describe_key, KeyId=key["KeyId"])[0] == "AccessDeniedException"


def test_a_new_version_of_a_function_is_pending(start: Start, refused: Refused) -> None:
    hard = start("new-versions")
    role = hard.client("iam").create_role(RoleName="shop", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    functions = hard.client("lambda")
    functions.create_function(
        FunctionName="shop", Role=role, Runtime="python3.12", Handler="shop.handler", Code={"ZipFile": package()}
    )
    version = {"FunctionName": "shop", "Qualifier": functions.publish_version(FunctionName="shop")["Version"]}
    assert functions.get_function_configuration(**version)["State"] == "Pending"
    assert refused(functions.invoke, **version)[0] == "ResourceConflictException"
    hard.wait()
    assert functions.get_function_configuration(**version)["State"] == "Active"
