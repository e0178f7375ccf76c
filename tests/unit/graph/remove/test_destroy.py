"""Destroy (rule 10): what counts as deletable."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.remove.per_module import Arguments, arguments_to_delete
from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Project

AWS = tuple[Project, ApiProxy]
TIME = "20260102-030405"


CLUSTER = """
- name: Cluster
  slipway.aws.ecs_cluster: {name: demo-cluster}
"""


def test_rule_10_modules_whose_state_option_comes_from_a_documentation_fragment_are_deleted(aws: AWS) -> None:
    project, _ = aws
    project.role("compute", CLUSTER)
    project.inventory()
    assert project.converge("compute").calls("changed") == ["Cluster"]
    destroyed = project.converge("compute", state="absent", confirm="demo-test")
    assert destroyed.returncode == 0, destroyed.output
    assert destroyed.calls("changed") == ["Cluster"]
    plan = project.converge("compute", arguments=("--check",))
    assert plan.calls("planned") == ["Cluster"]


SERVICE = """
- name: Cluster
  slipway.aws.ecs_cluster: {name: demo-cluster}
  register: compute_cluster
- name: Revision
  slipway.aws.ecs_task_definition:
    family: demo
    cpu: "{{ compute_cpu }}"
    container_definitions: [{name: web, image: "demo:1", memory: 128}]
  register: compute_revision
- name: Service
  slipway.aws.ecs_service:
    name: demo
    cluster: "{{ compute_cluster.cluster.cluster_name }}"
    task_definition: "{{ compute_revision.task_definition.task_definition_arn }}"
    desired_count: 0
    wait: false
"""


def test_rule_10_what_is_known_by_name_is_deleted_although_its_inputs_have_changed(aws: AWS) -> None:
    project, _ = aws
    project.role("compute", SERVICE)
    project.inventory(compute_cpu="256")
    applied = project.converge("compute")
    assert applied.calls("changed") == ["Cluster", "Revision", "Service"], applied.output
    project.inventory(compute_cpu="512")
    destroyed = project.converge("compute", state="absent", confirm="demo-test")
    assert destroyed.returncode == 0, destroyed.output
    assert destroyed.calls("changed") == ["Cluster", "Revision", "Service"]


KEY = """
- name: Key
  slipway.aws.kms_key: {alias: demo, description: demo, pending_window: 7}
"""


def test_what_is_gone_is_not_listed_and_a_destroy_of_it_ends_well(aws: AWS) -> None:
    project, _ = aws
    project.role("compute", SERVICE + KEY)
    project.inventory(compute_cpu="256")
    applied = project.converge("compute")
    assert applied.returncode == 0, applied.output
    destroyed = project.converge("compute", state="absent", confirm="demo-test")
    assert destroyed.calls("changed") == ["Cluster", "Revision", "Service", "Key"], destroyed.output
    # The key waits for its end, and without the cluster nobody knows in which the service would be.
    again = project.converge("compute", state="absent", confirm="demo-test")
    assert again.returncode == 0, again.output
    assert "Deleting 0 resources of demo-test" in again.output
    assert again.journal["calls"] == []


PROTECTED = """
- name: VPC
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: 10.0.0.0/16}
  register: data_vpc
- name: Subnets
  amazon.aws.ec2_vpc_subnet:
    {vpc_id: "{{ data_vpc.vpc.id }}", cidr: "10.0.{{ index }}.0/24", az: "eu-central-1{{ item }}"}
  loop: [a, b]
  loop_control: {index_var: index}
  register: data_subnets
- name: Database subnets
  amazon.aws.rds_subnet_group:
    {name: demo, description: demo, state: present,
     subnets: "{{ data_subnets.results | map(attribute='subnet.id') | list }}"}
  register: data_database_subnets
- name: Database
  amazon.aws.rds_instance:
    {db_instance_identifier: demo, engine: mysql, db_instance_class: db.t3.micro, allocated_storage: 20, state: present,
     master_username: admin, master_user_password: "not-so-secret-1", deletion_protection: true,
     db_subnet_group_name: "{{ data_database_subnets.subnet_group.name }}",
     skip_final_snapshot: true}
  vars: {protect: "{{ data_protect }}"}
- name: Group
  amazon.aws.ec2_security_group: {name: demo, description: demo, vpc_id: "{{ data_vpc.vpc.id }}"}
  register: data_group
- name: Load balancer
  amazon.aws.elb_application_lb:
    name: demo
    subnets: "{{ data_subnets.results | map(attribute='subnet.id') | list }}"
    security_groups: ["{{ data_group.group_id }}"]
    deletion_protection: true
    state: present
"""


def test_rule_10_protection_is_switched_off_and_a_last_snapshot_is_taken_each_time(aws: AWS) -> None:
    project, proxy = aws
    project.role("data", PROTECTED)
    project.inventory(data_protect=True)
    rds = client(proxy, "rds")
    for times in (1, 2):
        applied = project.converge("data")
        assert applied.returncode == 0, applied.output
        destroyed = project.converge("data", state="absent", confirm="demo-test", confirm_protected=["data"])
        assert destroyed.returncode == 0, destroyed.output
        assert "Database: switch off deletion protection" in destroyed.calls("changed")
        assert "Load balancer: switch off deletion protection" in destroyed.calls("changed")
        assert rds.describe_db_instances()["DBInstances"] == []
        assert client(proxy, "elbv2").describe_load_balancers()["LoadBalancers"] == []
        names = [each["DBSnapshotIdentifier"] for each in rds.describe_db_snapshots()["DBSnapshots"]]
        assert len(names) == times
        assert all(name.startswith("demo-final-") for name in names)


def test_rule_10_what_cannot_be_backed_up_keeps_its_protection_and_is_not_deleted(aws: AWS) -> None:
    project, proxy = aws
    project.role("data", PROTECTED.partition("- name: Group")[0])
    project.inventory(data_protect=True)
    project.converge("data")
    proxy.denied = {"query:CreateDBSnapshot"}
    refused = project.converge("data", state="absent", confirm="demo-test", confirm_protected=["data"])
    assert refused.calls("failed") == ["Database: take a final backup and verify it"], refused.output
    rds = client(proxy, "rds")
    (database,) = rds.describe_db_instances()["DBInstances"]
    assert database["DeletionProtection"] is True
    proxy.denied = set()
    proxy.forget()
    destroyed = project.converge("data", state="absent", confirm="demo-test", confirm_protected=["data"])
    assert destroyed.returncode == 0, destroyed.output
    written = [write for write in proxy.writes if "DBSnapshot" in write or "DBInstance" in write]
    assert written == ["query:CreateDBSnapshot", "query:ModifyDBInstance", "query:DeleteDBInstance"]


def test_rule_10_a_protected_key_stays_for_the_last_backups_and_that_is_said(aws: AWS) -> None:
    project, proxy = aws
    project.role(
        "data",
        """
- name: Key
  slipway.aws.kms_key: {alias: demo}
  vars: {protect: true}
""",
    )
    project.converge("data")
    key = client(proxy, "kms").describe_key(KeyId="alias/demo")["KeyMetadata"]
    rds = client(proxy, "rds")
    rds.create_db_instance(
        DBInstanceIdentifier="demo", Engine="mysql", DBInstanceClass="db.t3.micro", AllocatedStorage=20,
        MasterUsername="demo", MasterUserPassword="not-so-secret-1", StorageEncrypted=True, KmsKeyId=key["Arn"],
    )  # fmt: skip
    rds.delete_db_instance(DBInstanceIdentifier="demo", FinalDBSnapshotIdentifier="demo-final")
    destroyed = project.converge("data", state="absent", confirm="demo-test", confirm_protected=["data"])
    assert destroyed.returncode == 0, destroyed.output
    said = " ".join(destroyed.output.split())
    assert "[WARNING]: data: Key: The key demo is kept: without it, nobody could read the snapshot demo-final." in said
    assert client(proxy, "kms").describe_key(KeyId="alias/demo")["KeyMetadata"]["KeyState"] == "Enabled"


def test_rule_10_what_is_not_marked_to_be_protected_goes_without_a_snapshot(aws: AWS) -> None:
    project, proxy = aws
    project.role("data", PROTECTED)
    project.inventory(data_protect=False)
    project.converge("data")
    refused = project.converge("data", state="absent")
    assert "-e confirm=demo-test" in refused.result["msg"]
    assert "[protected]" not in refused.result["msg"]
    proxy.forget()
    planned = project.converge("data", state="absent", arguments=("--check",))
    assert "Database" in planned.calls("planned")
    assert proxy.writes == []
    destroyed = project.converge("data", state="absent", confirm="demo-test")
    assert destroyed.returncode == 0, destroyed.output
    assert client(proxy, "rds").describe_db_snapshots()["DBSnapshots"] == []


def test_rule_10_of_a_loop_that_is_half_there_that_half_is_deleted(aws: AWS) -> None:
    project, proxy = aws
    project.role(
        "logs",
        """
- name: Groups
  community.aws.cloudwatchlogs_log_group: {log_group_name: "{{ item }}"}
  loop: [one, two]
""",
    )
    project.converge("logs")
    logs = client(proxy, "logs")
    logs.delete_log_group(logGroupName="two")
    destroyed = project.converge("logs", state="absent", confirm="demo-test")
    assert destroyed.returncode == 0, destroyed.output
    assert logs.describe_log_groups()["logGroups"] == []


def test_rule_10_what_cannot_be_looked_for_is_named(aws: AWS) -> None:
    project, proxy = aws
    project.role("data", PROTECTED)
    project.inventory(data_protect=False)
    project.converge("data")
    ec2 = client(proxy, "ec2")
    subnets = [each for each in ec2.describe_subnets()["Subnets"] if not each["DefaultForAz"]]
    client(proxy, "elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=client(proxy, "elbv2").describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"],
        Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}],
    )
    ec2.delete_subnet(SubnetId=subnets[0]["SubnetId"])
    planned = project.converge("data", state="absent", arguments=("--check",))
    assert "Load balancer (needs data_subnets)" in " ".join(planned.output.split())


@pytest.mark.parametrize(
    ("module", "given", "protected", "unprotected"),
    [
        ("slipway.aws.backup_vault", {"name": "demo"}, {"recovery_points": "keep"}, {"recovery_points": "delete"}),
        ("slipway.aws.kms_key", {"alias": "demo"}, {"keep_if_needed": True}, {}),
    ],
)
def test_rule_10_what_holds_or_opens_backups_stays_where_it_is_protected(
    module: str, given: Arguments, protected: Arguments, unprotected: Arguments
) -> None:
    absent = {**given, "state": "absent"}
    assert arguments_to_delete(module, given, None, protect=True, time=TIME) == {**absent, **protected}
    assert arguments_to_delete(module, given, None, protect=False, time=TIME) == {**absent, **unprotected}


BACKUPS = """
- name: Role
  amazon.aws.iam_role:
    name: demo
    assume_role_policy_document: {Version: "2012-10-17", Statement: []}
  register: data_role
- name: Other role
  amazon.aws.iam_role: {name: other, assume_role_policy_document: {Version: "2012-10-17", Statement: []}}
- name: Vault
  slipway.aws.backup_vault: {name: demo, lock: none}
  vars: {protect: true, after: [data_role]}
"""


def test_what_a_kept_vault_needs_stays_with_it(aws: AWS) -> None:
    project, proxy = aws
    project.role("data", BACKUPS)
    applied = project.converge("data")
    assert applied.returncode == 0, applied.output
    proxy.edits = lambda body: re.sub(rb'"NumberOfRecoveryPoints": ?0', b'"NumberOfRecoveryPoints": 2', body)
    destroyed = project.converge("data", state="absent", confirm="demo-test", confirm_protected=["data"])
    assert destroyed.returncode == 0, destroyed.output
    assert destroyed.calls("changed") == ["Other role"]
    said = " ".join(destroyed.output.split())
    assert "what holds backups is kept: data: Vault, and so is what it needs: data: Role" in said


# As other people's roles have it: by the options' other names, and without a word on snapshots.
BARE = (
    PROTECTED.partition("- name: Database\n")[0]
    + """
- name: Database
  amazon.aws.rds_instance:
    {id: demo, engine: mysql, db_instance_class: db.t3.micro, allocated_storage: 20, username: admin, wait: false,
     password: "not-so-secret-1", subnet_group: "{{ data_database_subnets.subnet_group.name }}"}
"""
)


def test_rule_10_a_database_without_snapshot_options_can_be_destroyed_and_leaves_a_last_snapshot(aws: AWS) -> None:
    project, proxy = aws
    project.role("data", BARE)
    assert project.converge("data").returncode == 0
    destroyed = project.converge("data", state="absent", confirm="demo-test")
    assert destroyed.returncode == 0, destroyed.output
    rds = client(proxy, "rds")
    assert rds.describe_db_instances()["DBInstances"] == []
    (snapshot,) = rds.describe_db_snapshots()["DBSnapshots"]
    assert snapshot["DBSnapshotIdentifier"].startswith("demo-final-")


@pytest.mark.parametrize(
    ("given", "found", "snapshot"),
    [
        ({}, {}, {"final_db_snapshot_identifier": f"demo-final-{TIME}"}),
        ({"skip_final_snapshot": False}, {}, {"final_db_snapshot_identifier": f"demo-final-{TIME}"}),
        ({"skip_final_snapshot": "yes"}, {}, {}),
        ({"final_db_snapshot_identifier": "mine"}, {}, {"final_db_snapshot_identifier": "mine"}),
        (
            {},
            {"read_replica_source_db_instance_identifier": "first"},
            {"skip_final_snapshot": True, "final_db_snapshot_identifier": None},
        ),
        (
            {"final_db_snapshot_identifier": "mine"},
            {"db_instance_status": "failed"},
            {"skip_final_snapshot": True, "final_db_snapshot_identifier": None},
        ),
    ],
)
def test_rule_10_a_last_snapshot_is_taken_unless_the_task_says_no_or_there_can_be_none(
    given: Arguments, found: Arguments, snapshot: Arguments
) -> None:
    given = {"db_instance_identifier": "demo", **given}
    deletes = arguments_to_delete("amazon.aws.rds_instance", given, found, protect=False, time=TIME)
    names = {"skip_final_snapshot": given.get("skip_final_snapshot"), "final_db_snapshot_identifier": None}
    assert {name: deletes.get(name) for name in names} == {**names, **snapshot}


def test_rule_10_a_cluster_without_snapshot_options_leaves_a_last_snapshot() -> None:
    def final(**given: t.Any) -> t.Any:
        given = {"db_cluster_identifier": "demo", **given}
        deletes = arguments_to_delete("amazon.aws.rds_cluster", given, None, protect=False, time=TIME)
        return deletes.get("final_snapshot_identifier")

    assert final() == f"demo-final-{TIME}"
    assert final(skip_final_snapshot=True) is None
    assert final(final_snapshot_identifier="mine") == "mine"


def test_rule_08_a_destroy_is_held_to_its_plan_the_name_of_a_last_snapshot_included(aws: AWS) -> None:
    project, proxy = aws
    project.role("data", PROTECTED)
    project.inventory(data_protect=True)
    project.converge("data")
    folder = project.folder / "plans"
    planned = project.converge("data", state="absent", journal=str(folder / "journal.json"), arguments=("--check",))
    assert planned.returncode == 0, planned.output
    words: dict[str, t.Any] = {"state": "absent", "confirm": "demo-test", "confirm_protected": ["data"]}
    destroyed = project.converge("data", plan=str(folder / "plan.json"), **words)
    assert destroyed.returncode == 0, destroyed.output
    assert client(proxy, "rds").describe_db_instances()["DBInstances"] == []
