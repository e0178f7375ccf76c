"""Lists whose order means nothing come back in another one."""

from __future__ import annotations

import typing as t

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.protocol import Call, Outcome, Refusal

# By the name of a list the resource that was recorded with another order than it was given in, in the corpus of
# go-to-k/cdk-real-drift (read from live accounts), as its types and properties are called there.
RECORDED = {
    "Tags": "EC2::Subnet Tags, SQS::Queue Tags",
    "TagList": "EC2::Subnet Tags",
    "TagSet": "EC2::Subnet Tags",
    "tags": "EC2::Subnet Tags",
    "AttributeDefinitions": "DynamoDB::Table AttributeDefinitions",
    "NonKeyAttributes": "DynamoDB::Table GlobalSecondaryIndexes.Projection.NonKeyAttributes",
    "GlobalSecondaryIndexes": "DynamoDB::GlobalTable GlobalSecondaryIndexes",
    "EnabledCloudwatchLogsExports": "RDS::DBInstance EnableCloudwatchLogsExports",
    "VpcSecurityGroups": "RDS::DBInstance VPCSecurityGroups",
    "Values": "ElasticLoadBalancingV2::ListenerRule Conditions.PathPatternConfig.Values",
    "Conditions": "ElasticLoadBalancingV2::ListenerRule Conditions",
    "capacityProviders": "ECS::Cluster CapacityProviders",
    "environment": "ECS::TaskDefinition ContainerDefinitions.Environment",
    "requiresCompatibilities": "ECS::TaskDefinition RequiresCompatibilities",
    "subnets": "ECS::TaskSet NetworkConfiguration.AwsVpcConfiguration.Subnets",
    "IpPermissions": "EC2::SecurityGroup SecurityGroupIngress",
    "IpPermissionsEgress": "EC2::SecurityGroup SecurityGroupEgress",
    "SubnetIds": "Lambda::Function VpcConfig.SubnetIds",
    "SecurityGroupIds": "Lambda::Function VpcConfig.SecurityGroupIds",
    "Subnets": "RDS::DBSubnetGroup SubnetIds, ElastiCache::SubnetGroup SubnetIds",
    "AvailabilityZones": "ElasticLoadBalancingV2::LoadBalancer Subnets",
    "ListOfTags": "Backup::BackupSelection BackupSelection.ListOfTags",
    "Attributes": "ElasticLoadBalancingV2::LoadBalancer LoadBalancerAttributes",
    "PolicyNames": "IAM::Role Policies",
}


class OtherOrder(Behaviour):
    """Lists that AWS was recorded to give in another order are turned round."""

    name: t.ClassVar = "other-order"
    source: t.ClassVar = "; ".join(dict.fromkeys(RECORDED.values()))

    def after(self, call: Call, outcome: Outcome) -> Outcome:
        """Turn round the lists of a read's answer."""
        if isinstance(outcome, Refusal) or not call.is_read:
            return outcome
        turned = _turned(outcome)
        return turned if turned != outcome else outcome


def _turned(value: t.Any, name: str = "") -> t.Any:
    if isinstance(value, dict):
        return {key: _turned(each, key) for key, each in value.items()}
    if isinstance(value, list):
        turned = [_turned(each) for each in value]
        return turned[::-1] if name in RECORDED else turned
    return value
