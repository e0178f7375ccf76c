#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Shift a Lambda alias to a version, and back when that one is bad."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lambda_alias
version_added: 0.1.0
short_description: Shift a Lambda alias to a version, and back if the version is bad
description:
  - Rehearses the version by invoking it directly, then shifts the alias to it, all at once or in steps, while a health
    event and alarms watch. If one of them says that the version is bad, the alias goes back to where it was and
    the module fails with the last lines that the function logged.
  - An alias that already points to the version is left alone, and nothing is invoked. If a run stopped halfway between
    two versions, the shift continues.
  - M(amazon.aws.lambda_alias) moves an alias all at once, without weights, and does not check the new version.
author:
  - Slipway contributors (@slipway)
options:
  function_name:
    description: Name of the function.
    type: str
    required: true
  name:
    description: Name of the alias.
    type: str
    required: true
  version:
    description: The version that the alias should point to.
    type: str
  strategy:
    description:
      - V(all_at_once) shifts all traffic in one step.
      - V(canary) shifts O(percent) for O(interval) seconds, then the rest.
      - V(linear) shifts another O(percent) every O(interval) seconds.
      - Between versions that differ in their role or dead-letter queue AWS shares no traffic. Then all is shifted in
        one step, with a warning.
    type: str
    choices: [all_at_once, canary, linear]
    default: all_at_once
  percent:
    description: Size of a step.
    type: int
    default: 10
  interval:
    description: Seconds for which a step is watched.
    type: int
    default: 60
  watch_seconds:
    description: Seconds for which the version is watched once it has all traffic.
    type: int
    default: 0
  migration_event:
    description: Event that the version is invoked with before its rehearsal, to change stored data. If the answer
      contains C(done) false, the version is invoked again.
    type: dict
  health_event:
    description: Event that the version is invoked with, in its rehearsal and while it is watched. Without one, nothing
      is invoked.
    type: dict
  health_answer:
    description: Fields that the answer must contain. If the answer is a response for API Gateway with a statusCode
      below 400, its body is checked.
    type: dict
    default: {}
  health_interval:
    description: Seconds between health events while it is watched.
    type: float
    default: 5
  alarms:
    description: CloudWatch alarms that must not fire. An alarm that is already in alarm is ignored.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: A tenth of the users first
  slipway.aws.lambda_alias:
    function_name: shop-prod-api
    name: live
    version: "{{ api.function.published_version }}"
    strategy: canary
    percent: 10
    interval: 300
    health_event: {health: true}
    health_answer: {commit: 3f2a91c}
    alarms: [shop-prod-api-errors]
"""

RETURN = r"""
alias:
  description: The alias, as GetAlias returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    alias_arn:
      description: ARN of the alias.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:lambda:eu-central-1:123456789012:function:shop-prod-api:live
    function_version:
      description: The version that it points to.
      returned: always
      type: str
      sample: "7"
"""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

# Where it is missing, AnsibleAWSModule says so.
with suppress(ImportError):
    from botocore.config import Config

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    AWS_ERRORS,
    RefusedError,
    Resource,
    State,
    Tags,
    build_module,
    connect,
    found,
    run,
)

VERSION = "FunctionVersion"
ROUTING = "RoutingConfig"
WEIGHTS = "AdditionalVersionWeights"
LOG_LINES = 20
LONGEST_INVOCATION = 910


class BadVersionError(Exception):
    """The version does not do; the message says how that was seen."""


# A version that cannot be watched is as little trusted as one that is seen to be bad.
FAILURES: tuple[type[Exception], ...] = (BadVersionError, *AWS_ERRORS)


class Alias(Resource):
    """An alias, and the shift of its traffic."""

    service = "lambda"
    kind = "alias"
    result = "alias"
    taggable = False

    def __init__(self, module: Any) -> None:
        super().__init__(module)
        # An invocation may take as long as Lambda lets any.
        patient = Config(read_timeout=LONGEST_INVOCATION, retries={"mode": "standard", "total_max_attempts": 10})
        self.client = connect(module, "lambda", patient)

    @property
    def name(self) -> str:
        """Function and alias."""
        return f"{self.params['function_name']}:{self.params['name']}"

    @property
    def _address(self) -> dict[str, str]:
        return {"FunctionName": self.params["function_name"], "Name": self.params["name"]}

    def read(self) -> State | None:
        """The alias with its weights."""
        alias = found(self.client.get_alias, "ResourceNotFoundException", **self._address)
        return None if alias is None else {**alias, ROUTING: alias.get(ROUTING) or {WEIGHTS: {}}}

    def desired(self) -> State:
        """The version, and no other beside it."""
        return {VERSION: self.params["version"], ROUTING: {WEIGHTS: {}}}

    def differences(self, current: State, desired: State) -> State:
        """Weights are compared as a whole: any is a shift that has not ended."""
        return {field: value for field, value in desired.items() if current[field] != value}

    def create(self, desired: State, tags: Tags) -> None:
        """There are no users yet, so that there is nothing to shift."""
        try:
            self._rehearse()
            self.client.create_alias(**self._address, FunctionVersion=self.params["version"])
            self._watch(self.params["watch_seconds"], set())
        except FAILURES as bad:
            if self.read():
                self.client.delete_alias(**self._address)
            raise RefusedError(f"{bad}\nNothing is in service.") from bad

    def update(self, current: State, changes: State) -> None:
        """Shift step by step, and back to where it was if the version is bad."""
        old = current[VERSION]
        if VERSION not in changes:
            # A shift away from the wanted version was broken off: all traffic comes back to it.
            self._point_to(old)
            return
        try:
            self._rehearse()
            ringing = self._ringing()
            for share in self._shares() if self._may_share_with(old) else ():
                self._point_to(old, {self.params["version"]: share})
                self._watch(self.params["interval"], ringing)
            self._point_to(self.params["version"])
            self._watch(self.params["watch_seconds"], ringing)
        except FAILURES as bad:
            self._point_to(old)
            raise RefusedError(f"{bad}\nVersion {old} is still in service.") from bad

    def delete(self, current: State) -> None:
        """Remove the alias; versions stay."""
        self.client.delete_alias(**self._address)

    def _shares(self) -> Iterator[float]:
        """What the version gets, step by step, before it gets all."""
        percent = self.params["percent"]
        if self.params["strategy"] == "canary":
            yield percent / 100
        elif self.params["strategy"] == "linear":
            yield from (step / 100 for step in range(percent, 100, percent))

    def _may_share_with(self, old: str) -> bool:
        """Whether AWS lets both versions serve at once: only with one role and one dead-letter queue.

        https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
        """
        if self.params["strategy"] == "all_at_once":
            return False
        new = self.params["version"]
        one, other = (
            self.client.get_function_configuration(FunctionName=self.params["function_name"], Qualifier=version)
            for version in (old, new)
        )
        differ = [field for field in ("Role", "DeadLetterConfig") if one.get(field) != other.get(field)]
        if differ:
            self.module.warn(
                f"versions {old} and {new} of {self.params['function_name']} differ in {' and '.join(differ)}, and AWS"
                " shares traffic only between versions that do not: all of it goes to the new one at once"
            )
        return not differ

    def _point_to(self, version: str, weights: dict[str, float] | None = None) -> None:
        self.client.update_alias(**self._address, FunctionVersion=version, RoutingConfig={WEIGHTS: weights or {}})

    def _rehearse(self) -> None:
        if self.params["migration_event"] is not None:
            self.activity = "migrate with the version of"
            self._migrate()
        self.activity = "rehearse the version of"
        self._check_health()
        self.activity = "shift"

    def _migrate(self) -> None:
        done = False
        while not done:
            answer = self._ask(self.params["migration_event"], "its migration")
            done = not (isinstance(answer, dict) and answer.get("done") is False)

    def _watch(self, seconds: float, ringing: set[str]) -> None:
        """Look at once, then again and again until the time is over."""
        end = time.monotonic() + seconds
        while True:
            self._check_health()
            new = self._ringing() - ringing
            if new:
                raise BadVersionError(
                    f"Version {self.params['version']} of {self.name} set off the alarms {sorted(new)}."
                )
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(self.params["health_interval"], left))

    def _ringing(self) -> set[str]:
        if not self.params["alarms"]:
            return set()
        alarms = connect(self.module, "cloudwatch").describe_alarms(
            AlarmNames=self.params["alarms"], StateValue="ALARM", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        return {alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in alarms.get(kind, [])}

    def _check_health(self) -> None:
        if self.params["health_event"] is not None:
            self._ask(self.params["health_event"], "its health", self.params["health_answer"])

    def _ask(self, event: State, what: str, wanted: State | None = None) -> Any:
        """The version's answer to an event, which has to have the wanted fields."""
        answer = self.client.invoke(
            FunctionName=self.params["function_name"],
            Qualifier=self.params["version"],
            LogType="Tail",
            Payload=json.dumps(event).encode(),
        )
        payload = _decoded(answer["Payload"].read())
        wrong = "failed" if answer.get("FunctionError") else shortcoming(payload, wanted or {})
        if wrong:
            raise BadVersionError(
                f"Version {self.params['version']} of {self.params['function_name']} {wrong} when it was called for"
                f" {what}.\nIt answered: {json.dumps(payload)[:1000]}\nIts last log lines:\n{_log_of(answer)}"
            )
        return payload


def shortcoming(payload: Any, wanted: State) -> str:
    """What is wrong with an answer; empty if it has every wanted field."""
    if isinstance(payload, dict) and "statusCode" in payload:
        if int(payload["statusCode"]) >= 400:
            return f"answered with status {payload['statusCode']}"
        payload = _decoded(payload.get("body") or "")
    held = payload if isinstance(payload, dict) else {}
    missing = {field: value for field, value in wanted.items() if held.get(field) != value}
    return f"answered without {json.dumps(missing)}" if missing else ""


def _decoded(text: bytes | str) -> Any:
    with suppress(ValueError):
        return json.loads(text)
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def _log_of(answer: State) -> str:
    tail = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace").strip()
    return "\n".join(tail.splitlines()[-LOG_LINES:]) or "(it logged nothing)"


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "function_name": {"required": True},
            "name": {"required": True},
            "version": {},
            "strategy": {"choices": ["all_at_once", "canary", "linear"], "default": "all_at_once"},
            "percent": {"type": "int", "default": 10},
            "interval": {"type": "int", "default": 60},
            "watch_seconds": {"type": "int", "default": 0},
            "migration_event": {"type": "dict"},
            "health_event": {"type": "dict"},
            "health_answer": {"type": "dict", "default": {}},
            "health_interval": {"type": "float", "default": 5},
            "alarms": {"type": "list", "elements": "str", "default": []},
        },
        taggable=False,
        required_if=[("state", "present", ("version",))],
    )
    run(Alias(module))


if __name__ == "__main__":
    main()
