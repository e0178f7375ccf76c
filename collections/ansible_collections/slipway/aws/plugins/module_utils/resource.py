# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The base of the modules in slipway.aws.

Every module does the same: read the resource, compare only what was given, then create it, update by
difference, or delete it, and wait. That flow lives here (`run`), together with check mode, diff, tags and
error messages. A module only declares what is particular to its resource, as a subclass of `Resource`:

    class Topic(Resource):
        service = "sns"                       # the boto3 client
        kind = "topic"                        # how messages call it
        result = "topic"                      # the key of the result that holds it
        keys: ClassVar = {"display_name": "DisplayName", "kms_key_id": "KmsMasterKeyId"}   # option: API field

        def read(self): ...                   # the resource in the API's shape, or None
        def create(self, desired, tags): ...
        def update(self, current, changes): ...
        def delete(self, current): ...

    def main():
        run(Topic(build_module({"name": {"required": True}, "display_name": {}, "kms_key_id": {}})))

`build_module` adds the options state, tags, purge_tags, wait and wait_timeout; document them with the
fragments `slipway.aws.state` and `amazon.aws.tags`, and the connection with `amazon.aws.common.modules`,
`amazon.aws.region.modules` and `amazon.aws.boto3`. modules/ecs_cluster.py is a finished example.

Rules that keep a plan exact (a plan stops at the first API call that is not a read):

- `read` only calls reads, and `create`, `update`, `delete` call nothing that is not needed.
- What was not given is not compared and not sent: `None` means "as it is".
- Everything has the API's field names and shapes until the result is returned in snake_case.
- A write that AWS carries out later is awaited in `wait_ready` and `wait_gone`, with `wait_until`.
- What AWS cannot do, or the options contradict, raises `RefusedError` with a message that says what to do
  instead.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NoReturn

try:
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    AWS_ERRORS: tuple[type[Exception], ...] = (BotoCoreError, ClientError)
except ImportError:
    AWS_ERRORS = ()  # AnsibleAWSModule says so before anything here is used

from ansible.module_utils.common.dict_transformations import (
    camel_dict_to_snake_dict,
    snake_dict_to_camel_dict,
)
from ansible_collections.amazon.aws.plugins.module_utils.botocore import normalize_boto3_result
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import compare_aws_tags
from ansible_collections.amazon.aws.plugins.module_utils.transformation import scrub_none_parameters

from ansible_collections.slipway.graph.plugins.module_utils import lock_heart
from ansible_collections.slipway.graph.plugins.module_utils.harmless import harmless

State = dict[str, Any]
Tags = dict[str, str]


# How long reads may lag behind a write, as the Terraform provider waits for most.
SETTLES_SECONDS = 60


class RefusedError(Exception):
    """What was asked cannot be done; the message says why and what to do instead."""


class Resource:
    """One AWS resource, as its module declares it. See the docstring of this file."""

    service: ClassVar[str]
    """Name of the boto3 client."""
    kind: ClassVar[str]
    """What messages call it: "Could not create the <kind> <name>"."""
    result: ClassVar[str]
    """Key under which the result holds the resource."""
    keys: ClassVar[Mapping[str, str]] = {}
    """Options that are API fields of the resource: option name to field name."""
    unordered: ClassVar[frozenset[str]] = frozenset()
    """Fields that are lists whose order means nothing."""
    immutable: ClassVar[frozenset[str]] = frozenset()
    """Fields that AWS cannot change once the resource exists: a difference is refused."""
    write_only: ClassVar[frozenset[str]] = frozenset()
    """Fields that AWS never gives back: sent when creating, never compared and never shown."""
    opaque: ClassVar[tuple[str, ...]] = ()
    """Fields whose inner keys are the user's, so that they are not turned into snake_case."""
    taggable: ClassVar[bool] = True
    """Whether the resource has tags."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.params: dict[str, Any] = module.params
        self.client: Any = connect(module, self.service)
        self.activity = "read"

    @property
    def name(self) -> str:
        """How messages name this resource."""
        return str(self.params["name"])

    # -- what a module declares ------------------------------------------------------------------------------

    def read(self) -> State | None:
        """The resource in the API's shape, or None where there is none (or only a deleted one)."""
        raise NotImplementedError

    def desired(self) -> State:
        """The fields that were asked for, in the API's shape. Without an override: what `keys` names."""
        return given(self.params, self.keys)

    def create(self, desired: State, tags: Tags) -> None:
        """Make it, with its tags."""
        raise NotImplementedError

    def update(self, current: State, changes: State) -> None:
        """Change the fields in `changes` (top-level fields with their whole desired value)."""
        raise NotImplementedError

    def delete(self, current: State) -> None:
        """Remove it."""
        raise NotImplementedError

    def read_tags(self, current: State) -> Tags:
        """Its tags. Without an override: those that `read` returned as `Tags` or `tags`."""
        return tags_to_dict(current.get("Tags") or current.get("tags") or [])

    def tag(self, current: State, tags: Tags) -> None:
        """Set these tags and leave the others."""
        raise NotImplementedError

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove the tags with these keys."""
        raise NotImplementedError

    def differences(self, current: State, desired: State) -> State:
        """The part of `desired` that is not so yet. Override where AWS gives a value back in other words."""
        return difference(current, desired, self.unordered)

    def check(self, current: State | None, desired: State) -> None:
        """Raise RefusedError where options and reality do not go together. Called before any write."""

    def is_settled(self, current: State) -> bool:  # noqa: ARG002 - for those that override it
        """Whether what is there can be used: an earlier run may have been stopped while AWS was still at it."""
        return True

    def wait_ready(self) -> None:
        """Return when a create or update has taken effect."""

    def wait_gone(self) -> None:
        """Return when a delete has taken effect."""

    # -- the flow --------------------------------------------------------------------------------------------

    def ensure_present(self) -> dict[str, Any]:
        """Create or update, and return the module's result."""
        current = self.read()
        desired = self.desired()
        self.check(current, desired)
        if current is None:
            return self._created(desired)
        return self._updated(current, desired)

    def ensure_absent(self) -> dict[str, Any]:
        """Delete, and return the module's result."""
        current = self.read()
        if current is None:
            self._wait_for_earlier_delete()
            return {"changed": False}
        if not self.module.check_mode:
            self.activity = "delete"
            self.delete(current)
            self._wait(self.wait_gone)
        return {"changed": True, "diff": {"before": self.show(current), "after": {}}}

    def _wait_for_earlier_delete(self) -> None:
        """What others build on is gone only when a delete that another run began has ended too."""
        if not self.module.check_mode:
            self._wait(self.wait_gone)

    def _created(self, desired: State) -> dict[str, Any]:
        tags = string_tags(self.params.get("tags")) or {}
        shown = {**self.show(desired), **({"tags": tags} if self.taggable else {})}
        outcome = {"changed": True, "diff": {"before": {}, "after": shown}, self.result: shown}
        if self.module.check_mode:
            return outcome
        self.activity = "create"
        self.create(desired, tags)
        self._wait(self.wait_ready)
        return {**outcome, self.result: self._read_again()}

    def _updated(self, current: State, desired: State) -> dict[str, Any]:
        comparable = {field: value for field, value in desired.items() if field not in self.write_only}
        changes = self.differences(current, comparable)
        self._refuse_immutable(current, changes)
        old_tags = self.read_tags(current) if self.taggable else {}
        to_set, to_unset = self._tag_changes(old_tags)
        if not (changes or to_set or to_unset):
            if not self.is_settled(current) and not self.module.check_mode:
                self._wait(self.wait_ready)
                return {"changed": False, self.result: self._read_again()}
            return {"changed": False, self.result: self._described(current, old_tags)}
        outcome = {"changed": True, "diff": self._diff(current, changes, old_tags, to_set, to_unset)}
        if self.module.check_mode:
            return {**outcome, self.result: self._described(current, old_tags)}
        self.activity = "update"
        if changes:
            self.update(current, changes)
            self._wait(self.wait_ready)
        if to_unset:
            self.untag(current, to_unset)
        if to_set:
            self.tag(current, to_set)
        return {**outcome, self.result: self._read_again()}

    def _refuse_immutable(self, current: State, changes: State) -> None:
        for field in sorted(self.immutable & changes.keys()):
            raise RefusedError(
                f"The {self.kind} {self.name} has {field}={current.get(field)!r}, and AWS cannot change that"
                f" to {changes[field]!r}. If it may be recreated, delete it first (state: absent)."
            )

    def _tag_changes(self, current: Tags) -> tuple[Tags, list[str]]:
        wanted = string_tags(self.params.get("tags"))
        if wanted is None or not self.taggable:
            return {}, []
        to_set, to_unset = compare_aws_tags(current, wanted, self.params["purge_tags"])
        return to_set, to_unset

    def _diff(
        self, current: State, changes: State, old_tags: Tags, to_set: Tags, to_unset: Sequence[str]
    ) -> dict[str, Any]:
        before = self.show({field: current.get(field) for field in changes})
        after = self.show(changes)
        if to_set or to_unset:
            before["tags"] = old_tags
            after["tags"] = {key: tag for key, tag in {**old_tags, **to_set}.items() if key not in to_unset}
        return {"before": before, "after": after}

    def _wait(self, wait: Callable[[], None]) -> None:
        if self.params["wait"]:
            self.activity += " (waiting for it)"
            wait()

    def _read_again(self) -> dict[str, Any]:
        """The resource after a write, which AWS's lists may not have at once."""
        self.activity = "read"
        for delay in _delays(SETTLES_SECONDS):
            current = self.read()
            if current is not None:
                return self._described(current, self.read_tags(current) if self.taggable else {})
            time.sleep(delay)
        raise RefusedError(f"The {self.kind} {self.name} was written, but AWS does not return it yet.")

    def _described(self, current: State, tags: Tags) -> dict[str, Any]:
        return {**self.show(current), **({"tags": tags} if self.taggable else {})}

    def show(self, state: State) -> dict[str, Any]:
        """What people may see of it: snake_case, without write-only fields; tags are added separately."""
        hidden = {*self.write_only, *(("Tags", "tags", "TagList") if self.taggable else ())}
        visible = {field: value for field, value in state.items() if field not in hidden}
        return dict(camel_dict_to_snake_dict(normalize_boto3_result(visible), ignore_list=list(self.opaque)))


def build_module(options: Mapping[str, Any], taggable: bool = True, **constraints: Any) -> Any:
    """An AnsibleAWSModule with check mode and the options that all modules here have."""
    spec = {
        **options,
        "state": {"choices": ["present", "absent"], "default": "present"},
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 1800},
    }
    if taggable:
        spec["tags"] = {"type": "dict", "aliases": ["resource_tags"]}
        spec["purge_tags"] = {"type": "bool", "default": True}
    return AnsibleAWSModule(argument_spec=spec, supports_check_mode=True, **constraints)


def run(resource: Resource) -> NoReturn:
    """Do what `state` asks and end the module with its result or one clear error."""
    module = resource.module
    try:
        present = resource.params["state"] == "present"
        outcome = resource.ensure_present() if present else resource.ensure_absent()
    except RefusedError as refusal:
        module.fail_json(msg=harmless(str(refusal)))
    except AWS_ERRORS as error:
        module.fail_json_aws(error, msg=f"Could not {resource.activity} the {resource.kind} {resource.name}")
    module.exit_json(**outcome)
    raise AssertionError("exit_json does not return")


def finish(module: Any, work: Callable[[], dict[str, Any]], failing: str) -> NoReturn:
    """End a module that is no resource with the result of its work, or with one clear error.

    :param failing: how the message begins when AWS refuses, such as "Could not read the secret shop".
    """
    try:
        result = work()
    except RefusedError as refusal:
        module.fail_json(msg=harmless(str(refusal)))
    except AWS_ERRORS as error:
        module.fail_json_aws(error, msg=failing)
    module.exit_json(**result)
    raise AssertionError("exit_json does not return")


def connect(module: Any, service: str, config: Any = None) -> Any:
    """A boto3 client that retries throttled calls, unless the environment already says how, and calls nothing more once
    the run has lost its lock."""
    if config is None and "AWS_RETRY_MODE" not in os.environ:
        config = Config(retries={"mode": "standard", "total_max_attempts": 10})
    client = module.client(service) if config is None else module.client(service, config=config)
    if lock_heart.VARIABLE in os.environ:
        # Once, though warm processes keep clients from call to call.
        client.meta.events.register("before-call", _refuse_without_lock, unique_id="slipway-lock")
    return client


def _refuse_without_lock(**_call: Any) -> None:
    heart = os.environ.get(lock_heart.VARIABLE)
    lost = lock_heart.loss(heart) if heart else ""
    if lost:
        raise RefusedError(f"Nothing more was done: {lost}.")


def given(params: Mapping[str, Any], keys: Mapping[str, str]) -> State:
    """The API fields whose options were given."""
    return {field: params[option] for option, field in keys.items() if params.get(option) is not None}


def camel(options: Mapping[str, Any], capitalize_first: bool = True) -> dict[str, Any]:
    """Nested options in the API's spelling, without those that were not given."""
    return dict(snake_dict_to_camel_dict(scrub_none_parameters(options), capitalize_first=capitalize_first))


def difference(current: State, desired: State, unordered: frozenset[str] = frozenset()) -> State:
    """The top-level fields of `desired` that `current` does not already have.

    Inside a field only what is desired counts: AWS fills in defaults, and those are no difference.
    """
    return {
        field: value for field, value in desired.items() if not covers(current.get(field), value, field in unordered)
    }


def covers(actual: Any, wanted: Any, unordered: bool = False) -> bool:
    """Whether `actual` has everything that `wanted` names. An absent field is an empty one."""
    if isinstance(wanted, Mapping):
        held = actual if isinstance(actual, Mapping) else {}
        return all(covers(held.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list | tuple):
        return _covers_list(list(actual or []), list(wanted), unordered)
    if wanted in ("", None, False) and actual in ("", None):
        return True
    return bool(actual == wanted)


def _covers_list(actual: list[Any], wanted: list[Any], unordered: bool) -> bool:
    if len(actual) != len(wanted):
        return False
    if not unordered:
        return all(covers(held, value) for held, value in zip(actual, wanted, strict=True))
    left = list(actual)
    for value in wanted:
        match = next((index for index, held in enumerate(left) if covers(held, value)), None)
        if match is None:
            return False
        del left[match]
    return True


def found(call: Callable[..., Any], *missing: str, **arguments: Any) -> Any:
    """The answer of a read, or None if AWS says with one of these error codes that nothing is there."""
    try:
        return call(**arguments)
    except ClientError as error:
        if error_code(error) in missing:
            return None
        raise


def error_code(error: Any) -> str:
    """The code of a ClientError."""
    return str(error.response.get("Error", {}).get("Code", ""))


def retry_while(codes: Sequence[str], call: Callable[[], Any], timeout: float, says: str = "") -> Any:
    """Repeat a call while AWS says that something else has to end first.

    :param says: a part of the message, where one of the codes may mean something else, too.
    """
    for delay in _delays(timeout):
        try:
            return call()
        except ClientError as error:
            if error_code(error) not in codes or says not in str(error):
                raise
        time.sleep(delay)
    return call()


def wait_until(done: Callable[[], bool], timeout: float, what: str) -> None:
    """Return when `done` says so; ask often at first, then every ten seconds."""
    if not holds_within(done, timeout):
        raise RefusedError(f"Gave up after {timeout:g} seconds (wait_timeout) waiting until {what}.")


def holds_within(done: Callable[[], bool], timeout: float) -> bool:
    """Whether `done` says so in time, which is waited for."""
    for delay in _delays(timeout):
        if done():
            return True
        time.sleep(delay)
    return done()


def _delays(timeout: float) -> Any:
    end = time.monotonic() + timeout
    delay = 0.2
    while time.monotonic() + delay < end:
        yield delay
        delay = min(delay * 1.7, 10.0)


def string_tags(tags: Mapping[str, Any] | None) -> Tags | None:
    """Tags as AWS keeps them: strings."""
    return None if tags is None else {str(key): str(value) for key, value in tags.items()}


def variables_as_text(variables: Mapping[str, Any]) -> dict[str, str]:
    """Environment variables as a container or a function gets them: a value that is no text is written as JSON.

    :raises RefusedError: for null, which may mean an empty variable or none.
    """
    empty = sorted(name for name, value in variables.items() if value is None)
    if empty:
        raise RefusedError(
            f"{', '.join(empty)}: null is no value; allowed: text, a number, a boolean, a list or a mapping. "
            "Leave out what is not to be there; an empty variable is ''."
        )
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, (bool, list, dict)) else str(value)
        for name, value in variables.items()
    }


def tags_to_dict(tags: Sequence[Mapping[str, str]] | Mapping[str, str]) -> Tags:
    """Tags from AWS's list of pairs, in either spelling, or from a mapping."""
    if isinstance(tags, Mapping):
        return dict(tags)
    return {pair.get("Key", pair.get("key", "")): pair.get("Value", pair.get("value", "")) for pair in tags}


def tags_to_list(tags: Mapping[str, str], lower: bool = False) -> list[dict[str, str]]:
    """Tags as AWS's list of pairs; `lower` for services that spell the fields key and value."""
    key, value = ("key", "value") if lower else ("Key", "Value")
    return [{key: name, value: text} for name, text in tags.items()]
