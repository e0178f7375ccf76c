# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Refusals of a deletion because something still uses the resource: true now, and mostly no longer in a while.

The codes are those that AWS's own models (as botocore has them) give to the operations; a test compares. EC2's are in
its list of error codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

import dataclasses
import re

# Most of what is being deleted is gone by then: databases, caches, interfaces of load balancers and tasks.
MINUTES = 15
# What Terraform's provider waits for subnets and gateways; a load balancer's interfaces go after about five.
NETWORK_MINUTES = 20
# Lambda removes its interfaces in its own time, which its team gave as up to 45 minutes:
# https://github.com/hashicorp/terraform-provider-aws/pull/10347
LAMBDA_MINUTES = 45
# IAM takes a moment to forget what was detached; a conflict that stays is one of somebody else.
IAM_MINUTES = 2


@dataclasses.dataclass(frozen=True)
class Refusal:
    """An error code of some ``operations``, with ``words`` only where its message has them."""

    service: str
    code: str
    operations: tuple[str, ...]
    words: str = ""
    minutes: int = MINUTES


_NETWORK = ("DeleteSecurityGroup", "DeleteSubnet", "DeleteVpc", "DetachInternetGateway", "DeleteRouteTable")
REFUSALS = (
    Refusal("ec2", "DependencyViolation", _NETWORK, minutes=NETWORK_MINUTES),
    Refusal("ec2", "InvalidGroup.InUse", ("DeleteSecurityGroup",), minutes=NETWORK_MINUTES),
    Refusal("ec2", "InvalidNetworkInterface.InUse", ("DeleteNetworkInterface",), minutes=NETWORK_MINUTES),
    Refusal("ec2", "InvalidParameterValue", ("DeleteNetworkInterface",), r"\bin use\b", minutes=NETWORK_MINUTES),
    Refusal("ec2", "InvalidIPAddress.InUse", ("ReleaseAddress",), minutes=NETWORK_MINUTES),
    Refusal("ec2", "InvalidAddress.Locked", ("ReleaseAddress",), minutes=NETWORK_MINUTES),
    # Of an address that a NAT gateway is still giving back: it is Amazon's until then.
    Refusal("ec2", "AuthFailure", ("ReleaseAddress", "DisassociateAddress"), "specified resource|belong to you"),
    Refusal("ec2", "VolumeInUse", ("DeleteVolume",)),
    Refusal("acm", "ResourceInUseException", ("DeleteCertificate",)),
    Refusal("autoscaling", "ResourceInUse", ("DeleteAutoScalingGroup", "DeleteLaunchConfiguration")),
    Refusal("autoscaling", "ScalingActivityInProgress", ("DeleteAutoScalingGroup",)),
    Refusal("cloudfront", "CachePolicyInUse", ("DeleteCachePolicy",)),
    Refusal("cloudfront", "FunctionInUse", ("DeleteFunction",)),
    Refusal("cloudfront", "OriginAccessControlInUse", ("DeleteOriginAccessControl",)),
    Refusal("cloudfront", "ResourceInUse", ("DeleteDistribution",)),
    Refusal("dynamodb", "ResourceInUseException", ("DeleteTable",)),
    Refusal("ecs", "ClusterContainsCapacityProviderException", ("DeleteCluster",)),
    Refusal("ecs", "ClusterContainsContainerInstancesException", ("DeleteCluster",)),
    Refusal("ecs", "ClusterContainsServicesException", ("DeleteCluster",)),
    Refusal("ecs", "ClusterContainsTasksException", ("DeleteCluster",)),
    Refusal("ecs", "UpdateInProgressException", ("DeleteCluster", "DeleteCapacityProvider")),
    Refusal("efs", "FileSystemInUse", ("DeleteFileSystem",)),
    Refusal("efs", "DependencyTimeout", ("DeleteMountTarget",)),
    Refusal("eks", "ResourceInUseException", ("DeleteCluster", "DeleteNodegroup")),
    Refusal("elasticache", "CacheSubnetGroupInUse", ("DeleteCacheSubnetGroup",)),
    # AWS's model does not say so; Terraform's provider meets it (internal/service/elasticache/subnet_group.go).
    Refusal("elasticache", "DependencyViolation", ("DeleteCacheSubnetGroup",)),
    Refusal("elasticache", "InvalidCacheClusterState", ("DeleteCacheCluster",)),
    Refusal("elasticache", "InvalidCacheParameterGroupState", ("DeleteCacheParameterGroup",)),
    Refusal("elasticache", "InvalidReplicationGroupState", ("DeleteReplicationGroup",)),
    Refusal("elasticache", "InvalidUserGroupState", ("DeleteUserGroup",)),
    Refusal("elbv2", "ResourceInUse", ("DeleteTargetGroup", "DeleteLoadBalancer")),
    Refusal("elbv2", "TrustStoreInUse", ("DeleteTrustStore",)),
    Refusal("iam", "DeleteConflict", ("DeleteRole", "DeletePolicy"), minutes=IAM_MINUTES),
    # Upstream reads each of a role's policies, and IAM may still list one that was deleted before.
    Refusal("iam", "NoSuchEntity", ("GetRolePolicy",), "role policy with name", minutes=IAM_MINUTES),
    Refusal("lambda", "ResourceConflictException", ("DeleteFunction", "DeleteEventSourceMapping")),
    Refusal("lambda", "ResourceInUseException", ("DeleteEventSourceMapping",)),
    Refusal("logs", "OperationAbortedException", ("DeleteLogGroup",)),
    Refusal("memorydb", "SubnetGroupInUseFault", ("DeleteSubnetGroup",)),
    Refusal("rds", "InvalidDBClusterStateFault", ("DeleteDBCluster", "DeleteDBInstance")),
    Refusal("rds", "InvalidDBInstanceState", ("DeleteDBInstance",)),
    Refusal("rds", "InvalidDBParameterGroupState", ("DeleteDBParameterGroup", "DeleteDBClusterParameterGroup")),
    Refusal("rds", "InvalidDBSubnetGroupStateFault", ("DeleteDBSubnetGroup",)),
    Refusal("rds", "InvalidOptionGroupStateFault", ("DeleteOptionGroup",)),
    Refusal("redshift", "InvalidClusterSubnetGroupStateFault", ("DeleteClusterSubnetGroup",)),
    Refusal("servicediscovery", "ResourceInUse", ("DeleteNamespace", "DeleteService")),
    Refusal("wafv2", "WAFAssociatedItemException", ("DeleteWebACL", "DeleteIPSet")),
)


def find(service: str, code: str, message: str) -> Refusal | None:
    """The refusal that an error is; ``None`` for any other error.

    :arg service: as botocore calls it.
    """
    found = (each for each in REFUSALS if (each.service, each.code) == (service, code))
    return next((each for each in found if re.search(each.words, message, re.IGNORECASE)), None)
