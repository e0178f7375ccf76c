"""Rule 3, where no data flows: what a play would do one after the other, and nobody can show to be independent."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.read import graph, mentions
from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.needs import value_names
from tests.support.api_proxy import ApiProxy
from tests.support.playbook import Project


class Plain:
    """Renders nothing: a value with braces comes from the results that it names."""

    def known_items(self, _step: Step, _targets: t.Any) -> list[dict[str, t.Any]] | None:
        return [{}]

    def known_values(self, _step: Step, _overlay: t.Any, targets: t.Any) -> mentions.KnownValues:
        return lambda value: (value, frozenset(value_names(value)) & targets)


def ordered(*tasks: tuple[str, dict[str, t.Any]], after: dict[int, list[str]] | None = None) -> Graph:
    """A graph of tasks by module and arguments; task ``n`` registers ``rn``."""
    after = after or {}
    steps = [
        Step(
            index=index, task=t.cast("t.Any", types.SimpleNamespace(args=args)), role="r", name=f"task {index}",
            location=f"main.yml:{index}", module=module, path="", has_action_plugin=False, registers=(f"r{index}",),
            after=tuple(after.get(index, [])), says_its_order=index in after,
        )
        for index, (module, args) in enumerate(tasks)
    ]  # fmt: skip
    names = frozenset({"r9", *(step.registers[0] for step in steps)})
    connected = graph.build(steps, lambda step: value_names(step.task.args) & names)
    return graph.with_places(connected, lambda step: mentions.of(step, Plain(), names))


def follows(of: Graph, index: int) -> set[int]:
    """Whom a task follows."""
    return {need.index for need in of.needs(of.steps[index])}


def made(module: str, **args: t.Any) -> tuple[str, dict[str, t.Any]]:
    return f"amazon.aws.{module}", args


def builtin(module: str, **args: t.Any) -> tuple[str, dict[str, t.Any]]:
    return f"ansible.builtin.{module}", args


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (made("iam_role", name="shop"), made("iam_policy", iam_name="shop", policy_name="logs")),
        (made("s3_bucket", name="shop-logs"), made("s3_object", bucket="shop-logs", object="a")),
        (made("ec2_key", name="shop"), made("ec2_instance", name="web", key_name="shop")),
        (made("iam_role", name="shop"), made("iam_instance_profile", name="other", role="shop")),
        (made("elb_target_group", name="web"), made("elb_application_lb", lines=[{"TargetGroupName": "web"}])),
        (made("rds_subnet_group", name="d"), made("rds_instance", db_subnet_group_name="d")),
        (made("iam_role", name="shop"), made("lambda", name="f", role="arn:aws:iam::123456789012:role/shop")),
        (made("ec2_instance", instance_ids="{{ r9 }}", state="stopped"), made("ec2_instance", instance_ids="{{ r9 }}")),
        (made("s3_object", bucket="b", object="a"), made("s3_object", bucket="b", mode="list")),
        (made("s3_object_info", bucket_name="b"), made("s3_object", bucket="b", object="a", mode="delobj")),
        (made("sns_topic", name="news"), made("sns_topic", name="news", state="absent")),
        (made("sns_topic", name="news", state="absent"), made("sns_topic", name="news")),
        (made("ec2_vpc_subnet", cidr="10.0.0.0/24"), made("ec2_vpc_subnet_info")),
        (made("ec2_vpc_subnet", cidr="10.0.0.0/24"), made("ec2_vpc_subnet_info", filters={"tag:Name": "shop"})),
        (made("rds_instance", db_instance_identifier="a"), made("rds_instance_info", filters={"engine": "mysql"})),
        (made("ec2_ami", name="a", state="present"), made("ec2_ami_info", owners=["self"])),
        (made("s3_bucket", name="{{ r9 }}"), made("s3_bucket", name="other", state="{{ r9 }}")),
    ],
    ids=lambda task: task[0].removeprefix("amazon.aws."),
)  # fmt: skip
def test_rule_03_tasks_that_name_the_same_thing_run_as_written(first: t.Any, second: t.Any) -> None:
    assert 0 in follows(ordered(first, second), 1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (made("sns_topic", name="shop"), made("sqs_queue", name="shop")),
        (made("sns_topic", name="one"), made("sns_topic", name="two")),
        (made("s3_object", bucket="b", object="a"), made("s3_object", bucket="b", object="c")),
        (made("ec2_vpc_subnet", vpc_id="{{ r9 }}", cidr="10.0.0.0/24"), made("ec2_vpc_subnet", vpc_id="{{ r9 }}")),
        (
            made("rds_instance_info", db_instance_identifier="a"),
            made("rds_instance_info", db_instance_identifier="a"),
        ),
        (made("rds_instance", db_instance_identifier="a"), made("rds_instance_info", db_instance_identifier="b")),
        (made("ecs_service", name="api", cluster="c"), made("elb_target_group", name="api")),
        (made("iam_role", name="one"), made("iam_policy", iam_name="two", policy_name="p", state="absent")),
    ],
    ids=lambda task: task[0].removeprefix("amazon.aws."),
)
def test_rule_03_tasks_that_name_different_things_run_side_by_side(first: t.Any, second: t.Any) -> None:
    assert follows(ordered(first, second), 1) == set()


def test_rule_03_a_deletion_follows_what_may_use_what_it_deletes() -> None:
    ordered_ = ordered(
        made("s3_bucket", name="shop-logs"),
        made("sns_topic", name="news"),
        made("cloudfront_distribution", comment="x", origins=[{"domain_name": "{{ r0.name }}"}]),
        made("s3_bucket", name="shop-logs", state="absent"),
    )
    assert follows(ordered_, 3) == {0, 2}


def test_rule_03_a_deletion_of_what_only_a_result_tells_follows_everything() -> None:
    listed = made("s3_object", bucket="from", mode="list")
    copied = made("s3_object", bucket="to", object="{{ r0 }}", mode="copy", copy_src={"bucket": "from"})
    deleted = made("s3_object", bucket="from", object="{{ r0 }}", mode="delobj")
    ordered_ = ordered(listed, copied, deleted, made("s3_object", bucket="from", mode="list"))
    assert follows(ordered_, 2) >= {0, 1}
    assert 2 in follows(ordered_, 3)


def test_rule_03_a_command_keeps_its_place() -> None:
    ordered_ = ordered(made("sns_topic", name="a"), builtin("command"), made("sns_topic", name="b"), builtin("copy"))
    assert [follows(ordered_, index) for index in range(4)] == [set(), {0}, {1}, {1, 2}]


def test_rule_03_a_command_that_says_what_it_follows_keeps_no_place() -> None:
    ordered_ = ordered(
        made("sns_topic", name="a"), builtin("command"), made("sns_topic", name="b"), builtin("command"),
        after={1: [], 3: ["r2"]},
    )  # fmt: skip
    assert [follows(ordered_, index) for index in range(4)] == [set(), set(), set(), {2}]


def test_rule_03_fail_and_assert_guard_the_writes_behind_them() -> None:
    ordered_ = ordered(
        made("sns_topic", name="a"), builtin("assert", that="{{ r0 }}"), made("sns_topic", name="b"),
        made("sns_topic_info", name="c"), builtin("fail"), made("sns_topic", name="d"),
    )  # fmt: skip
    assert follows(ordered_, 2) == {1}
    assert follows(ordered_, 3) == set()
    assert follows(ordered_, 4) == {1}
    assert follows(ordered_, 5) == {4}


def test_rule_03_a_guard_that_others_name_guards_these_only() -> None:
    ordered_ = ordered(
        builtin("assert", that="x"), made("sns_topic", name="a"), made("sns_topic", name="b"), after={2: ["r0"]}
    )
    assert [follows(ordered_, index) for index in (1, 2)] == [set(), {0}]


def test_rule_03_who_is_followed_by_an_earlier_task_does_not_wait_for_it() -> None:
    ordered_ = ordered(made("sns_topic", name="a"), builtin("command"), builtin("command"), after={0: ["r2"]})
    assert follows(ordered_, 0) == {2}
    assert follows(ordered_, 2) == set()


def test_rule_03_order_holds_through_a_task_that_is_left_out() -> None:
    ordered_ = ordered(made("sns_topic", name="a"), builtin("command"), builtin("command"), made("sns_topic", name="b"))
    kept = ordered_.subgraph({ordered_.steps[0], ordered_.steps[3]})
    assert kept.needs(kept.steps[1]) == {kept.steps[0]}


def test_rule_13_what_is_only_followed_is_not_needed_by_a_target() -> None:
    ordered_ = ordered(made("sns_topic", name="a"), builtin("command"), made("sns_topic", name="{{ r0 }}"))
    assert {step.index for step in ordered_.closure([ordered_.steps[2]])} == {0, 2}


def test_rule_03_objects_are_not_deleted_before_they_are_copied(aws: tuple[Project, ApiProxy]) -> None:
    """What a public role does: six objects were listed, copied and deleted, and five arrived."""
    project, _proxy = aws
    role = """
- {name: From, amazon.aws.s3_bucket: {name: from-here}}
- {name: To, amazon.aws.s3_bucket: {name: to-there}}
- {name: Put, amazon.aws.s3_object: {bucket: from-here, object: "o{{ item }}", content: x, mode: put}, loop: [1, 2, 3]}
- {name: List, amazon.aws.s3_object_info: {bucket_name: from-here}, register: listed}
- name: Copy
  amazon.aws.s3_object:
    {bucket: to-there, object: "{{ item }}", mode: copy, copy_src: {bucket: from-here, object: "{{ item }}"}}
  loop: "{{ listed.s3_keys }}"
- name: Delete
  amazon.aws.s3_object: {bucket: from-here, object: "{{ item }}", mode: delobj}
  loop: "{{ listed.s3_keys }}"
- {name: Left, amazon.aws.s3_object_info: {bucket_name: from-here}, register: left}
- {name: Arrived, amazon.aws.s3_object_info: {bucket_name: to-there}, register: arrived}
"""
    project.role("demo", role)
    moved = project.converge("demo", outputs={"left": "{{ left.s3_keys }}", "arrived": "{{ arrived.s3_keys }}"})
    assert moved.returncode == 0, moved.output
    assert moved.result["outputs"] == {"left": [], "arrived": ["o1", "o2", "o3"]}
