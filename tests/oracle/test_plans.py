"""Rules 7 and 12, for every role: a plan writes nothing and is right, on an empty account, a full and a changed one."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import system
from tests.support.api_proxy import ApiProxy, proxied

ROLES = ["store", *system.SYSTEM["system_roles"]]
TAG = {"Key": "system", "Value": "somebody-else"}
Client = Callable[[str], t.Any]


class Account(t.NamedTuple):
    """A fresh account behind proxies that count."""

    folder: Path
    environment: dict[str, str]
    proxies: list[ApiProxy]

    def client(self, service: str) -> t.Any:
        """A client."""
        if service == "application-autoscaling":
            return system.client({**self.environment, "AWS_ENDPOINT_URL": self.environment[system.ELSEWHERE]}, service)
        return system.client(self.environment, service)

    def converge(self, *arguments: str) -> dict[str, t.Any]:
        """Run all roles; the journal."""
        journal = self.folder / "journal.json"
        task = {"roles": ROLES, "journal": str(journal), "applied": str(self.folder / "applied.json")}
        content = {"tasks": [{"name": "Converge", "slipway.graph.converge": task}]}
        system.play(self.folder, self.environment, content, *arguments)
        document: dict[str, t.Any] = json.loads(journal.read_text())
        return document

    def plan(self) -> dict[str, t.Any]:
        """Plan, without a write."""
        for proxy in self.proxies:
            proxy.forget()
        planned = self.converge("--check")
        assert [write for proxy in self.proxies for write in proxy.writes] == []
        return planned


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account with nothing but the ledger's bucket and a release."""
    with system.emulated() as urls, proxied(urls) as (environment, proxies):
        yield Account(tmp_path_factory.mktemp("plans"), environment, proxies)


def calls(journal: dict[str, t.Any], *statuses: str) -> list[str]:
    """Who has such a status, without those that only read."""
    return sorted(
        f"{call['role']}: {call['task']}" + (f" ({call['item']})" if call["item"] is not None else "")
        for call in journal["calls"]
        if call["status"] in statuses and not call["reads"]
    )


def test_rule_07_on_an_empty_account_the_plan_names_what_the_apply_makes(aws: Account) -> None:
    _bucket_with_release(aws)
    planned = aws.plan()
    assert planned["summary"]["failed"] == 0
    applied = aws.converge()
    made = set(calls(applied, "changed"))
    assert set(calls(planned, "planned")) <= made
    # Of a loop over what does not exist yet the plan knows the task only; and there may be nothing to do for it.
    assert {_task(call) for call in made} <= {_task(call) for call in calls(planned, "planned", "unknown")}


def test_rule_07_on_a_full_account_the_plan_is_empty(aws: Account) -> None:
    planned = aws.plan()
    assert calls(planned, "planned", "unknown", "failed") == []
    assert planned["summary"]["ok"] > 50


def test_rule_12_whatever_is_changed_behind_our_back_is_found_and_put_right(aws: Account) -> None:
    aws.converge()  # the database is given its password only when it is made, so its inputs are settled from now on
    for change in CHANGES.values():
        change(aws.client)
    planned = aws.plan()
    assert calls(planned, "planned") == sorted(CHANGES)
    assert [call["task"] for call in planned["calls"] if call["status"] == "planned" and not call["drift"]] == []
    repaired = aws.converge()
    assert calls(repaired, "changed") == sorted(CHANGES)
    assert calls(aws.plan(), "planned", "unknown", "failed") == []


def _task(call: str) -> str:
    return call.partition(" (")[0]


def _bucket_with_release(aws: Account) -> None:
    aws.client("s3").create_bucket(
        Bucket=system.BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.environment["AWS_REGION"]}
    )
    system.record_release(aws.environment)


def _ec2_id(client: Client, operation: str, key: str, id_key: str, name: str) -> str:
    found = getattr(client("ec2"), operation)(Filters=[{"Name": "tag:Name", "Values": [f"{system.HOST}{name}"]}])[key]
    return str(found[0][id_key])


def _tagged(operation: str, key: str, id_key: str, name: str) -> Callable[[Client], None]:
    def change(client: Client) -> None:
        client("ec2").create_tags(Resources=[_ec2_id(client, operation, key, id_key, name)], Tags=[TAG])

    return change


def _delete_route(client: Client) -> None:
    table = _ec2_id(client, "describe_route_tables", "RouteTables", "RouteTableId", "-private-eu-central-1a")
    client("ec2").delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")


def _open_database(client: Client) -> None:
    group = _ec2_id(client, "describe_security_groups", "SecurityGroups", "GroupId", "-database")
    rule = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])


def _stop_rotation(client: Client) -> None:
    client("kms").disable_key_rotation(
        KeyId=client("kms").describe_key(KeyId=f"alias/{system.HOST}-data")["KeyMetadata"]["KeyId"]
    )


def _load_balancer(client: Client) -> str:
    return str(
        client("elbv2").describe_load_balancers(Names=[f"{system.HOST}-alb"])["LoadBalancers"][0]["LoadBalancerArn"]
    )


def _target_group(client: Client) -> str:
    groups = client("elbv2").describe_target_groups(Names=[f"{system.HOST}-api"])["TargetGroups"]
    return str(groups[0]["TargetGroupArn"])


SERVICE = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount",
           "ResourceId": f"service/{system.HOST}-cluster/{system.HOST}-api"}  # fmt: skip

# One attribute of one resource for each task that makes any, and who has to find it.
CHANGES: dict[str, Callable[[Client], t.Any]] = {
    "store: Make the bucket of the ledger": lambda client: client("s3").delete_public_access_block(
        Bucket=system.BUCKET
    ),
    "kms: Make the keys (data)": _stop_rotation,
    "vpc: Make the VPC": _tagged("describe_vpcs", "Vpcs", "VpcId", ""),
    "vpc: Make the Internet gateway": _tagged(
        "describe_internet_gateways", "InternetGateways", "InternetGatewayId", ""
    ),
    "vpc: Route each private subnet to its NAT gateway (eu-central-1a)": _delete_route,
    "security_groups: Give the groups their rules (database)": _open_database,
    "secrets: Make the secrets (database)": lambda client: client("secretsmanager").untag_resource(
        SecretId=f"{system.HOST}-database", TagKeys=["system"]
    ),
    "log_groups: Make the log groups (api)": lambda client: client("logs").put_retention_policy(
        logGroupName=f"/slipway/{system.HOST}/api", retentionInDays=1
    ),
    "ecr: Make the repositories (api)": lambda client: client("ecr").put_image_tag_mutability(
        repositoryName=f"{system.HOST}-api", imageTagMutability="MUTABLE"
    ),
    "rds: Make the instance": lambda client: client("rds").modify_db_instance(
        DBInstanceIdentifier=f"{system.HOST}-database", BackupRetentionPeriod=2, ApplyImmediately=True
    ),
    "elasticache: Make the replication group": lambda client: client("elasticache").modify_replication_group(
        ReplicationGroupId=f"{system.HOST}-cache", SnapshotRetentionLimit=9, ApplyImmediately=True
    ),
    "backup: Make the vault": lambda client: client("backup").untag_resource(
        ResourceArn=client("backup").list_backup_vaults()["BackupVaultList"][0]["BackupVaultArn"], TagKeyList=["system"]
    ),
    "alb: Make the target groups (api)": lambda client: client("elbv2").modify_target_group(
        TargetGroupArn=_target_group(client), HealthCheckPath="/elsewhere"
    ),
    "alb: Make the load balancer": lambda client: client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=_load_balancer(client), Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "7"}]
    ),
    "ecs_cluster: Make the cluster": lambda client: client("ecs").put_cluster_capacity_providers(
        cluster=f"{system.HOST}-cluster", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
    ),
    "ecs_services: Make the services (api)": lambda client: client("ecs").update_service(
        cluster=f"{system.HOST}-cluster", service=f"{system.HOST}-api",
        deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 100},
    ),
    "ecs_services: Set up their auto scaling (api)": lambda client: client(
        "application-autoscaling"
    ).register_scalable_target(**SERVICE, MinCapacity=1, MaxCapacity=99),
}  # fmt: skip
