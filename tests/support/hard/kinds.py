"""Resources that take their time: the states that they pass through, and what is refused until they have.

The states are those of botocore's models, in the order of the user guides; the codes of refusals are those of the
models, their words from the recordings and from the messages that the Terraform provider for AWS looks for.
"""

from __future__ import annotations

import dataclasses
import typing as t

from tests.support.hard.protocol import Result


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of resource. ``reads`` names the member of each read's answer that holds one or several of them."""

    service: str
    # The member that names it, in answers and in requests.
    identity: str
    # Where its state is; dots lead into it.
    state: str
    reads: dict[str, str]
    # By write the state that it is in afterwards.
    making: dict[str, str]
    changing: dict[str, str] = dataclasses.field(default_factory=dict)
    removing: dict[str, str] = dataclasses.field(default_factory=dict)
    # The refusal of what must wait: its code, its words, and the operations. ``{}`` stands for the identity.
    busy: tuple[str, str] = ("", "")
    waiting: tuple[str, ...] = ()
    busy_status: int = 400
    seconds: float = 1.5


KINDS = (
    Kind(
        "ec2", "VpcId", "State", {"DescribeVpcs": "Vpcs"}, {"CreateVpc": "pending"},
    ),
    Kind(
        "ec2", "SubnetId", "State", {"DescribeSubnets": "Subnets"}, {"CreateSubnet": "pending"},
    ),
    # NAT gateway basics: pending, available, deleting, deleted
    Kind(
        "ec2", "NatGatewayId", "State", {"DescribeNatGateways": "NatGateways"}, {"CreateNatGateway": "pending"},
        removing={"DeleteNatGateway": "deleting"}, seconds=2.0,
    ),
    # RDS user guide, Viewing DB instance status
    Kind(
        "rds", "DBInstanceIdentifier", "DBInstanceStatus", {"DescribeDBInstances": "DBInstances"},
        {"CreateDBInstance": "creating", "RestoreDBInstanceFromDBSnapshot": "creating"},
        {"ModifyDBInstance": "modifying", "RebootDBInstance": "rebooting", "CreateDBSnapshot": "backing-up"},
        {"DeleteDBInstance": "deleting"},
        ("InvalidDBInstanceState", "Database instance is not in available state."),
        ("ModifyDBInstance", "DeleteDBInstance", "CreateDBSnapshot", "RebootDBInstance"),
    ),
    # ElastiCache API reference, ReplicationGroup: creating, available, modifying, deleting, create-failed, snapshotting
    Kind(
        "elasticache", "ReplicationGroupId", "Status", {"DescribeReplicationGroups": "ReplicationGroups"},
        {"CreateReplicationGroup": "creating"},
        {"ModifyReplicationGroup": "modifying", "IncreaseReplicaCount": "modifying",
         "DecreaseReplicaCount": "modifying"},
        {"DeleteReplicationGroup": "deleting"},
        ("InvalidReplicationGroupState", "Replication group {} has status which is not valid for this operation."),
        ("ModifyReplicationGroup", "DeleteReplicationGroup", "IncreaseReplicaCount", "DecreaseReplicaCount"),
    ),
    # EFS API reference, LifeCycleState
    Kind(
        "efs", "FileSystemId", "LifeCycleState", {"DescribeFileSystems": "FileSystems"},
        {"CreateFileSystem": "creating"}, {"UpdateFileSystem": "updating"}, {"DeleteFileSystem": "deleting"},
        ("IncorrectFileSystemLifeCycleState", "File system '{}' does not have the right lifecycle state."),
        ("CreateMountTarget", "CreateAccessPoint", "PutLifecycleConfiguration", "UpdateFileSystem"), 409,
    ),
    Kind(
        "efs", "MountTargetId", "LifeCycleState", {"DescribeMountTargets": "MountTargets"},
        {"CreateMountTarget": "creating"}, {}, {"DeleteMountTarget": "deleting"},
    ),
    Kind(
        "efs", "AccessPointId", "LifeCycleState", {"DescribeAccessPoints": "AccessPoints"},
        {"CreateAccessPoint": "creating"}, {}, {"DeleteAccessPoint": "deleting"},
    ),
    # Lambda developer guide, Lambda function states
    Kind(
        "lambda", "FunctionName", "State",
        {"GetFunction": "Configuration", "GetFunctionConfiguration": "", "ListFunctions": "Functions"},
        {"CreateFunction": "Pending"}, {}, {},
        ("ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the"
         " following state: Pending"),
        ("UpdateFunctionConfiguration", "UpdateFunctionCode", "PublishVersion", "Invoke"), 409,
    ),
    Kind(
        "lambda", "FunctionName", "LastUpdateStatus",
        {"GetFunction": "Configuration", "GetFunctionConfiguration": ""}, {},
        {"UpdateFunctionConfiguration": "InProgress", "UpdateFunctionCode": "InProgress"}, {},
        ("ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for"
         " resource: {}"),
        ("UpdateFunctionConfiguration", "UpdateFunctionCode", "PublishVersion"), 409,
    ),
    # DynamoDB API reference, TableStatus
    Kind(
        "dynamodb", "TableName", "TableStatus", {"DescribeTable": "Table"},
        {"CreateTable": "CREATING"}, {"UpdateTable": "UPDATING"}, {"DeleteTable": "DELETING"},
        ("ResourceInUseException", "Attempt to change a resource which is still in use: Table is being created: {}"),
        ("UpdateTable", "DeleteTable", "UpdateTimeToLive"),
    ),
    # Elastic Load Balancing API reference, LoadBalancerState
    Kind(
        "elbv2", "LoadBalancerArn", "State.Code", {"DescribeLoadBalancers": "LoadBalancers"},
        {"CreateLoadBalancer": "provisioning"},
    ),
    # ECS API reference, Cluster: PROVISIONING while capacity provider resources are being made
    Kind(
        "ecs", "clusterName", "status", {"DescribeClusters": "clusters"}, {"CreateCluster": "PROVISIONING"},
        {"PutClusterCapacityProviders": "ACTIVE"}, {},
        ("UpdateInProgressException", "The specified cluster is in a busy state. Please try again later."),
        ("PutClusterCapacityProviders",),
    ),
)  # fmt: skip


def items_in(kind: Kind, operation: str, result: Result) -> list[Result]:
    """The resources of a kind in the answer of a read."""
    member = kind.reads.get(operation)
    if member is None:
        return []
    held: t.Any = result.get(member) if member else result
    return [each for each in (held if isinstance(held, list) else [held]) if isinstance(each, dict)]


def with_items(kind: Kind, operation: str, result: Result, items: list[Result]) -> Result:
    """The answer of a read with other resources in it."""
    member = kind.reads[operation]
    if not member:
        return items[0]
    return {**result, member: items if isinstance(result.get(member, []), list) else items[0]}


def in_state(kind: Kind, item: Result, state: str) -> Result:
    """A resource in another state."""
    outer, _, inner = kind.state.partition(".")
    return {**item, outer: {**(item.get(outer) or {}), inner: state} if inner else state}


def short(name: str) -> str:
    """A name that may be given as an ARN, without what is before it."""
    if not name.startswith("arn:") or ":loadbalancer/" in name:
        return name
    if ":replicationgroup:" in name:
        return name.rsplit(":", maxsplit=1)[-1]
    return name.rsplit(":function:", maxsplit=1)[-1].rsplit("/", maxsplit=1)[-1]
