"""The engine against an emulator that counts: plan, apply, drift, destroy, lock."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
import typing as t

import pytest

from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.background import repeatedly, wait_until
from tests.support.emulators import CREDENTIALS
from tests.support.playbook import Project

AWS = tuple[Project, ApiProxy]

NETWORK = """
- name: VPC
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: 10.0.0.0/16, tags: {system: demo}}
  register: network_vpc
- name: Subnets
  amazon.aws.ec2_vpc_subnet: {vpc_id: "{{ network_vpc.vpc.id }}", cidr: "{{ item }}", tags: {Name: "{{ item }}"}}
  loop: [10.0.0.0/24, 10.0.1.0/24]
  register: network_subnets
- name: Bucket
  amazon.aws.s3_bucket: {name: demo-bucket, versioning: true}
- name: Topic
  community.aws.sns_topic: {name: demo-topic}
- name: Target group
  community.aws.elb_target_group:
    {name: demo, protocol: http, port: 80, vpc_id: "{{ network_vpc.vpc.id }}", state: present}
- name: Database subnets
  amazon.aws.rds_subnet_group:
    {name: demo, description: demo, state: present,
     subnets: "{{ network_subnets.results | map(attribute='subnet.id') | list }}"}
"""


@pytest.fixture
def network(aws: AWS) -> AWS:
    aws[0].role("network", NETWORK)
    return aws


def test_rule_07_a_plan_writes_nothing_and_names_what_the_apply_makes(network: AWS) -> None:
    project, proxy = network
    plan = project.converge("network", arguments=("--check",))
    assert plan.returncode == 0, plan.output
    assert proxy.operations
    assert proxy.writes == []
    planned = plan.calls("planned") + plan.calls("unknown")
    assert 'VPC: ec2:CreateVpc {"CidrBlock": "10.0.0.0/16"' in plan.output
    assert "Subnets (10.0.1.0/24): amazon.aws.ec2_vpc_subnet, inputs known after apply: network_vpc" in plan.output
    assert "Plan: 7 to change" in plan.output

    apply = project.converge("network")
    assert apply.returncode == 0, apply.output
    assert sorted(apply.calls("changed")) == sorted(planned)

    proxy.forget()
    again = project.converge("network", arguments=("--check",))
    assert proxy.writes == []
    assert again.calls("planned") + again.calls("unknown") == []
    assert "Plan: 0 to change" in again.output


def test_rule_12_what_was_changed_behind_our_back_is_planned_and_put_right(network: AWS) -> None:
    project, proxy = network
    project.converge("network")
    s3 = client(proxy, "s3")
    s3.put_bucket_versioning(Bucket="demo-bucket", VersioningConfiguration={"Status": "Suspended"})
    plan = project.converge("network", arguments=("--check",))
    assert plan.calls("planned") == ["Bucket"]
    assert plan.result["calls"][3]["writes"][0]["operation"] == "PutBucketVersioning"
    assert project.converge("network").calls("changed") == ["Bucket"]
    assert s3.get_bucket_versioning(Bucket="demo-bucket")["Status"] == "Enabled"


def test_rule_10_destroy_refuses_lists_then_deletes_everything(network: AWS) -> None:
    project, proxy = network
    project.converge("network")
    proxy.forget()
    refused = project.converge("network", state="absent")
    assert refused.returncode != 0
    assert proxy.writes == []
    text = refused.result["msg"]
    assert "this would delete 7 resources of demo-test for good" in text
    assert "network: Subnets (10.0.1.0/24)" in text
    assert "-e confirm=demo-test" in text

    destroyed = project.converge("network", state="absent", confirm="demo-test")
    assert destroyed.returncode == 0, destroyed.output
    ec2 = client(proxy, "ec2")
    assert ec2.describe_vpcs(Filters=[{"Name": "tag:system", "Values": ["demo"]}])["Vpcs"] == []
    plan = project.converge("network", arguments=("--check",))
    assert len(plan.calls("planned") + plan.calls("unknown")) == 7


def test_rule_10_a_plan_of_destroy_writes_nothing(network: AWS) -> None:
    project, proxy = network
    project.converge("network")
    proxy.forget()
    plan = project.converge("network", state="absent", arguments=("--check",))
    assert proxy.writes == []
    assert len(plan.calls("planned")) == 7, plan.output


def test_another_account_is_refused_before_any_write(network: AWS) -> None:
    project, proxy = network
    outcome = project.converge("network", account="111111111111")
    assert outcome.returncode != 0
    assert set(proxy.operations) == {"query:GetCallerIdentity", "query:ListAccountAliases"}
    assert "belong to account 123456789012, but the environment names account 111111111111" in outcome.result["msg"]


def test_rule_17_a_no_log_option_is_in_no_plan(aws: AWS) -> None:
    project, _proxy = aws
    project.role(
        "data",
        """
- name: Database
  amazon.aws.rds_instance:
    {db_instance_identifier: demo, engine: mysql, db_instance_class: db.t3.micro, allocated_storage: 20,
     master_username: admin, master_user_password: planted-secret-value, state: present}
""",
    )
    journal = project.folder / "journal.json"
    outcome = project.converge("data", journal=str(journal), arguments=("--check", "-vvv"))
    assert outcome.calls("planned") == ["Database"]
    shown = outcome.output.replace("master_user_password: planted-secret-value", "")
    assert "planted-secret-value" not in shown
    assert "planted-secret-value" not in journal.read_text()


def test_rule_12_drift_is_told_from_an_intended_change(aws: AWS) -> None:
    project, proxy = aws
    applied = str(project.folder / "applied.json")
    tasks = "- name: Logs\n  community.aws.cloudwatchlogs_log_group: {log_group_name: demo, retention: %d}\n"
    project.role("demo", tasks % 7)

    first = project.converge("demo", arguments=("--check",), applied=applied)
    assert not any(call["drift"] for call in first.journal["calls"])
    project.converge("demo", applied=applied)
    client(proxy, "logs").put_retention_policy(logGroupName="demo", retentionInDays=3)
    drifted = project.converge("demo", arguments=("--check",), applied=applied)
    assert [call["drift"] for call in drifted.journal["calls"]] == [True]

    project.role("demo", tasks % 14)
    intended = project.converge("demo", arguments=("--check",), applied=applied)
    assert [call["drift"] for call in intended.journal["calls"]] == [False]
    assert intended.calls("planned") == ["Logs"]

    project.converge("demo", applied=applied)
    project.converge("demo", applied=applied, state="absent", confirm=project.host)
    gone = project.converge("demo", arguments=("--check",), applied=applied)
    assert [call["drift"] for call in gone.journal["calls"]] == [False]


def test_rule_12_a_comment_above_a_task_does_not_turn_drift_into_an_intended_change(aws: AWS) -> None:
    project, proxy = aws
    applied = str(project.folder / "applied.json")
    tasks = "- name: Logs\n  community.aws.cloudwatchlogs_log_group: {log_group_name: demo, retention: 7}\n"
    project.role("demo", tasks)
    project.converge("demo", applied=applied)
    client(proxy, "logs").put_retention_policy(logGroupName="demo", retentionInDays=3)
    project.role("demo", f"# Seven days are enough.\n\n{tasks}")
    drifted = project.converge("demo", arguments=("--check",), applied=applied)
    assert [call["drift"] for call in drifted.journal["calls"]] == [True]
    assert "1 to change (1 by drift)" in drifted.output


REPEATING = """
- name: VPC
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: 10.0.0.0/16}
  register: demo_vpc
- name: Untagged route table
  amazon.aws.ec2_vpc_route_table: {vpc_id: "{{ demo_vpc.vpc.id }}"}
- name: Buckets
  amazon.aws.s3_bucket: {name: "{{ item }}", versioning: true}
  loop: [demo-one, demo-two]
"""


def test_rule_12_what_wants_to_write_right_after_its_own_apply_is_not_idempotent_and_no_drift(aws: AWS) -> None:
    project, proxy = aws
    applied = str(project.folder / "applied.json")
    project.role("demo", REPEATING)
    made = project.converge("demo", applied=applied)
    assert made.returncode == 0, made.output
    assert "Not idempotent, because right after this apply the same would be written again:" in made.output
    assert [call["task"] for call in made.result["calls"] if call["repeats"]] == ["Untagged route table"]

    for _round in range(2):
        proxy.forget()
        planned = project.converge("demo", arguments=("--check",), applied=applied)
        assert proxy.writes == []
        assert planned.calls("planned") == ["Untagged route table"]
        assert not any(call["drift"] for call in planned.result["calls"])
        assert "* demo: Untagged route table: ec2:CreateRouteTable" in planned.output
        assert "Plan: 1 to change (1 not idempotent), 3 unchanged" in planned.output
        assert "1 to change (1 not idempotent)" in (project.folder / "plan.md").read_text()
        assert "not idempotent" in (project.folder / "report.html").read_text()
        assert project.converge("demo", applied=applied).calls("changed") == ["Untagged route table"]

    # The bucket's first apply has made this very write; it is drift all the same.
    client(proxy, "s3").put_bucket_versioning(Bucket="demo-one", VersioningConfiguration={"Status": "Suspended"})
    drifted = project.converge("demo", arguments=("--check",), applied=applied)
    found = {f"{call['task']}/{call['item']}": (call["drift"], call["repeats"]) for call in drifted.result["calls"]}
    assert found["Buckets/demo-one"] == (True, False), drifted.output
    assert found["Buckets/demo-two"] == (False, False)
    assert found["Untagged route table/None"] == (False, True)
    assert "2 to change (1 by drift, 1 not idempotent)" in drifted.output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[1]", "is damaged (TypeError"),
        ('{"version": 2, "calls": {"demo/Logs": {"inp', "is damaged (JSONDecodeError"),
        ('{"demo/main.yml:1": "digest"}', "was made by an older Slipway"),
    ],
)
def test_rule_12_digests_that_cannot_be_read_are_named_and_nothing_is_called_drift(
    aws: AWS, content: str, says: str
) -> None:
    project, _proxy = aws
    applied = project.folder / "applied.json"
    applied.write_text(content)
    project.role("demo", "- name: Logs\n  community.aws.cloudwatchlogs_log_group: {log_group_name: demo}\n")
    planned = project.converge("demo", arguments=("--check",), applied=str(applied))
    assert planned.returncode == 0, planned.output
    assert says in planned.output
    assert "nothing is called drift until the next apply" in (project.folder / "plan.md").read_text()
    assert planned.result["drift_is_known"] is False
    assert planned.calls("planned") == ["Logs"]

    project.converge("demo", applied=str(applied))
    again = project.converge("demo", arguments=("--check",), applied=str(applied))
    assert again.result["drift_is_known"] is True
    assert says not in again.output


def test_rule_05_a_read_that_fails_is_found_before_the_first_write(aws: AWS) -> None:
    project, proxy = aws
    project.role(
        "demo",
        """
- name: Key
  amazon.aws.kms_key: {alias: demo, state: present}
  register: demo_key
- name: Secret of somebody else
  slipway.aws.secretsmanager_secret_value_info: {secret_id: "{{ demo_secret }}"}
  register: demo_secret_result
- name: Parameter
  community.aws.ssm_parameter: {name: /demo, value: "{{ demo_secret_result.text }}"}
  no_log: true
""",
        defaults="demo_secret: of-nobody",
    )
    outcome = project.converge("demo")
    assert outcome.calls("failed") == ["Secret of somebody else"]
    assert "Could not read the secret of-nobody" in outcome.result["msg"]
    assert "tasks/main.yml:5" in outcome.result["msg"]
    assert "ResourceNotFoundException" in outcome.result["msg"]
    assert proxy.writes == []


def test_rule_05_what_has_nothing_to_write_does_not_wait_for_the_first_reads(aws: AWS) -> None:
    project, proxy = aws
    logs = "- name: Logs\n  community.aws.cloudwatchlogs_log_group: {log_group_name: demo}\n"
    project.role("demo", logs)
    project.converge("demo")
    proxy.forget()
    read = "- name: Secret\n  slipway.aws.secretsmanager_secret_value_info: {secret_id: of-nobody}\n"
    project.role("demo", logs + "- name: Bucket\n  amazon.aws.s3_bucket: {name: demo-bucket}\n" + read)
    outcome = project.converge("demo")
    assert outcome.calls("ok") == ["Logs"]
    assert outcome.calls("blocked") == ["Bucket"]
    assert proxy.writes == []


def test_rule_05_what_has_something_to_write_does_so_after_the_first_reads(aws: AWS) -> None:
    project, proxy = aws
    tasks = [f"- name: Bucket {n}\n  amazon.aws.s3_bucket: {{name: demo-{n}}}\n" for n in range(4)]
    read = "- name: Networks\n  amazon.aws.ec2_vpc_net_info:\n"
    project.role("demo", "".join(tasks) + read)
    outcome = project.converge("demo")
    assert outcome.calls("changed") == [f"Bucket {n}" for n in range(4)]
    assert proxy.operations.index("query:DescribeVpcs") < min(map(proxy.operations.index, proxy.writes))


def test_without_permission_the_message_names_the_operation_and_the_task(aws: AWS) -> None:
    project, proxy = aws
    proxy.denied = {"Logs_20140328:CreateLogGroup"}
    project.role(
        "demo",
        """
- name: Logs
  community.aws.cloudwatchlogs_log_group: {log_group_name: demo}
- name: Bucket
  amazon.aws.s3_bucket: {name: demo-bucket}
""",
    )
    outcome = project.converge("demo")
    assert outcome.calls("failed") == ["Logs"]
    assert outcome.calls("changed") == ["Bucket"]
    assert "AccessDeniedException" in outcome.result["msg"]
    assert "CreateLogGroup" in outcome.result["msg"]
    assert "tasks/main.yml:2" in outcome.result["msg"]


def test_without_any_permission_nothing_is_written(aws: AWS) -> None:
    project, proxy = aws
    proxy.denied = {"query:GetCallerIdentity"}
    project.role("demo", "- name: Bucket\n  amazon.aws.s3_bucket: {name: demo-bucket}\n")
    outcome = project.converge("demo", account="123456789012")
    assert "could not determine the AWS account" in outcome.result["msg"]
    assert "AccessDeniedException" in outcome.result["msg"]
    assert "Check the credentials" in outcome.result["msg"]
    assert proxy.writes == []


def test_lock_a_second_run_is_told_who_holds_it_and_an_ended_one_frees_it(aws: AWS) -> None:
    project, proxy = aws
    dynamodb = client(proxy, "dynamodb")
    make_lock_table(dynamodb)
    lock = {"slipway.graph.lock": {"table": "locks", "key": "demo-test", "reason": "testing", "region": "eu-central-1"}}

    assert project.run(lock).result["acquired"]
    wait_until(lambda: _is_free(dynamodb), "the lock to end with its run")

    dynamodb.put_item(
        TableName="locks",
        Item={"LockID": {"S": "demo-test"}, "Holder": {"S": "ann@elsewhere:1:1"}, "Reason": {"S": "rollout"},
              "Since": {"S": "2026-01-01T00:00:00+00:00"}, "ExpiresAt": {"N": str(int(time.time()) + 600)}},
    )  # fmt: skip
    numbers = itertools.count(int(time.time()) - 3600)  # by a clock that is an hour late

    def renew() -> None:
        dynamodb.update_item(
            TableName="locks", Key={"LockID": {"S": "demo-test"}},
            UpdateExpression="SET ExpiresAt = :at", ExpressionAttributeValues={":at": {"N": str(next(numbers))}},
        )  # fmt: skip

    project.environment["SLIPWAY_LOCK_LEASE_SECONDS"] = "12"
    with repeatedly(renew, pause=0.2):
        refused = project.run(lock)
    assert "demo-test is locked by ann@elsewhere:1:1 since 2026-01-01T00:00:00+00:00 (rollout)" in refused.result["msg"]

    project.environment["SLIPWAY_LOCK_LEASE_SECONDS"] = "3"
    taken = project.run(lock)
    assert "waiting up to 3 seconds to see whether that run is still alive" in taken.output
    assert taken.result["took_over"]["holder"] == "ann@elsewhere:1:1"
    assert "taking over the lock demo-test" in taken.output


def test_lock_is_sought_in_the_region_of_the_environment(aws: AWS) -> None:
    project, proxy = aws
    make_lock_table(client(proxy, "dynamodb"))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        project.environment.pop(name)
    lock = {"slipway.graph.lock": {"table": "locks", "key": "demo-test"}}
    assert project.run({**lock, "environment": {"AWS_REGION": "eu-central-1"}}).result["acquired"]
    assert "Create it once with" in project.run({**lock, "environment": {"AWS_REGION": "eu-west-1"}}).result["msg"]


def test_lock_is_not_taken_in_another_account(aws: AWS) -> None:
    project, proxy = aws
    dynamodb = client(proxy, "dynamodb")
    make_lock_table(dynamodb)
    lock = {"table": "locks", "key": "demo-test"}
    refused = project.run({"slipway.graph.lock": {**lock, "account": "111111111111"}})
    assert "belong to account 123456789012, but the environment names account 111111111111" in refused.result["msg"]
    assert dynamodb.scan(TableName="locks")["Items"] == []
    assert project.run({"slipway.graph.lock": {**lock, "account": "123456789012"}}).result["acquired"]


def test_lock_without_a_table_says_how_to_make_it(aws: AWS) -> None:
    project, _proxy = aws
    outcome = project.run({"slipway.graph.lock": {"table": "locks", "key": "demo-test", "region": "eu-central-1"}})
    assert "Create it once with playbooks/bootstrap.yml" in outcome.result["msg"]


def test_lock_is_freed_when_its_run_is_killed(aws: AWS) -> None:
    _project, proxy = aws
    dynamodb = client(proxy, "dynamodb")
    make_lock_table(dynamodb)
    from ansible_collections.slipway.graph.plugins.plugin_utils.worker import lock_keeper  # noqa: PLC0415 - needs the paths

    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as holder:
        request = f'{{"table": "locks", "key": "demo-test", "reason": "x", "process": {holder.pid}}}'
        environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": proxy.url, "PYTHONPATH": str(lock_keeper.COLLECTIONS)}
        subprocess.run(
            [sys.executable, lock_keeper.__file__], input=request, text=True, env=environment, check=True,
            stdout=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip
        assert "Item" in dynamodb.get_item(TableName="locks", Key={"LockID": {"S": "demo-test"}})
        holder.kill()
    wait_until(lambda: _is_free(dynamodb), "the lock to end with its holder")


def make_lock_table(dynamodb: t.Any) -> None:
    dynamodb.create_table(
        TableName="locks",
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def _is_free(dynamodb: t.Any) -> bool:
    return "Item" not in dynamodb.get_item(TableName="locks", Key={"LockID": {"S": "demo-test"}})
