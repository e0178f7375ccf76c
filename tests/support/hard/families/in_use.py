"""What is deleted is still used for a while by what used it, and AWS refuses to delete it."""

from __future__ import annotations

import dataclasses
import typing as t

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.protocol import Call, Outcome, Refusal
from tests.support.hard.texts import texts
from tests.support.hard.world import World

LINGER_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class User:
    """What uses others from when it is made until a while after its deletion, known by one parameter."""

    service: str
    create: str
    delete: str
    identity: str


USERS = (
    # VPC user guide, Requester-managed network interfaces: the interfaces of load balancers and functions stay.
    User("elbv2", "CreateLoadBalancer", "DeleteLoadBalancer", "LoadBalancerArn"),
    User("elbv2", "CreateListener", "DeleteListener", "ListenerArn"),
    User("lambda", "CreateFunction", "DeleteFunction", "FunctionName"),
    User("efs", "CreateMountTarget", "DeleteMountTarget", "MountTargetId"),
    User("rds", "CreateDBInstance", "DeleteDBInstance", "DBInstanceIdentifier"),
    User("elasticache", "CreateReplicationGroup", "DeleteReplicationGroup", "ReplicationGroupId"),
    # NAT gateway basics: deleting one takes until its interface and its address are free.
    User("ec2", "CreateNatGateway", "DeleteNatGateway", "NatGatewayId"),
    # ECS API reference, DeleteService: its tasks drain.
    User("ecs", "CreateService", "DeleteService", "service"),
)


@dataclasses.dataclass(frozen=True)
class Used:
    """A deletion that is refused as long as somebody uses the resource; ``{}`` stands for its name."""

    service: str
    operation: str
    parameter: str
    refusal: Refusal
    source: str
    by: tuple[str, ...]


EC2 = "Error codes for the Amazon EC2 API"
MODEL = "botocore's model of the operation"
USED = (
    Used("ec2", "DeleteSecurityGroup", "GroupId",
         Refusal("DependencyViolation", "resource {} has a dependent object"), EC2,
         ("elbv2", "lambda", "efs", "rds", "elasticache")),
    Used("ec2", "DeleteSubnet", "SubnetId",
         Refusal("DependencyViolation", "The subnet '{}' has dependencies and cannot be deleted."), EC2,
         ("elbv2", "lambda", "efs", "rds", "elasticache", "ec2")),
    Used("ec2", "ReleaseAddress", "AllocationId",
         Refusal("InvalidIPAddress.InUse", "The address with allocation id {} is in use."), EC2, ("ec2",)),
    Used("rds", "DeleteDBSubnetGroup", "DBSubnetGroupName",
         Refusal("InvalidDBSubnetGroupStateFault", "Cannot delete the subnet group '{}' because at least one database"
                 " instance is still using it."), MODEL, ("rds",)),
    Used("rds", "DeleteDBParameterGroup", "DBParameterGroupName",
         Refusal("InvalidDBParameterGroupState", "One or more database instances are still members of this parameter"
                 " group {}, so the group cannot be deleted"), MODEL, ("rds",)),
    Used("elasticache", "DeleteCacheSubnetGroup", "CacheSubnetGroupName",
         Refusal("CacheSubnetGroupInUse", "Cache subnet group {} is currently in use by a cache cluster."), MODEL,
         ("elasticache",)),
    Used("elasticache", "DeleteCacheParameterGroup", "CacheParameterGroupName",
         Refusal("InvalidCacheParameterGroupState", "One or more cache clusters are still members of this parameter"
                 " group {}, so the group cannot be deleted."), MODEL, ("elasticache",)),
    Used("elbv2", "DeleteTargetGroup", "TargetGroupArn",
         Refusal("ResourceInUse", "Target group '{}' is currently in use by a listener or a rule"), MODEL, ("elbv2",)),
    Used("efs", "DeleteFileSystem", "FileSystemId",
         Refusal("FileSystemInUse", "{} has mount targets that are being deleted", 409), MODEL, ("efs",)),
    Used("ecs", "DeleteCluster", "cluster",
         Refusal("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active."), MODEL,
         ("ecs",)),
)  # fmt: skip


class StillInUse(Behaviour):
    """What a resource uses cannot be deleted until some time after the resource."""

    name: t.ClassVar = "still-in-use"
    source: t.ClassVar = f"{EC2}; {MODEL}; VPC user guide, Requester-managed network interfaces"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        # By service and name what a resource uses, and until when.
        self.uses: dict[tuple[str, str], set[str]] = {}
        self.until: dict[tuple[str, str], float] = {}

    def before(self, call: Call) -> Outcome | None:
        """Refuse what would take something away from somebody."""
        for each in USED:
            if (each.service, each.operation) == (call.service, call.operation):
                name = str(call.parameters.get(each.parameter, ""))
                if name and self._is_used(name, each.by):
                    message = each.refusal.message.format(name)
                    return dataclasses.replace(each.refusal, message=message)
        return None

    def after(self, call: Call, outcome: Outcome) -> Outcome:
        """Remember what uses what."""
        for user in USERS:
            if user.service != call.service or isinstance(outcome, Refusal):
                continue
            if call.operation == user.create:
                used = {*texts(call.parameters), *texts(outcome)}
                for name in used:
                    self.uses.setdefault((user.service, name), set()).update(used)
            elif call.operation == user.delete:
                name = str(call.parameters.get(user.identity, ""))
                self.until[user.service, name] = self.world.clock() + LINGER_SECONDS
        return outcome

    def _is_used(self, name: str, by: tuple[str, ...]) -> bool:
        now = self.world.clock()
        lingering = [key for key, until in self.until.items() if now < until and key[0] in by]
        return any(name in self.uses.get(key, ()) for key in lingering)

    def forget(self) -> None:
        """Know no users."""
        self.uses.clear()
        self.until.clear()
