"""Rule 3: edges, and rule 10: the graph backwards."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleParserError

from ansible_collections.slipway.graph.plugins.plugin_utils.read import graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.remove import destroy


def steps(*declared: tuple[str, set[str], set[str]], after: dict[str, tuple[str, ...]] | None = None) -> t.Any:
    """Steps by (name, what they read, what they register), and the function that says what they read."""
    made = [
        Step(
            index=index, task=None, role="role", name=name, location=f"tasks.yml:{index + 1}", module="a.b.c", path="",
            has_action_plugin=False, registers=tuple(sorted(writes)), after=(after or {}).get(name, ()),
        )
        for index, (name, _reads, writes) in enumerate(declared)
    ]  # fmt: skip
    reads = {name: names for name, names, _writes in declared}
    return made, lambda step: set(reads[step.name])


def names(found: t.Iterable[Step]) -> set[str]:
    return {step.name for step in found}


def test_rule_03_a_reader_needs_the_one_who_registers() -> None:
    made, reads = steps(("vpc", set(), {"vpc"}), ("subnet", {"vpc"}, {"subnet"}), ("bucket", set(), set()))
    built = graph.build(made, reads)
    assert names(built.data[made[1]]) == {"vpc"}
    assert built.needs(made[2]) == set()


def test_rule_03_after_orders_without_data() -> None:
    made, reads = steps(("one", set(), {"one"}), ("two", set(), set()), after={"two": ("one",)})
    built = graph.build(made, reads)
    assert names(built.order[made[1]]) == {"one"}
    assert built.data[made[1]] == set()


def test_rule_03_after_that_names_nothing_says_what_there_is() -> None:
    made, reads = steps(("one", set(), {"first"}), ("two", set(), set()), after={"two": ("frist",)})
    with pytest.raises(AnsibleParserError, match=r"tasks.yml:2: `after` names 'frist'.*registered names: first"):
        graph.build(made, reads)


def test_rule_03_who_registers_a_name_again_waits_for_its_readers() -> None:
    made, reads = steps(
        ("write", set(), {"x"}), ("read old", {"x"}, set()), ("write again", set(), {"x"}), ("read new", {"x"}, set())
    )
    built = graph.build(made, reads)
    assert names(built.order[made[2]]) == {"write", "read old"}
    assert names(built.data[made[1]]) == {"write"}
    assert names(built.data[made[3]]) == {"write", "write again"}


def test_rule_03_a_cycle_prints_itself() -> None:
    made, reads = steps(("one", {"b"}, {"a"}), ("two", set(), {"b"}), after={"two": ("a",)})
    made[0].__dict__["after"] = ("b",)
    with pytest.raises(AnsibleParserError) as caught:
        graph.build(made, reads)
    assert "one (tasks.yml:1)" in str(caught.value)
    assert "two (tasks.yml:2)" in str(caught.value)


def test_rule_13_a_target_brings_what_it_needs() -> None:
    made, reads = steps(("a", set(), {"a"}), ("b", {"a"}, {"b"}), ("c", set(), {"c"}), ("d", {"b"}, set()))
    built = graph.build(made, reads)
    assert names(built.closure([made[3]])) == {"a", "b", "d"}


def test_rule_10_backwards_keeps_order_through_steps_that_delete_nothing() -> None:
    made, reads = steps(("vpc", set(), {"vpc"}), ("fact", {"vpc"}, {"fact"}), ("subnet", {"fact"}, set()))
    built = graph.build(made, reads)
    turned = destroy.backwards(built, {made[0], made[2]})
    assert names(turned.needs(made[0])) == {"subnet"}
    assert turned.needs(made[2]) == set()
