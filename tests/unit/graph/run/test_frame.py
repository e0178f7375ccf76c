"""What stands around the graph: the lock, what was applied last, and the record of the run in the ledger."""

from __future__ import annotations

import itertools
import json
import signal
import time
import typing as t
from pathlib import Path

import psutil
import pytest

from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.background import repeatedly
from tests.support.playbook import Outcome, Project

BUCKET = "ledger"
RUNS = "runs/demo-test/"
APPLIED = f"{RUNS}applied.json"
TOPIC = "- {name: Topic, community.aws.sns_topic: {name: demo-topic}, register: demo_topic}\n"


class Deployment:
    """A role on an account that has a table of locks and a ledger."""

    def __init__(self, project: Project, proxy: ApiProxy) -> None:
        self.project = project
        self.proxy = proxy
        self.s3 = client(proxy, "s3")
        self.dynamodb = client(proxy, "dynamodb")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.dynamodb.create_table(
            TableName="locks",
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        project.role("demo", TOPIC)
        proxy.forget()

    def options(self, folder: str = "run", **options: t.Any) -> dict[str, t.Any]:
        return {"directory": str(self.project.folder / folder), "journal": str(self.project.folder / "journal.json"),
                "lock": {"table": "locks"}, "ledger": {"bucket": BUCKET, "verb": "site"}, **options}  # fmt: skip

    def converge(self, *arguments: str, **options: t.Any) -> Outcome:
        return self.project.converge("demo", arguments=arguments, **self.options(**options))

    def records(self) -> list[dict[str, t.Any]]:
        """The records of runs, the oldest first."""
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{RUNS}2").get("Contents", [])
        return [json.loads(self.read(each["Key"])) for each in listed]

    def read(self, key: str) -> bytes:
        return t.cast(bytes, self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def keys(self) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def locks(self) -> list[t.Any]:
        return t.cast("list[t.Any]", self.dynamodb.scan(TableName="locks")["Items"])

    def asked(self) -> list[str]:
        """What was asked, without what looks after the lock once it is taken."""
        return [operation for operation in self.proxy.operations if "DeleteItem" not in operation]


@pytest.fixture
def deployment(aws: tuple[Project, ApiProxy]) -> Deployment:
    return Deployment(*aws)


def test_a_run_is_on_record_before_its_first_write_and_replaced_at_its_end(deployment: Deployment) -> None:
    outcome = deployment.converge(account="123456789012")
    assert outcome.returncode == 0, outcome.output
    # Nothing is read before the lock is taken but whose account it is, and nothing written before the record.
    asked = [each for each in deployment.asked() if "List" not in each.split(":")[-1] and "Caller" not in each]
    lock, applied, record, *_rest = asked
    assert lock == "DynamoDB_20120810:PutItem"
    assert applied == f"rest:Get /{BUCKET}/{APPLIED}"
    assert record.startswith(f"rest:Put /{BUCKET}/{RUNS}2")
    assert asked.count(record) == 2
    (kept,) = deployment.records()
    assert {"status": "ended", "verb": "site", "mode": "apply", "host": "demo-test"}.items() <= kept.items()
    assert [call["status"] for call in kept["calls"]] == ["changed"]
    assert json.loads(deployment.read(APPLIED)) == json.loads(
        (deployment.project.folder / "run/applied.json").read_text()
    )


def test_calls_around_the_graph_are_seen_with_v_and_are_not_in_the_journal(deployment: Deployment) -> None:
    outcome = deployment.converge("-v")
    assert "demo-test, not the graph: s3:GetObject" in outcome.output
    assert "demo-test, not the graph: dynamodb:PutItem" in outcome.output
    asked = {(each["service"], each["operation"]) for call in outcome.journal["calls"] for each in call["api_calls"]}
    assert ("sns", "CreateTopic") in asked
    assert {service for service, _operation in asked} == {"sns"}
    assert "not the graph" not in deployment.converge().output


def test_a_plan_takes_no_lock_and_writes_nothing_to_the_ledger(deployment: Deployment) -> None:
    planned = deployment.converge("--check")
    assert planned.returncode == 0, planned.output
    assert planned.result["drift_is_known"] is False
    assert deployment.proxy.writes == []
    assert deployment.keys() == []


def test_drift_is_told_from_a_change_of_inputs_by_the_ledger_alone(deployment: Deployment) -> None:
    deployment.converge()
    topic = "arn:aws:sns:eu-central-1:123456789012:demo-topic"
    client(deployment.proxy, "sns").delete_topic(TopicArn=topic)
    elsewhere = deployment.converge("--check", folder="elsewhere")
    assert elsewhere.result["drift_is_known"] is True
    assert [call["drift"] for call in elsewhere.result["calls"]] == [True]


def test_a_killed_run_stays_on_record_as_running(deployment: Deployment) -> None:
    folder = deployment.project.folder
    deployment.project.role("demo", TOPIC + f"""
- name: Hang
  ansible.builtin.command: {{cmd: "sh -c 'touch {folder}/hanging; sleep 600'"}}
  when: demo_topic is changed
""")  # fmt: skip
    process = deployment.project.start("demo", **deployment.options())
    wait_until((folder / "hanging").exists)
    descendants = psutil.Process(process.pid).children(recursive=True)
    for each in descendants:
        each.kill()
    process.kill()
    process.communicate()
    (kept,) = deployment.records()
    assert kept["status"] == "running"
    assert kept["holder"].split(":")[1] == str(process.pid)
    assert "calls" not in kept
    wait_until(lambda: deployment.locks() == [])
    # It goes on where that one stopped, and leaves a record of its own.
    deployment.project.role("demo", TOPIC)
    time.sleep(1)  # records are told apart by the second in which they begin
    again = deployment.converge()
    assert again.calls("ok") == ["Topic"], again.output
    assert [each["status"] for each in deployment.records()] == ["running", "ended"]


@pytest.mark.parametrize("presses", [1, 2])
def test_an_interrupted_run_is_on_record_as_such(deployment: Deployment, presses: int) -> None:
    folder = deployment.project.folder
    deployment.project.role("demo", TOPIC + f"""
- name: Wait
  ansible.builtin.command: {{cmd: "sh -c 'touch {folder}/waiting; sleep {4 if presses == 1 else 600}'"}}
  when: demo_topic is changed
  register: demo_waited
""")  # fmt: skip
    process = deployment.project.start("demo", **deployment.options())
    wait_until((folder / "waiting").exists)
    for _press in range(presses):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    process.communicate(timeout=60)
    wait_until(lambda: deployment.records()[0]["status"] != "running")
    (kept,) = deployment.records()
    assert kept["status"] == "interrupted"
    assert [call["status"] for call in kept["calls"] if call["task"] == "Topic"] == ["changed"]
    assert "demo/Topic" in json.loads(deployment.read(APPLIED))["calls"]


def test_a_run_that_fails_is_on_record_with_what_it_has_done(deployment: Deployment) -> None:
    deployment.project.role(
        "demo", TOPIC + "- {name: No, ansible.builtin.fail: {msg: no, }, when: demo_topic is changed}"
    )
    assert deployment.converge().returncode != 0
    (kept,) = deployment.records()
    assert kept["status"] == "failed"
    assert sorted(call["status"] for call in kept["calls"]) == ["changed", "failed"]
    assert "demo/Topic" in json.loads(deployment.read(APPLIED))["calls"]


def test_outputs_that_fail_lose_no_record(deployment: Deployment) -> None:
    failed = deployment.converge(outputs={"topic": "{{ demo_topic.sns_arn }}", "none": "{{ demo_none.arn }}"})
    assert failed.returncode != 0
    assert "outputs.none cannot be rendered: " in failed.result["msg"]
    assert failed.result["summary"]["changed"] == 1
    assert [each["status"] for each in deployment.records()] == ["ended"]
    assert not (deployment.project.folder / "run/outputs.json").exists()


def test_a_limited_run_leaves_outputs_alone_that_need_what_did_not_run(deployment: Deployment) -> None:
    deployment.project.role("other", "- {name: Other, community.aws.sns_topic: {name: other}, register: other_topic}\n")
    wanted = {"one": "{{ demo_topic.sns_arn }}", "two": "{{ other_topic.sns_arn }}", "three": 3}
    deployment.project.inventory(system_outputs=wanted)
    written = deployment.project.folder / "run/outputs.json"
    options = deployment.options(outputs="{{ system_outputs }}")
    whole = deployment.project.converge("demo", "other", **options)
    assert whole.returncode == 0, whole.output
    before = json.loads(written.read_text())
    assert written.stat().st_mode & 0o777 == 0o600
    assert before["two"].endswith(":other")
    limited = deployment.project.converge("demo", "other", only=["demo"], **options)
    assert limited.returncode == 0, limited.output
    assert sorted(limited.result["outputs"]) == ["one", "three"]
    assert "without what did not run, two cannot be told" in limited.output
    assert json.loads(written.read_text()) == before


def test_without_a_ledger_bucket_the_local_file_counts(deployment: Deployment) -> None:
    deployment.s3.delete_bucket(Bucket=BUCKET)
    applied = deployment.converge()
    assert applied.returncode == 0, applied.output
    assert (deployment.project.folder / "run/applied.json").exists()
    assert deployment.converge("--check").result["drift_is_known"] is True


def test_a_ledger_that_may_not_be_read_stops_the_run_before_it_writes(deployment: Deployment) -> None:
    deployment.proxy.denied = {f"rest:Get /{BUCKET}/{APPLIED}"}
    refused = deployment.converge()
    assert refused.returncode != 0
    assert f"s3://{BUCKET}/{APPLIED} could not be read: " in refused.result["msg"]
    assert "AccessDenied" in refused.result["msg"]
    assert "Nothing was written" in refused.result["msg"]
    assert [each for each in deployment.proxy.writes if "Item" not in each] == []


def test_a_ledger_is_the_accounts_own(deployment: Deployment) -> None:
    outcome = deployment.converge(account="123456789012")
    assert outcome.returncode == 0, outcome.output
    asked = [owner for operation, owner in deployment.proxy.bucket_owners if f"/{BUCKET}/{RUNS}" in operation]
    assert len(asked) >= 4
    assert set(asked) == {"123456789012"}
    deployment.proxy.denied = {f"rest:Get /{BUCKET}/{APPLIED}"}
    refused = deployment.converge(account="123456789012")
    assert "Does the bucket belong to the account 123456789012?" in refused.result["msg"]


def test_a_ledger_that_may_not_be_written_stops_the_run_before_it_writes(deployment: Deployment) -> None:
    deployment.proxy.denies = lambda operation: operation.startswith(f"rest:Put /{BUCKET}/{RUNS}")
    refused = deployment.converge()
    assert "the run could not be put on record: " in refused.result["msg"]
    assert "Nothing was written" in refused.result["msg"]
    assert client(deployment.proxy, "sns").list_topics()["Topics"] == []
    assert deployment.keys() == []


def test_a_damaged_memory_in_the_ledger_is_named_and_stepped_over(deployment: Deployment) -> None:
    deployment.converge()
    for damage in (b"{", b"[1]", b"\xff\xfe"):
        deployment.s3.put_object(Bucket=BUCKET, Key=APPLIED, Body=damage)
        planned = deployment.converge("--check")
        assert planned.returncode == 0, planned.output
        assert planned.result["drift_is_known"] is False
        said = " ".join(planned.output.split())
        assert f"s3://{BUCKET}/{APPLIED} is damaged" in said
        assert "nothing is called drift until the next apply" in said
        assert f"s3://{BUCKET}/{APPLIED} is damaged" in " ".join(planned.journal["notes"])
        assert planned.result["summary"]["ok"] == 1
    assert deployment.converge().returncode == 0
    assert deployment.converge("--check").result["drift_is_known"] is True


def test_a_destroy_that_nobody_confirmed_leaves_no_record(deployment: Deployment) -> None:
    deployment.converge()
    time.sleep(1)
    refused = deployment.converge(state="absent", ledger={"bucket": BUCKET})
    assert "would delete" in refused.result["msg"]
    assert len(deployment.records()) == 1
    done = deployment.converge(state="absent", confirm="demo-test", ledger={"bucket": BUCKET})
    assert done.returncode == 0, done.output
    assert [(each["verb"], each["status"]) for each in deployment.records()] == [
        ("site", "ended"),
        ("destroy", "ended"),
    ]
    assert json.loads(deployment.read(APPLIED))["calls"] == {}


def renew(dynamodb: t.Any, number: int) -> None:
    """What an earlier version does while it holds a lock."""
    dynamodb.update_item(
        TableName="locks", Key={"LockID": {"S": "demo-test"}},
        UpdateExpression="SET ExpiresAt = :at",
        ExpressionAttributeValues={":at": {"N": str(int(time.time()) + 600 + number)}},
    )  # fmt: skip


def test_a_second_run_is_told_who_holds_the_lock_and_reads_nothing(deployment: Deployment) -> None:
    deployment.dynamodb.put_item(
        TableName="locks",
        Item={"LockID": {"S": "demo-test"}, "Holder": {"S": "ann@elsewhere:1:1"}, "Reason": {"S": "rollout"},
              "Since": {"S": "2026-01-01T00:00:00+00:00"}, "ExpiresAt": {"N": str(int(time.time()) + 600)}},
    )  # fmt: skip
    deployment.proxy.forget()
    renewals = itertools.count()
    deployment.project.environment["SLIPWAY_LOCK_LEASE_SECONDS"] = "12"
    with repeatedly(lambda: renew(deployment.dynamodb, next(renewals)), pause=0.2):
        refused = deployment.converge()
    assert "demo-test is locked by ann@elsewhere:1:1 since 2026-01-01T00:00:00+00:00 (rollout)" in refused.result["msg"]
    assert [operation for operation in deployment.proxy.operations if "DynamoDB" not in operation] == []
    assert deployment.keys() == []


def test_a_lock_lasts_as_long_as_the_playbook_and_is_not_taken_twice(deployment: Deployment) -> None:
    seen = deployment.project.folder / "seen.json"
    look = "import boto3, json, sys; print(json.dumps(boto3.client('dynamodb').scan(TableName='locks')['Items']))"
    converge = {"name": "Converge", "slipway.graph.converge": {"roles": ["demo"], **deployment.options()}}
    plays = [{"tasks": [
        {"name": "Lock", "slipway.graph.lock": {"table": "locks", "key": "demo-test", "reason": "before"}},
        converge,
        {"name": "Look", "ansible.builtin.command": {"argv": ["{{ ansible_playbook_python }}", "-c", look]},
         "register": "looked"},
        {"name": "Keep", "ansible.builtin.copy": {"content": "{{ looked.stdout }}", "dest": str(seen), "mode": "0600"}},
    ]}]  # fmt: skip
    outcome = deployment.project.run_plays(t.cast("list[dict[str, t.Any]]", plays))
    assert outcome.returncode == 0, outcome.output
    (lock,) = json.loads(seen.read_text())
    assert lock["Reason"]["S"] == "before"
    wait_until(lambda: deployment.locks() == [])
    plays[0]["tasks"] = t.cast("list[dict[str, t.Any]]", plays[0]["tasks"])[1:]
    assert deployment.project.run_plays(t.cast("list[dict[str, t.Any]]", plays)).returncode == 0
    (lock,) = json.loads(seen.read_text())
    assert lock["Reason"]["S"] == "site"
    wait_until(lambda: deployment.locks() == [])


def test_a_system_that_another_ledger_knows_is_refused_and_after_a_move_it_is_not(deployment: Deployment) -> None:
    for name in ("ledger-us-east-2", "ledger-eu-west-1-logs"):
        deployment.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        deployment.s3.put_object(Bucket=name, Key=APPLIED, Body=b"{}")
    given = {"bucket": BUCKET, "elsewhere": "ledger-[a-z]+(-[a-z]+)+-[0-9]"}
    deployment.proxy.forget()
    refused = deployment.converge(ledger=given)
    assert "in another Region of this account: the ledger ledger-us-east-2 knows it" in refused.result["msg"]
    assert [each for each in deployment.proxy.writes if "Item" not in each] == []
    deployment.proxy.denied = {"rest:Get /ledger-us-east-2"}
    assert deployment.converge("--check", ledger=given).returncode == 0, "one that cannot be asked keeps nobody waiting"
    deployment.proxy.denied = set()
    assert deployment.converge(ledger={**given, "left": "us-east-2"}).returncode == 0
    assert deployment.converge(ledger=given).returncode == 0, "from then on its own ledger knows it"


def test_what_is_no_place_in_a_ledger_is_refused_before_any_call(deployment: Deployment) -> None:
    for given, message in (
        ({"bucket": ""}, "ledger: bucket is empty"),
        ({"bucket": BUCKET, "verb": "../x"}, "ledger: verb is '../x'; allowed are lower-case letters"),
        ({"bucket": BUCKET, "name": "a/b"}, "ledger: name is 'a/b'; allowed are letters"),
        ({"bucket": BUCKET, "elsewhere": "("}, "ledger: elsewhere is '(', no regular expression"),
    ):
        refused = deployment.converge(ledger=given)
        assert message in refused.result["msg"]
    assert deployment.proxy.operations == []


def test_everything_is_asked_with_the_credentials_that_write(deployment: Deployment) -> None:
    """Of `module_defaults`: the account check asked about those of the environment, whatever wrote."""
    given = {"access_key": "999999999999", "secret_key": "emulated-secret-key"}
    task = {"slipway.graph.converge": {"roles": ["demo"], "account": "123456789012", **deployment.options()},
            "module_defaults": {"group/amazon.aws.aws": given, "group/community.aws.aws": given}}  # fmt: skip
    done = deployment.project.run(task)
    assert done.returncode == 0, done.output
    assert "query:GetCallerIdentity" in deployment.proxy.operations
    assert deployment.proxy.access_keys == {"999999999999"}


def test_a_policy_steps_over_records_that_do_not_tell(deployment: Deployment) -> None:
    deployment.converge()
    folder = deployment.project.folder / "records"
    folder.mkdir()
    (folder / "1.json").write_text(json.dumps(deployment.records()[0]))
    (folder / "2.json").write_text(json.dumps({"host": "demo-test", "status": "running"}))
    (folder / "3.json").write_text("{")
    task = {"slipway.graph.policy": {"journals": [str(folder)]}}
    made = deployment.project.run(task)
    said = " ".join(made.output.split())
    assert f"{folder}/2.json is not a journal and was left out: the run goes on, or was killed" in said
    assert f"{folder}/3.json is not a journal and was left out: JSONDecodeError" in said
    assert [Path(path).name for path in made.result["journals"]] == ["1.json"]
    (folder / "1.json").unlink()
    assert "nothing is left to read" in deployment.project.run(task).result["msg"]


def wait_until(holds: t.Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)
