"""Through the hard proxy resources take their time, and cannot be changed until they have."""

from __future__ import annotations

import typing as t

import pytest

from tests.unit.support.conftest import Hard, Refused, Start

DATABASE: dict[str, t.Any] = {
    "DBInstanceIdentifier": "shop", "DBInstanceClass": "db.t3.small", "Engine": "mysql", "AllocatedStorage": 20,
    "MasterUsername": "shop", "MasterUserPassword": "not-a-secret", "BackupRetentionPeriod": 1,
}  # fmt: skip


@pytest.fixture
def rds(start: Start) -> tuple[Hard, t.Any]:
    """A proxy and a database that is being made."""
    hard = start("states,busy")
    rds = hard.client("rds")
    rds.create_db_instance(**DATABASE)
    return hard, rds


def status(rds: t.Any) -> tuple[str, int]:
    """What is said of the database: its state, and how long backups are kept."""
    (found,) = rds.describe_db_instances(DBInstanceIdentifier="shop")["DBInstances"]
    return found["DBInstanceStatus"], found["BackupRetentionPeriod"]


def test_a_database_is_made_before_it_can_be_changed(rds: tuple[Hard, t.Any], refused: Refused) -> None:
    hard, client = rds
    assert status(client) == ("creating", 1)
    assert refused(client.modify_db_instance, DBInstanceIdentifier="shop", BackupRetentionPeriod=2) == (
        "InvalidDBInstanceState",
        "Database instance is not in available state.",
    )
    hard.wait()
    assert status(client) == ("available", 1)


def test_a_database_that_was_changed_says_first_that_it_is_as_before(rds: tuple[Hard, t.Any]) -> None:
    hard, client = rds
    hard.wait()
    assert status(client) == ("available", 1)
    client.modify_db_instance(DBInstanceIdentifier="shop", BackupRetentionPeriod=2)
    assert status(client) == ("available", 1)
    hard.wait(1)
    assert status(client) == ("modifying", 1)
    hard.wait(1)
    assert status(client) == ("available", 2)


def test_a_database_that_is_deleted_stays_for_a_while(rds: tuple[Hard, t.Any], refused: Refused) -> None:
    hard, client = rds
    hard.wait()
    status(client)
    client.delete_db_instance(DBInstanceIdentifier="shop", SkipFinalSnapshot=True)
    assert status(client) == ("deleting", 1)
    assert [each["DBInstanceStatus"] for each in client.describe_db_instances()["DBInstances"]] == ["deleting"]
    hard.wait()
    assert refused(client.describe_db_instances, DBInstanceIdentifier="shop")[0] == "DBInstanceNotFound"


def test_a_database_that_is_to_be_changed_is_just_being_backed_up(start: Start, refused: Refused) -> None:
    hard = start("states,busy,nightly-backups")
    rds = hard.client("rds")
    rds.create_db_instance(**DATABASE)
    hard.wait(10)
    assert status(rds) == ("available", 1)
    change = {"DBInstanceIdentifier": "shop", "BackupRetentionPeriod": 2}
    assert refused(rds.modify_db_instance, **change)[0] == "InvalidDBInstanceState"
    assert status(rds) == ("backing-up", 1)
    assert refused(rds.modify_db_instance, **change)[0] == "InvalidDBInstanceState"
    hard.wait()
    rds.modify_db_instance(**change)


def test_a_network_and_its_gateway_are_pending_first(start: Start) -> None:
    hard = start("states")
    ec2 = hard.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["State"] == "pending"
    hard.wait()
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["State"] == "available"
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    assert ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]["State"] == "pending"
    hard.wait()
    assert ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]["State"] == "available"
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    assert ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]["State"] == "deleting"


def test_the_tags_of_a_cache_are_not_told_while_it_is_made(start: Start, refused: Refused) -> None:
    hard = start("states,busy-tags")
    cache = hard.client("elasticache")
    made = cache.create_replication_group(ReplicationGroupId="shop", ReplicationGroupDescription="Shop")
    arn = made["ReplicationGroup"]["ARN"]
    assert refused(cache.list_tags_for_resource, ResourceName=arn)[0] == "InvalidReplicationGroupState"
    hard.wait()
    assert cache.list_tags_for_resource(ResourceName=arn)["TagList"] == []
