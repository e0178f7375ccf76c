"""The account is asked with the credentials that will write, and stands in the plan. MiniStack has many accounts."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.slipway.graph.plugins.plugin_utils.plan import saved_plan
from tests.support import emulators
from tests.support.api_proxy import ApiProxy
from tests.support.playbook import Outcome, Project

OURS, THEIRS = "111111111111", "999999999999"
ASKED = {"query:GetCallerIdentity", "query:ListAccountAliases"}
TOPIC = "- name: Topic\n  community.aws.sns_topic: {name: demo}\n"
# By the emulator's rule a key of twelve digits is the account's id.
KEYS = f"access_key: '{THEIRS}', secret_key: test"


@pytest.fixture(scope="module")
def ministack() -> Iterator[str]:
    with emulators.ministack() as url:
        yield url


@pytest.fixture
def accounts(tmp_path: Path, ministack: str) -> Iterator[tuple[Project, ApiProxy]]:
    """A project whose credentials are of our account; there is another one."""
    emulators.post(f"{ministack}/_ministack/reset")
    with ApiProxy(ministack) as proxy:
        project = Project(tmp_path, proxy.url)
        project.environment |= {"AWS_ACCESS_KEY_ID": OURS}
        yield project, proxy


Accounts = tuple[Project, ApiProxy]


def converge(project: Project, *arguments: str, play: dict[str, t.Any] | None = None, **options: t.Any) -> Outcome:
    given = {"roles": ["demo"], "journal": str(project.folder / "journal.json"), **options}
    return project.run({"slipway.graph.converge": given, **(play or {})}, *arguments)


def refused(outcome: Outcome, proxy: ApiProxy) -> bool:
    return (
        outcome.returncode != 0
        and proxy.writes == []
        and f"belong to account {THEIRS}" in outcome.result["msg"]
        and ("Nothing was written." in outcome.result["msg"] or "This task wrote nothing." in outcome.result["msg"])
    )


def test_keys_in_module_defaults_are_asked_not_only_those_of_the_environment(accounts: Accounts) -> None:
    project, proxy = accounts
    project.role("demo", TOPIC)
    theirs = {"group/community.aws.aws": {"access_key": THEIRS, "secret_key": "test"}}
    assert refused(converge(project, account=OURS, play={"module_defaults": theirs}), proxy)
    assert set(proxy.operations) == ASKED
    assert converge(project, account=THEIRS, play={"module_defaults": theirs}).returncode == 0


@pytest.mark.parametrize(
    "keys",
    [
        f"    access_key: '{THEIRS}'\n    secret_key: test\n",
        f"    aws_access_key: '{THEIRS}'\n    aws_secret_key: test\n",
        "    profile: theirs\n",
        "    access_key: '{{ keys }}'\n    secret_key: test\n",
        "  environment: {AWS_ACCESS_KEY_ID: '{{ keys }}'}\n",
    ],
)
def test_a_task_with_credentials_of_its_own_is_refused_before_another_writes(accounts: Accounts, keys: str) -> None:
    project, proxy = accounts
    credentials = project.folder / "credentials"
    accounts_of = {"default": OURS, "theirs": THEIRS}
    credentials.write_text(
        "".join(f"[{name}]\naws_access_key_id={key}\naws_secret_access_key=test\n" for name, key in accounts_of.items())
    )
    project.environment["AWS_SHARED_CREDENTIALS_FILE"] = str(credentials)
    if "profile" in keys:  # modules take no keys from the environment beside one
        project.environment |= {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    project.inventory(keys=THEIRS)
    task = f"- name: Theirs\n  community.aws.sns_topic:\n    name: theirs\n{keys}"
    project.role("demo", TOPIC + task)
    assert refused(converge(project, account=OURS), proxy)
    project.role("demo", f"{TOPIC}{task}  when: false\n")
    assert converge(project, account=OURS).returncode == 0, "it does not run"


def test_items_of_a_loop_with_credentials_of_their_own_are_asked(accounts: Accounts) -> None:
    project, proxy = accounts
    task = "- name: Each\n  community.aws.sns_topic: {name: demo, access_key: '{{ item }}', secret_key: test}\n"
    project.role("demo", f"{TOPIC}{task}  loop: ['{OURS}', '{THEIRS}']\n")
    assert refused(converge(project, account=OURS), proxy)
    project.role("demo", f"{TOPIC}{task}  loop: ['{OURS}', '{THEIRS}']\n  when: item != '{THEIRS}'\n")
    assert converge(project, account=OURS).returncode == 0


def test_credentials_that_come_from_a_result_are_asked_before_their_call_writes(accounts: Accounts) -> None:
    project, proxy = accounts
    project.role(
        "demo",
        f"""
- name: Find keys
  ansible.builtin.set_fact: {{demo_keys: "{THEIRS}"}}
- name: Theirs
  community.aws.sns_topic: {{name: theirs, access_key: "{{{{ demo_keys }}}}", secret_key: test}}
""",
    )
    outcome = converge(project, account=OURS)
    assert refused(outcome, proxy), outcome.output
    assert outcome.calls("failed") == ["Theirs"]


def test_a_task_that_only_reads_may_read_elsewhere(accounts: Accounts) -> None:
    project, _proxy = accounts
    project.role("demo", f"{TOPIC}- name: Look\n  amazon.aws.s3_bucket_info: {{{KEYS}}}\n")
    assert converge(project, account=OURS).returncode == 0


def test_each_distinct_credentials_are_asked_once(accounts: Accounts) -> None:
    project, proxy = accounts
    # Other keys than those of twelve digits all belong to one account.
    project.environment["AWS_ACCESS_KEY_ID"] = "one"
    own = "access_key: two, secret_key: test"
    tasks = [f"- community.aws.sns_topic: {{name: demo-{n}, {own if n % 2 else ''}}}\n" for n in range(6)]
    tasks.append("- amazon.aws.s3_bucket: {name: demo, region: us-east-1}\n")
    project.role("demo", "".join(tasks))
    assert converge(project, "--check", account="000000000000").returncode == 0
    assert proxy.operations.count("query:ListAccountAliases") == 2, proxy.operations
    assert set(proxy.operations[:4]) == ASKED, "before anything else"


def test_a_plan_says_for_which_account_and_region_it_is_and_is_applied_nowhere_else(accounts: Accounts) -> None:
    project, proxy = accounts
    project.role("demo", TOPIC)
    assert converge(project, "--check").returncode == 0
    saved = (project.folder / "plan.json").rename(project.folder / "saved.json")
    document = json.loads(saved.read_text())
    assert (document["account"], document["region"]) == (OURS, project.environment["AWS_REGION"])

    project.environment["AWS_ACCESS_KEY_ID"] = THEIRS
    elsewhere = converge(project, plan=str(saved))
    assert refused(elsewhere, proxy), elsewhere.output
    assert f"the plan was made for account {OURS}" in elsewhere.result["msg"]
    named = converge(project, plan=str(saved), account=THEIRS)
    assert f"it was made for account {OURS}, not for {THEIRS}" in named.result["msg"]

    project.environment |= {"AWS_ACCESS_KEY_ID": OURS, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    other_region = converge(project, plan=str(saved))
    assert f"made for Region {document['region']}, not for us-east-1" in other_region.result["msg"]
    assert proxy.writes == []

    project.environment |= {"AWS_REGION": document["region"], "AWS_DEFAULT_REGION": document["region"]}
    applied = converge(project, plan=str(saved))
    assert applied.returncode == 0, applied.output
    assert applied.journal["account"] == OURS


def test_a_plan_of_an_older_slipway_without_account_is_applied_where_one_says() -> None:
    saved_plan.SavedPlan({}).refuse_elsewhere(OURS, "eu-central-1")
    with pytest.raises(AnsibleActionFail, match="made for Region us-east-1, not for eu-central-1"):
        saved_plan.SavedPlan({}, place=("", "us-east-1")).refuse_elsewhere(OURS, "eu-central-1")


def test_the_deletion_of_what_a_task_made_elsewhere_goes_there(accounts: Accounts) -> None:
    project, _proxy = accounts
    project.role("demo", f"- name: Board\n  slipway.aws.cloudwatch_dashboard: {{name: demo, body: {{}}, {KEYS}}}\n")
    made = converge(project)
    assert made.returncode == 0, made.output
    gone = converge(project, state="absent", confirm=project.host)
    assert gone.returncode == 0, gone.output
    assert gone.calls("changed") == ["Board"]
