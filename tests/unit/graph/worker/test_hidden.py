"""Rule 17: what takes secrets out of values, in the words that Ansible has for it."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.slipway.graph.plugins.plugin_utils.worker import hidden

SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SECRET, hidden.WHOLE),
        (f"mysql://{SECRET}@db", "mysql://********@db"),
        ({"options": [{"password": SECRET}, SECRET.encode()]}, {"options": [{"password": hidden.WHOLE}, hidden.WHOLE]}),
        ({SECRET: "kept, as Ansible keeps keys"}, {SECRET: "kept, as Ansible keeps keys"}),
        ((SECRET, True, None, 3, 0.5), [hidden.WHOLE, True, None, 3, 0.5]),
        ({SECRET}, {hidden.WHOLE}),
    ],
)
def test_rule_17_a_secret_is_replaced_wherever_it_stands(value: t.Any, expected: t.Any) -> None:
    assert hidden.replaced(value, {SECRET}) == expected


def test_rule_17_a_secret_that_is_a_number_is_replaced() -> None:
    assert hidden.replaced({"pin": 73914, "port": 3306, "on": True}, {"73914", "True"}) == {
        "pin": hidden.WHOLE, "port": 3306, "on": True,
    }  # fmt: skip


def test_rule_17_of_two_secrets_the_longer_is_replaced_first() -> None:
    assert hidden.replaced("x-abcdef-y", {"abc", "abcdef"}) == "x-********-y"


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(alphabet="abc1", max_size=6))
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=2), inner), max_leaves=20
)


@given(VALUES, st.sets(st.text(alphabet="abc1", min_size=1, max_size=4), max_size=3))
def test_rule_17_no_secret_is_left_in_any_value_and_the_shape_stays(value: t.Any, secrets: set[str]) -> None:
    shown = hidden.replaced(value, secrets)
    assert [type(each) for each in strings(shown)] == [str] * len(strings(shown))
    own = {hidden.WHOLE, hidden.PART}
    left = [text for text in strings(shown) if any(secret in text for secret in secrets)]
    assert left == [] or any(secret in word for secret in secrets for word in own)
    if not secrets:
        assert shown == value


def strings(value: t.Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []
