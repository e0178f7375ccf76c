"""What has to be typed before something is deleted."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.remove import confirmation
from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Project

ROLE = """
- name: Topics
  community.aws.sns_topic: {name: "{{ item }}"}
  loop: [orders, invoices]
  vars: {protect: true}
- name: Logs
  community.aws.cloudwatchlogs_log_group: {log_group_name: demo}
"""


@pytest.fixture
def shop(aws: tuple[Project, ApiProxy]) -> tuple[Project, ApiProxy]:
    """An account with two protected topics and a log group that is not."""
    project, _proxy = aws
    project.role("shop", ROLE)
    assert project.converge("shop").returncode == 0
    return aws


def test_rule_10_what_is_protected_is_refused_unless_the_confirmation_names_it_besides_the_system(
    shop: tuple[Project, ApiProxy],
) -> None:
    project, proxy = shop
    proxy.forget()
    missing = project.converge("shop", state="absent").result["msg"]
    assert "shop: Topics (orders)  [protected]" in missing
    assert "Nothing was deleted. To go ahead, name the system" in missing
    assert "-e confirm=demo-test -e confirm_protected=shop\n" in missing
    refused = project.converge("shop", state="absent", confirm="demo-test")
    assert refused.returncode != 0
    assert "Nothing was deleted. Protected, but not named: shop. To go ahead, " in refused.result["msg"]
    half = project.converge("shop", state="absent", confirm="demo-test", confirm_protected=["shop/orders"])
    assert "Protected, but not named: shop." in half.result["msg"]
    assert proxy.writes == []
    # As it is typed on a command line.
    destroyed = project.converge("shop", state="absent", confirm="demo-test", confirm_protected="shop")
    assert destroyed.returncode == 0, destroyed.output
    assert client(proxy, "sns").list_topics()["Topics"] == []
    # Run again, as after an interruption, with the same words.
    again = project.converge("shop", state="absent", confirm="demo-test", confirm_protected="shop")
    assert again.returncode == 0, again.output


def test_rule_10_a_wrong_confirmation_is_told_from_a_missing_one(shop: tuple[Project, ApiProxy]) -> None:
    project, proxy = shop
    proxy.forget()
    wrong = project.converge("shop", state="absent", confirm="demo-prod", confirm_protected=["shop"])
    assert wrong.returncode != 0
    assert "Nothing was deleted. You confirmed demo-prod, but this is demo-test. To go" in wrong.result["msg"]
    typo = project.converge("shop", state="absent", confirm="demo-test", confirm_protected=["shop", "shoop"])
    assert "confirm_protected names shoop, where nothing is protected." in typo.result["msg"]
    orphans = {"roles": ["shop"], "tags": {"system": "demo"}, "delete": True, "confirm": "demo-prod"}
    client(proxy, "sns").create_topic(Name="old", Tags=[{"Key": "system", "Value": "demo"}])
    proxy.forget()
    told = project.run({"slipway.graph.orphans": orphans}).result["msg"]
    assert "Nothing was deleted. You confirmed demo-prod, but this is demo-test." in told
    assert proxy.writes == []


def call(role: str, task: str, index: int, item: str | None = None) -> CallRecord:
    return CallRecord(task, role, "file:1", "module", "ok", (index, 0), item=item)


def step(role: str, name: str, index: int) -> Step:
    return Step(index, None, role, name, "file:1", "module", "", False, (), ())


KEYS = step("kms", "Keys", 0)
TABLE = step("", "Make the table", 1)
LOST = [call("kms", "Keys", 0, "database"), call("kms", "Keys", 0, "files"), call("", "Make the table", 1)]


@pytest.mark.parametrize(
    ("named", "problems"),
    [
        (["kms", "Make the table"], []),
        (["kms/database", "kms/files", "Make the table"], []),
        (["kms/database", "Make the table"], ["Protected, but not named: kms."]),
        ([], ["Protected, but not named: Make the table, kms."]),
        (["kms", "Make the table", "vpc"], ["confirm_protected names vpc, where nothing is protected."]),
    ],
)
def test_rule_10_a_role_or_each_of_its_items_is_named(named: list[str], problems: list[str]) -> None:
    assert confirmation.of_protected({KEYS, TABLE}, LOST, named) == problems


def test_rule_10_the_refusal_gives_the_words_to_type() -> None:
    assert confirmation.advice("shop-dev", set(), LOST).endswith(": -e confirm=shop-dev")
    assert "-e confirm=shop-dev -e confirm_protected=kms\n" in confirmation.advice("shop-dev", {KEYS}, LOST)
    both = confirmation.advice("shop-dev", {KEYS, TABLE}, LOST)
    assert """-e confirm=shop-dev -e '{"confirm_protected": ["Make the table", "kms"]}'""" in both
