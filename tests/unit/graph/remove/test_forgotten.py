"""What was taken out of the roles is not "0 to change": the plan says it, until the orphans are gone."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from tests.support import emulators
from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Outcome, Project

AWS = tuple[Project, ApiProxy]
TAGS = {"system": "demo", "environment": "test"}
TOPICS = """
- name: Topics
  community.aws.sns_topic: {name: "{{ item }}", tags: {system: demo, environment: test}}
  loop: "{{ demo_topics }}"
  register: demo_results
- name: Logs
  community.aws.cloudwatchlogs_log_group: {log_group_name: demo, tags: {system: demo, environment: test}}
  when: demo_logs
"""
OLD = "- name: Topic\n  community.aws.sns_topic: {name: old, tags: {system: demo, environment: test}}\n"


class Shop:
    """A system of two roles, and the file that knows what was applied."""

    def __init__(self, aws: AWS) -> None:
        self.project, self.proxy = aws
        self.applied = self.project.folder / "applied.json"
        self.journal = self.project.folder / "journal.json"
        self.project.role("demo", TOPICS)
        self.project.role("old", OLD)
        self.inputs()

    def inputs(self, topics: tuple[str, ...] = ("one", "two"), logs: bool = True) -> None:
        self.project.inventory(demo_topics=list(topics), demo_logs=logs)

    def converge(self, *roles: str, arguments: tuple[str, ...] = ()) -> Outcome:
        return self.project.converge(*roles, applied=str(self.applied), arguments=arguments)

    def plan(self, *roles: str, arguments: tuple[str, ...] = ()) -> dict[str, t.Any]:
        """The plan as a document; nothing is written for it."""
        self.proxy.forget()
        planned = self.converge(*roles, arguments=("--check", *arguments))
        assert planned.returncode == 0, planned.output
        assert self.proxy.writes == []
        self.output = planned.output
        document: dict[str, t.Any] = json.loads(self.journal.with_name("plan.json").read_text())
        return document

    def orphans(self, *roles: str, **options: t.Any) -> Outcome:
        return self.project.run(
            {"slipway.graph.orphans": {"roles": list(roles), "tags": TAGS, "applied": str(self.applied), **options}}
        )


@pytest.fixture
def shop(aws: AWS) -> Shop:
    shop = Shop(aws)
    applied = shop.converge("demo", "old")
    assert applied.returncode == 0, applied.output
    return shop


def test_rule_11_a_role_that_is_taken_out_is_named_in_every_form_of_the_plan(shop: Shop) -> None:
    assert shop.plan("demo", "old")["forgotten"] == []
    assert "no longer in any task" not in shop.output
    assert shop.plan("demo")["forgotten"] == ["old/Topic"]
    told = "1 resource of earlier applies, and no task knows it any more (see orphans): old: Topic"
    assert told in shop.output
    assert "Plan: 0 to change, 1 no longer in any task, 3 unchanged" in shop.output
    for name in ("plan.md", "report.html"):
        content = shop.journal.with_name(name).read_text()
        assert told in content
        assert "0 to change, 1 no longer in any task, 3 unchanged" in content
    # An apply leaves it as it is, and says so too, and so does the plan after it.
    assert told in shop.converge("demo").output
    assert shop.plan("demo")["forgotten"] == ["old/Topic"]


def test_rule_11_an_item_that_is_taken_out_and_what_is_switched_off_are_named(shop: Shop) -> None:
    shop.inputs(topics=("two",), logs=False)
    assert shop.plan("demo", "old")["forgotten"] == ["demo/Logs", "demo/Topics [one]"]
    shop.inputs(topics=())
    assert shop.plan("demo", "old")["forgotten"] == ["demo/Topics [one]", "demo/Topics [two]"]


def test_rule_11_what_is_only_called_otherwise_or_not_selected_is_known(shop: Shop) -> None:
    shop.project.role("demo", "# A comment\n" + TOPICS.replace("name: Logs", "name: The logs"))
    assert shop.plan("demo", "old")["forgotten"] == []
    shop.project.role("demo", TOPICS + "  tags: [slow]\n")
    assert shop.plan("demo", "old", arguments=("--skip-tags", "slow"))["forgotten"] == []


def test_rule_11_what_a_result_rules_out_is_no_loss(shop: Shop) -> None:
    shop.project.role("demo", TOPICS.replace("when: demo_logs", "when: demo_results is changed"))
    shop.inputs(topics=("one", "two", "three"))
    shop.converge("demo", "old")
    # The log group was there already; that it is left out this time is no decision of anybody's.
    assert shop.plan("demo", "old")["forgotten"] == []


def test_rule_11_what_a_task_tagged_never_has_made_is_no_orphan_to_delete(shop: Shop) -> None:
    rare = OLD.replace("name: Topic", "name: Rare").replace("name: old", "name: rare") + "  tags: [never, rare]\n"
    shop.project.role("old", OLD + rare)
    applied = shop.converge("demo", "old", arguments=("--tags", "all,rare"))
    assert "Rare" in applied.calls("changed"), applied.output
    assert shop.plan("demo", "old")["forgotten"] == [], "a task knows it, if only its tags run it"
    shop.proxy.forget()
    refused = shop.orphans("demo", "old", delete=True, confirm="demo-test")
    assert refused.returncode != 0
    assert "tasks that only run when their tags are given have made something" in refused.result["msg"]
    assert "old: Rare" in refused.result["msg"]
    assert shop.proxy.writes == []
    destroyed = shop.project.converge(
        "demo", "old", applied=str(shop.applied), state="absent", confirm="demo-test"
    )  # fmt: skip
    assert "not destroyed, since their tasks are tagged `never`: old: Rare" in " ".join(destroyed.output.split())


def test_rule_11_orphans_takes_it_from_there(tmp_path: Path) -> None:
    # moto cannot list everything, and what could not be read may be one of them.
    with emulators.ministack() as url, ApiProxy(url) as proxy:
        shop = Shop((Project(tmp_path, proxy.url), proxy))
        assert shop.converge("demo", "old").returncode == 0
        shop.inputs(topics=("two",))
        listed = shop.orphans("demo")
        gone = ["demo/Topics [one]", "old/Topic"]
        assert listed.result["forgotten"] == gone, listed.output
        assert {each["id"] for each in listed.result["orphans"]} == {"one", "old"}
        assert shop.plan("demo")["forgotten"] == gone, "a look changes nothing"
        deleted = shop.orphans("demo", delete=True, confirm="demo-test")
        assert deleted.returncode == 0, deleted.output
        topics = client(proxy, "sns").list_topics()["Topics"]
        assert [each["TopicArn"].rpartition(":")[2] for each in topics] == ["two"]
        assert shop.plan("demo")["forgotten"] == []
