"""What AWS fills in and spells anew: facts of recorded answers, each with where it was recorded."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.protocol import Call, Outcome, Refusal, Result

CORPUS = "go-to-k/cdk-real-drift, tests/corpus: "


class Fact(t.NamedTuple):
    """What one read gives back otherwise than it was given: ``rewrite`` gets each thing in the named member."""

    service: str
    operation: str
    member: str
    rewrite: Callable[[Result], Result]
    source: str


def _with_container_defaults(definition: Result) -> Result:
    filled = [
        {"cpu": 0, "environment": [], "mountPoints": [], "volumesFrom": [], "systemControls": [], **container}
        for container in definition.get("containerDefinitions", [])
    ]
    ports = [
        {**container, "portMappings": [
            {"hostPort": port.get("containerPort"), "protocol": "tcp", **port}
            for port in container.get("portMappings", [])
        ]}
        for container in filled
    ]  # fmt: skip
    return {**definition, "containerDefinitions": ports}


def _with_service_defaults(service: Result) -> Result:
    return {
        "platformVersion": "LATEST",
        "platformFamily": "Linux",
        "schedulingStrategy": "REPLICA",
        "availabilityZoneRebalancing": "ENABLED",
        "healthCheckGracePeriodSeconds": 0,
        "enableECSManagedTags": False,
        "enableExecuteCommand": False,
        "placementConstraints": [],
        "placementStrategy": [],
        "deploymentController": {"type": "ECS"},
        **service,
    }


def _with_file_system_defaults(system: Result) -> Result:
    return {
        "PerformanceMode": "generalPurpose",
        "ThroughputMode": "bursting",
        "FileSystemProtection": {"ReplicationOverwriteProtection": "ENABLED"},
        **system,
    }


def _with_cache_defaults(group: Result) -> Result:
    return {
        "ClusterMode": "disabled",
        "NetworkType": "ipv4",
        "IpDiscovery": "ipv4",
        "DataTiering": "disabled",
        "AutoMinorVersionUpgrade": True,
        "LogDeliveryConfigurations": [],
        "UserGroupIds": [],
        **group,
    }


def _with_function_defaults(function: Result) -> Result:
    return {
        "EphemeralStorage": {"Size": 512},
        "TracingConfig": {"Mode": "PassThrough"},
        "Architectures": ["x86_64"],
        "PackageType": "Zip",
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.get('FunctionName', '')}"},
        **function,
    }


def _with_table_defaults(table: Result) -> Result:
    indexes = [
        {"IndexStatus": "ACTIVE", "IndexSizeBytes": 0, "ItemCount": 0, **index}
        for index in table.get("GlobalSecondaryIndexes", [])
    ]
    more = {"GlobalSecondaryIndexes": indexes} if indexes else {}
    return {**table, "WarmThroughput": {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000}, **more}


def _policy_in_other_words(held: Result) -> Result:
    """The members of statements in another order, and lists of one thing as the thing."""
    text = held.get("Policy")
    if not isinstance(text, str) or not text.startswith("{"):
        return held
    policy = json.loads(text)
    statements = policy.get("Statement", [])
    anew = [
        {key: _single(statement[key]) for key in sorted(statement, reverse=True)}
        for statement in (statements if isinstance(statements, list) else [statements])
    ]
    return {**held, "Policy": json.dumps({**policy, "Statement": anew})}


def _single(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _single(each) for key, each in value.items()}
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return value[0]
    return value


def _with_rates_as_floats(plan: Result) -> Result:
    throttle = plan.get("throttle") or {}
    return {**plan, "throttle": {**throttle, "rateLimit": float(throttle["rateLimit"])}} if throttle else plan


FACTS = (
    Fact("ecs", "DescribeTaskDefinition", "taskDefinition", _with_container_defaults,
         f"{CORPUS}ECS::TaskDefinition, members that nobody declared"),
    Fact("ecs", "DescribeServices", "services", _with_service_defaults,
         f"{CORPUS}ECS::Service, members that nobody declared"),
    Fact("efs", "DescribeFileSystems", "FileSystems", _with_file_system_defaults,
         f"{CORPUS}EFS::FileSystem, members that nobody declared"),
    Fact("elasticache", "DescribeReplicationGroups", "ReplicationGroups", _with_cache_defaults,
         f"{CORPUS}ElastiCache::ReplicationGroup, members that nobody declared"),
    Fact("lambda", "GetFunctionConfiguration", "", _with_function_defaults,
         f"{CORPUS}Lambda::Function, members that nobody declared"),
    Fact("lambda", "GetFunction", "Configuration", _with_function_defaults,
         f"{CORPUS}Lambda::Function, members that nobody declared"),
    Fact("dynamodb", "DescribeTable", "Table", _with_table_defaults,
         f"{CORPUS}DynamoDB::Table, members that nobody declared"),
    Fact("kms", "GetKeyPolicy", "", _policy_in_other_words, f"{CORPUS}KMS::Key KeyPolicy.Statement"),
    Fact("s3", "GetBucketPolicy", "", _policy_in_other_words, f"{CORPUS}S3::BucketPolicy PolicyDocument.Statement"),
    Fact("secretsmanager", "GetResourcePolicy", "", _policy_in_other_words,
         f"{CORPUS}SNS::TopicPolicy PolicyDocument.Statement"),
    Fact("apigateway", "GetUsagePlan", "", _with_rates_as_floats,
         "API Gateway API reference, ThrottleSettings: double"),
)  # fmt: skip


class OwnSpelling(Behaviour):
    """Reads give back what AWS fills in, and what it spells otherwise."""

    name: t.ClassVar = "own-spelling"
    source: t.ClassVar = "; ".join(dict.fromkeys(fact.source for fact in FACTS))

    def after(self, call: Call, outcome: Outcome) -> Outcome:
        """Rewrite the answer of a read that facts are known of."""
        if isinstance(outcome, Refusal):
            return outcome
        for fact in FACTS:
            if (fact.service, fact.operation) == (call.service, call.operation):
                outcome = _rewritten(fact, outcome)
        return outcome


def _rewritten(fact: Fact, result: Result) -> Result:
    held: t.Any = result.get(fact.member) if fact.member else result
    anew = [fact.rewrite(each) for each in held] if isinstance(held, list) else fact.rewrite(held or {})
    if anew == held or not held:
        return result
    return {**result, fact.member: anew} if fact.member else t.cast("Result", anew)
