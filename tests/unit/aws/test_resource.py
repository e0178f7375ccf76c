"""The base of slipway.aws: read, compare only what was given, create, update by difference, delete, wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.slipway.aws.plugins.module_utils import resource
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    Resource,
    State,
    Tags,
    covers,
    difference,
    retry_while,
    tags_to_dict,
    tags_to_list,
    variables_as_text,
    wait_until,
)


class EndedError(Exception):
    """How the module ended."""


class Module:
    """What a resource asks of its module."""

    def __init__(self, check_mode: bool = False, **options: Any) -> None:
        self.check_mode = check_mode
        self.params = {
            "state": "present", "wait": True, "wait_timeout": 1, "tags": None, "purge_tags": True,
            "name": "shop", "size": None, "owners": None, "token": None, **options,
        }  # fmt: skip
        self.result: dict[str, Any] = {}

    def client(self, *_: Any, **__: Any) -> None:
        """No client is needed."""

    def exit_json(self, **result: Any) -> None:
        self.result = result
        raise EndedError

    def fail_json(self, **result: Any) -> None:
        self.result = {"failed": True, **result}
        raise EndedError

    def fail_json_aws(self, error: Exception, msg: str) -> None:
        self.fail_json(msg=f"{msg}: {error}")


class Thing(Resource):
    """A resource that is kept in memory and remembers the calls."""

    service = "things"
    kind = "thing"
    result = "thing"
    keys: ClassVar = {"name": "Name", "size": "Size", "owners": "Owners", "token": "Token"}
    unordered = frozenset({"Owners"})
    immutable = frozenset({"Name"})
    write_only = frozenset({"Token"})
    held: ClassVar[dict[str, State]] = {}
    calls: ClassVar[list[str]] = []

    def read(self) -> State | None:
        return dict(self.held[self.name]) if self.name in self.held else None

    def create(self, desired: State, tags: Tags) -> None:
        self.calls.append(f"create {sorted(desired)} {tags}")
        kept = {field: value for field, value in desired.items() if field != "Token"}
        self.held[self.name] = {**kept, "Default": 1, "Tags": tags_to_list(tags)}

    def update(self, current: State, changes: State) -> None:
        self.calls.append(f"update {changes}")
        self.held[current["Name"]] |= changes

    def delete(self, current: State) -> None:
        self.calls.append("delete")
        del self.held[current["Name"]]

    def tag(self, current: State, tags: Tags) -> None:
        self.calls.append(f"tag {tags}")
        self.held[current["Name"]]["Tags"] = tags_to_list({**tags_to_dict(self.held[current["Name"]]["Tags"]), **tags})

    def untag(self, current: State, keys: Sequence[str]) -> None:
        self.calls.append(f"untag {keys}")
        tags = tags_to_dict(self.held[current["Name"]]["Tags"])
        self.held[current["Name"]]["Tags"] = tags_to_list({key: tags[key] for key in tags if key not in keys})

    def wait_ready(self) -> None:
        self.calls.append("wait until ready")

    def wait_gone(self) -> None:
        self.calls.append("wait until gone")


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run() -> Run:
    Thing.held.clear()

    def run_thing(**options: Any) -> dict[str, Any]:
        Thing.calls.clear()
        module = Module(**options)
        with pytest.raises(EndedError):
            resource.run(Thing(module))
        return module.result

    return run_thing


def test_creates_with_what_was_given_and_its_tags(run: Run) -> None:
    result = run(size=3, tags={"system": "shop", "cost": 7})
    assert Thing.calls == ["create ['Name', 'Size'] {'system': 'shop', 'cost': '7'}", "wait until ready"]
    assert result["changed"] is True
    assert result["thing"] == {
        "name": "shop", "size": 3, "default": 1, "tags": {"system": "shop", "cost": "7"},
    }  # fmt: skip


def test_a_second_run_changes_nothing(run: Run) -> None:
    run(size=3, owners=["a", "b"], tags={"system": "shop"})
    result = run(size=3, owners=["b", "a"], tags={"system": "shop"})
    assert result["changed"] is False
    assert Thing.calls == []


def test_what_was_not_given_is_left_as_it_is(run: Run) -> None:
    run(size=3, tags={"system": "shop"})
    assert run()["changed"] is False
    assert Thing.held["shop"]["Size"] == 3


def test_updates_only_what_differs(run: Run) -> None:
    run(size=3, owners=["a"], tags={"system": "shop", "old": "1"})
    result = run(size=4, owners=["a"], tags={"system": "shop", "new": "1"})
    assert Thing.calls == ["update {'Size': 4}", "wait until ready", "untag ['old']", "tag {'new': '1'}"]
    assert result["diff"]["before"] == {"size": 3, "tags": {"system": "shop", "old": "1"}}
    assert result["diff"]["after"] == {"size": 4, "tags": {"system": "shop", "new": "1"}}


def test_other_tags_stay_without_purge(run: Run) -> None:
    run(tags={"old": "1"})
    run(tags={"new": "1"}, purge_tags=False)
    assert tags_to_dict(Thing.held["shop"]["Tags"]) == {"old": "1", "new": "1"}


def test_check_mode_says_what_it_would_do_and_writes_nothing(run: Run) -> None:
    assert run(check_mode=True, size=3)["changed"] is True
    assert Thing.calls == []
    run(size=3)
    assert run(check_mode=True, size=4)["diff"]["after"] == {"size": 4}
    assert run(check_mode=True, state="absent")["changed"] is True
    assert Thing.calls == []


def test_deletes_and_then_waits_even_for_a_delete_of_another_run(run: Run) -> None:
    run(size=3)
    assert run(state="absent")["changed"] is True
    assert Thing.calls == ["delete", "wait until gone"]
    assert run(state="absent")["changed"] is False
    assert Thing.calls == ["wait until gone"]


def test_does_not_wait_when_told_so(run: Run) -> None:
    run(size=3, wait=False)
    run(state="absent", wait=False)
    assert Thing.calls == ["delete"]


def test_write_only_fields_are_neither_compared_nor_shown(run: Run) -> None:
    result = run(size=3, token="do-not-show")
    assert "Token" in Thing.calls[0]
    assert "do-not-show" not in str(result)
    assert run(size=3, token="another")["changed"] is False


def test_what_cannot_be_changed_is_refused_before_any_write(run: Run) -> None:
    run(size=3)
    Thing.held["shop"]["Name"] = "other"
    result = run(size=4)
    assert result["failed"] is True
    assert "Name='other', and AWS cannot change that to 'shop'" in result["msg"]
    assert Thing.calls == []


def test_errors_of_aws_say_what_was_being_done(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise denied()

    monkeypatch.setattr(Thing, "create", refuse)
    assert run(size=3)["msg"].startswith("Could not create the thing shop: An error occurred (AccessDenied)")


def denied(code: str = "AccessDenied") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "CreateThing")


@pytest.mark.parametrize(
    ("actual", "wanted", "unordered", "same"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, False, True),
        ({"a": 1}, {"a": 1, "b": 2}, False, False),
        ({"a": {"b": [1, {"c": 2, "d": 3}]}}, {"a": {"b": [1, {"c": 2}]}}, False, True),
        ([1, 2], [2, 1], False, False),
        ([1, 2], [2, 1], True, True),
        ([1, 1], [1, 2], True, False),
        ([1, 2, 3], [1, 2], True, False),
        (None, [], False, True),
        (None, {}, False, True),
        (None, "", False, True),
        (None, False, False, True),
        (None, "x", False, False),
        (True, False, False, False),
        (0, False, False, True),
    ],
)
def test_only_what_is_wanted_counts(actual: Any, wanted: Any, unordered: bool, same: bool) -> None:
    assert covers(actual, wanted, unordered) is same


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4))
def test_nothing_differs_from_itself(state: State) -> None:
    assert difference(state, state) == {}
    assert difference(state, state, frozenset(state)) == {}


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4), st.text(min_size=4), st.integers())
def test_only_the_field_that_differs_is_found(state: State, field: str, value: int) -> None:
    assert difference({**state, field: value}, {**state, field: value + 1}) == {field: value + 1}


def test_a_write_is_repeated_while_something_else_has_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    answers: Iterator[ClientError | str] = iter([denied("Busy"), denied("Busy"), "done"])

    def call() -> str:
        answer = next(answers)
        if isinstance(answer, ClientError):
            raise answer
        return answer

    assert retry_while(("Busy",), call, 60) == "done"


def test_other_errors_are_not_repeated() -> None:
    with pytest.raises(ClientError):
        retry_while(("Busy",), lambda: (_ for _ in ()).throw(denied()), 60)


def test_waiting_ends_with_what_was_waited_for() -> None:
    with pytest.raises(RefusedError, match=r"Gave up after 0 seconds .* until the thing is there"):
        wait_until(lambda: False, 0, "the thing is there")


def test_variables_that_are_no_text_are_json() -> None:
    given = {"TLS": True, "PORT": 3306, "RATE": 0.5, "ORIGINS": ["https://ä.example"], "LIMITS": {"a": 1}, "EMPTY": ""}
    assert variables_as_text(given) == {
        "TLS": "true", "PORT": "3306", "RATE": "0.5", "ORIGINS": '["https://ä.example"]', "LIMITS": '{"a": 1}',
        "EMPTY": "",
    }  # fmt: skip


def test_a_variable_that_is_null_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"DEBUG, LEVEL: null is no value; allowed: text, a number"):
        variables_as_text({"LEVEL": None, "A": "b", "DEBUG": None})
