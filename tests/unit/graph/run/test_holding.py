"""Rule 7: nothing bypasses the barrier, and of what it cannot hold a plan says so."""

from __future__ import annotations

import types
import typing as t
from pathlib import Path

import ansible.modules
import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.read import modules
from ansible_collections.slipway.graph.plugins.plugin_utils.read.modules import Holding
from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.paths import ROOT
from tests.support.playbook import Outcome, Project

COLLECTIONS = (Path(ansible.__file__).parents[1] / "ansible_collections", ROOT / "collections" / "ansible_collections")
AWS = tuple[Project, ApiProxy]
CHECK = ("--check",)

PUT = """
- name: Object
  amazon.aws.s3_object: {bucket: demo, object: greeting, mode: put, src: "{{ file | default('greeting.txt') }}"}
  register: demo_object
"""
GET = """
- name: Download
  amazon.aws.s3_object: {bucket: demo, object: greeting, mode: get, dest: "{{ folder }}/downloaded"}
"""
MAKES_A_TOPIC = """
from ansible.module_utils.basic import AnsibleModule
import boto3

def main():
    module = AnsibleModule(dict(name=dict()))
    boto3.client("sns").create_topic(Name=module.params["name"])
    module.exit_json(changed=True)

if __name__ == "__main__":
    main()
"""
ALSO_WRITES = """
import subprocess
from ansible.module_utils.basic import AnsibleModule
import boto3

def main():
    module = AnsibleModule(dict(dest=dict(), how=dict()))
    boto3.client("sns").list_topics()
    if module.params["how"] == "file":
        with open(module.params["dest"], "w") as file:
            file.write("done")
    else:
        subprocess.run(["touch", module.params["dest"]], check=True)
    module.exit_json(changed=True)

if __name__ == "__main__":
    main()
"""
WRITES_FIRST = """
from ansible.module_utils.basic import AnsibleModule
import boto3

def main():
    module = AnsibleModule(dict(dest=dict(), name=dict()))
    open(module.params["dest"], "w").close()
    boto3.client("sns").create_topic(Name=module.params["name"])
    module.exit_json(changed=True)

if __name__ == "__main__":
    main()
"""
WITHOUT_CHECK_MODE = """
from ansible.module_utils.basic import AnsibleModule

def main():
    module = AnsibleModule(dict(dest=dict()))
    open(module.params["dest"], "w").close()
    module.exit_json(changed=True, name="made")

if __name__ == "__main__":
    main()
"""
SCRIPT = """#!/bin/sh
. "$1"
touch "$dest"
echo "{\\"changed\\": true, \\"name\\": \\"from-a-script\\"}"
"""
WANTS_JSON = """#!/usr/bin/python3
# WANT_JSON
import json, sys
options = json.load(open(sys.argv[1]))
open(options["dest"], "w").close()
print(json.dumps({"changed": True, "name": "from-json"}))
"""
SHOUTS = """
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.helper_of_role import shout

def main():
    module = AnsibleModule(dict(name=dict()), supports_check_mode=True)
    module.exit_json(changed=False, name=shout(module.params["name"]))

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def bucket(aws: AWS) -> AWS:
    """A project with a bucket, and a role with a file."""
    project, proxy = aws
    client(proxy, "s3").create_bucket(Bucket="demo", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    write(project, "files/greeting.txt", "hello")
    project.inventory(folder=str(project.folder))
    proxy.forget()
    return aws


def write(project: Project, path: str, content: str) -> None:
    target = project.folder / "roles" / "demo" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content)


def call(outcome: Outcome, task: str) -> dict[str, t.Any]:
    return next(each for each in outcome.journal["calls"] if each["task"] == task)


def api_calls(outcome: Outcome, task: str) -> set[str]:
    return {each["operation"] for each in call(outcome, task)["api_calls"]}


def objects(proxy: ApiProxy) -> dict[str, str]:
    s3 = client(proxy, "s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="demo").get("Contents", [])]
    return {key: s3.get_object(Bucket="demo", Key=key)["Body"].read().decode() for key in keys}


def test_an_object_is_planned_as_the_call_that_puts_it_and_is_journalled(bucket: AWS) -> None:
    project, proxy = bucket
    project.role("demo", PUT)
    planned = project.converge("demo", arguments=CHECK)
    assert "+ demo: Object: s3:PutObject" in planned.output
    put = call(planned, "Object")["writes"][0]
    assert (put["parameters"]["Bucket"], put["parameters"]["Key"]) == ("demo", "greeting")
    assert put["parameters"]["Body"].startswith("5 bytes, sha256 2cf24dba5fb0a30e")
    assert "HeadObject" in api_calls(planned, "Object")
    assert (proxy.writes, objects(proxy)) == ([], {})
    applied = project.converge("demo")
    assert "PutObject" in api_calls(applied, "Object")
    assert objects(proxy) == {"greeting": "hello"}
    assert "0 to change, 1 unchanged" in project.converge("demo", arguments=CHECK).output


def test_an_object_of_several_parts_is_planned_without_a_wait_for_its_threads(bucket: AWS) -> None:
    project, proxy = bucket
    (project.folder / "large").write_bytes(bytes(20_000_000))
    project.role("demo", PUT)
    planned = project.converge("demo", arguments=(*CHECK, "-e", f"file={project.folder}/large"))
    assert "+ demo: Object: s3:CreateMultipartUpload" in planned.output
    assert proxy.writes == []


def test_a_saved_plan_holds_an_object(bucket: AWS) -> None:
    project, proxy = bucket
    project.role("demo", PUT)
    project.converge("demo")
    project.converge("demo", arguments=CHECK)
    client(proxy, "s3").delete_object(Bucket="demo", Key="greeting")
    proxy.forget()
    applied = project.converge("demo", plan=str(project.folder / "plan.json"))
    assert "the plan says no write, but now it would be s3:PutObject" in applied.result["msg"]
    assert proxy.writes == []


def test_a_saved_plan_of_an_object_is_applied_and_no_other_content(bucket: AWS) -> None:
    project, proxy = bucket
    project.role("demo", PUT)
    saved = project.folder / "saved.json"
    project.converge("demo", arguments=CHECK)
    (project.folder / "plan.json").rename(saved)
    write(project, "files/greeting.txt", "HELLO")
    assert "the plan is stale" in project.converge("demo", plan=str(saved)).result["msg"]
    write(project, "files/greeting.txt", "hello")
    assert project.converge("demo", plan=str(saved)).returncode == 0
    assert objects(proxy) == {"greeting": "hello"}


def test_a_plan_downloads_nothing(bucket: AWS) -> None:
    project, proxy = bucket
    client(proxy, "s3").put_object(Bucket="demo", Key="greeting", Body=b"hello")
    project.role("demo", GET)
    planned = project.converge("demo", arguments=CHECK)
    assert "+ demo: Download: local:WriteFile" in planned.output
    assert not [path for path in project.folder.iterdir() if path.name.startswith("downloaded")]
    assert project.converge("demo", plan=str(project.folder / "plan.json")).returncode == 0
    assert (project.folder / "downloaded").read_text() == "hello"
    assert "0 to change, 1 unchanged" in project.converge("demo", arguments=CHECK).output


def test_a_saved_plan_without_a_change_downloads_nothing(bucket: AWS) -> None:
    project, proxy = bucket
    s3 = client(proxy, "s3")
    s3.put_object(Bucket="demo", Key="greeting", Body=b"hello")
    project.role("demo", GET)
    project.converge("demo")
    project.converge("demo", arguments=CHECK)
    assert project.converge("demo", plan=str(project.folder / "plan.json")).returncode == 0
    s3.put_object(Bucket="demo", Key="greeting", Body=b"other")
    applied = project.converge("demo", plan=str(project.folder / "plan.json"))
    assert "the plan is stale" in applied.result["msg"]
    assert (project.folder / "downloaded").read_text() == "hello"


def test_a_saved_plan_lets_a_module_go_on_after_what_it_has_done_to_this_machine(aws: AWS) -> None:
    project, proxy = aws
    project.inventory(folder=str(project.folder))
    project.role("demo", '- {name: First, first: {dest: "{{ folder }}/made", name: after}}\n')
    project.module("demo", "first", WRITES_FIRST)
    planned = project.converge("demo", arguments=CHECK)
    assert "+ demo: First: local:WriteFile" in planned.output
    assert project.converge("demo", plan=str(project.folder / "plan.json")).returncode == 0
    assert len(client(proxy, "sns").list_topics()["Topics"]) == 1


def test_a_module_of_a_role_that_uses_boto3_is_held_without_a_check_mode(aws: AWS) -> None:
    project, proxy = aws
    project.role("demo", "- {name: Topic, topic: {name: of-a-role}}\n")
    project.module("demo", "topic", MAKES_A_TOPIC)
    planned = project.converge("demo", arguments=CHECK)
    assert '+ demo: Topic: sns:CreateTopic {"Name": "of-a-role"}' in planned.output
    assert proxy.writes == []
    assert "CreateTopic" in api_calls(project.converge("demo"), "Topic")


@pytest.mark.parametrize(
    ("how", "what"), [("file", "local:WriteFile"), ("program", 'local:RunProgram {"Program": "to')]
)
def test_a_module_of_a_role_that_uses_boto3_does_nothing_else_in_a_plan(aws: AWS, how: str, what: str) -> None:
    project, _proxy = aws
    project.inventory(folder=str(project.folder))
    project.role("demo", f'- {{name: Both, both: {{dest: "{{{{ folder }}}}/made", how: {how}}}}}\n')
    project.module("demo", "both", ALSO_WRITES)
    planned = project.converge("demo", arguments=CHECK)
    assert f"+ demo: Both: {what}" in planned.output
    assert not (project.folder / "made").exists()
    assert project.converge("demo").returncode == 0
    assert (project.folder / "made").exists()


@pytest.mark.parametrize(
    ("task", "module"),
    [
        ("make: {dest: DEST}", WITHOUT_CHECK_MODE),
        ("ansible.builtin.command: touch DEST", ""),
        ("ansible.builtin.uri: {url: http://127.0.0.1:9, method: POST}", ""),
    ],
)
def test_what_has_no_check_mode_is_not_counted_as_nothing(aws: AWS, task: str, module: str) -> None:
    project, proxy = aws
    project.inventory(folder=str(project.folder))
    made = "{{ folder }}/made"
    project.role(
        "demo",
        f"""
- name: Unknown
  {task.replace("DEST", f"'{made}'" if "{" in task else made)}
  register: demo_made
- name: Topic
  community.aws.sns_topic: {{name: "x-{{{{ demo_made.name | default(demo_made.stdout) }}}}"}}
- name: Not run either way
  {task.replace("DEST", f"'{made}'" if "{" in task else made)}
  when: false
""",
    )
    if module:
        project.module("demo", "make", module)
    planned = project.converge("demo", arguments=CHECK)
    assert "? demo: Unknown: " in planned.output
    assert "only an apply can tell" in planned.output
    assert "inputs known after apply: demo_made" in planned.output
    headline = "Plan: 2 to change (1 with inputs known after apply, 1 that only an apply can tell), 0 unchanged"
    assert headline in planned.output
    assert planned.calls("skipped") == ["Not run either way"]
    assert planned.result["changed"]
    assert not (project.folder / "made").exists()
    assert proxy.writes == []


def test_what_has_no_check_mode_and_says_that_it_changes_nothing_is_not_counted(project: Project) -> None:
    project.role("demo", "- {name: Look, ansible.builtin.command: id, register: demo_id, changed_when: false}\n")
    planned = project.converge("demo", arguments=CHECK)
    assert "Plan: 0 to change, 0 unchanged" in planned.output
    assert planned.calls("unknown") == ["Look"]


def test_a_task_that_asks_to_run_in_check_mode_too_is_run_in_a_plan(aws: AWS) -> None:
    project, proxy = aws
    project.role(
        "demo",
        """
- {name: Look, ansible.builtin.command: echo live, register: demo_look, check_mode: false, changed_when: false}
- {name: Topic, community.aws.sns_topic: {name: "x-{{ demo_look.stdout }}"}}
- {name: Held all the same, community.aws.sns_topic: {name: y}, check_mode: false}
""",
    )
    planned = project.converge("demo", arguments=CHECK)
    assert '+ demo: Topic: sns:CreateTopic {"Name": "x-live"' in planned.output
    assert "+ demo: Held all the same: sns:CreateTopic" in planned.output
    assert proxy.writes == []


@pytest.mark.parametrize(("name", "body"), [("made.sh", SCRIPT), ("made", WANTS_JSON)])
def test_a_module_that_is_a_program_is_run_as_in_a_play_and_not_at_all_in_a_plan(
    project: Project, name: str, body: str
) -> None:
    project.inventory(folder=str(project.folder))
    project.role(
        "demo",
        """
- {name: Make, made: {dest: "{{ folder }}/made"}, register: demo_made}
- {name: Copy, ansible.builtin.copy: {dest: "{{ folder }}/copy", content: "{{ demo_made.name }}", mode: "0600"}}
""",
    )
    write(project, f"library/{name}", body)
    planned = project.converge("demo", arguments=CHECK)
    assert "? demo: Make: made, only an apply can tell" in planned.output
    assert not (project.folder / "made").exists()
    assert project.converge("demo", plan=str(project.folder / "plan.json")).returncode == 0
    seen = (project.folder / "copy").read_text()
    (project.folder / "copy").unlink()
    assert project.plain("demo").returncode == 0
    assert (project.folder / "copy").read_text() == seen
    assert seen in ("from-a-script", "from-json")


def test_a_module_of_a_role_finds_the_module_utils_of_its_role(project: Project) -> None:
    project.inventory(folder=str(project.folder))
    project.role(
        "demo",
        """
- {name: Shout, shouts: {name: hello}, register: demo_shout}
- {name: Copy, ansible.builtin.copy: {dest: "{{ folder }}/copy", content: "{{ demo_shout.name }}", mode: "0600"}}
""",
    )
    project.module("demo", "shouts", SHOUTS)
    write(project, "module_utils/helper_of_role.py", "def shout(text):\n    return text.upper()\n")
    assert project.converge("demo").returncode == 0
    assert (project.folder / "copy").read_text() == "HELLO"


def test_every_action_plugin_before_a_module_that_uses_boto3_is_known() -> None:
    found = {
        ".".join((*plugin.relative_to(root).parts[:2], plugin.stem))
        for root in COLLECTIONS
        for plugin in root.glob("*/*/plugins/action/*.py")
        if modules.reaches_boto3(str(plugin.parents[1] / "modules" / plugin.name))
    }
    assert found == {"amazon.aws.s3_object"}
    assert all(map(modules.has_known_plugin, found))


def test_what_is_held_is_told_from_the_module_and_not_from_its_name() -> None:
    expected = {
        "amazon.aws.ec2_vpc_net": Holding.BARRIER,
        "slipway.aws.ecs_service": Holding.BARRIER,
        "slipway.graph.tagged_resource": Holding.BARRIER,
        "amazon.aws.s3_object": Holding.GUARD,
        "community.general.maven_artifact": Holding.GUARD,
        "amazon.aws.ec2_metadata_facts": Holding.CHECK_MODE,
        "ansible.builtin.file": Holding.CHECK_MODE,
        "community.general.ini_file": Holding.CHECK_MODE,
    }
    assert {name: modules.holding_of(step(name)) for name in expected} == expected


def step(module: str) -> t.Any:
    namespace, collection, name = module.split(".")
    inside = Path(namespace, collection, "plugins", "modules", f"{name}.py")
    paths = [root / inside for root in COLLECTIONS] + [Path(ansible.modules.__path__[0], f"{name}.py")]
    path = next(str(path) for path in paths if path.is_file())
    return types.SimpleNamespace(module=module, path=path, has_action_plugin=False)
