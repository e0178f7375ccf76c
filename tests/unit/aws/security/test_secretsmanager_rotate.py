"""slipway.aws.secretsmanager_rotate: rotates now, ends what was begun, and says why it could not."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError
from ansible_collections.slipway.aws.plugins.modules import secretsmanager_rotate as module

OPTIONS: dict[str, Any] = {
    "secret_id": "shop-database", "function_name": "shop-rotation", "driver": "service", "timeout": 5, "log_lines": 3,
}  # fmt: skip


class Secrets:
    """A secret whose rotation ends when it has been looked at often enough."""

    def __init__(self, versions: dict[str, list[str]], ends_after: int = 3, refusal: str = "") -> None:
        self.versions = versions
        self.looks_left = ends_after
        self.refusal = refusal
        self.started = 0

    def describe_secret(self, **_: Any) -> dict[str, Any]:
        self.looks_left -= bool(self.started)
        if self.started and self.looks_left == 0:
            self.versions = {"new": ["AWSPENDING", "AWSCURRENT"], "old": ["AWSPREVIOUS"]}
        return {"VersionIdsToStages": self.versions}

    def list_secret_version_ids(self, **_: Any) -> dict[str, Any]:
        """In the order of their age."""
        ages = enumerate(self.versions.items())
        versions = [{"VersionId": name, "VersionStages": stages, "CreatedDate": age} for age, (name, stages) in ages]
        return {"Versions": versions}

    def rotate_secret(self, **_: Any) -> None:
        self.started += 1
        if self.refusal:
            raise ClientError({"Error": {"Code": self.refusal, "Message": "no"}}, "RotateSecret")


class Functions:
    """A function that does the four steps, or fails in one of them."""

    def __init__(self, fails_in: str = "") -> None:
        self.events: list[dict[str, str]] = []
        self.fails_in = fails_in

    def invoke(self, Payload: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803 - the API's spelling
        event = json.loads(Payload)
        self.events.append(event)
        if event["Step"] != self.fails_in:
            return {"Payload": io.BytesIO(b"null")}
        error = {"errorType": "RotationError", "errorMessage": "the password is not valid"}
        return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(error).encode())}


class Logs:
    """The function's log."""

    def describe_log_streams(self, logGroupName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        if logGroupName != "/aws/lambda/shop-rotation":
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeLogStreams")
        return {"logStreams": [{"logStreamName": "newest"}]}

    def get_log_events(self, limit: int, **_: Any) -> dict[str, Any]:
        return {"events": [{"message": f"line {number}\n"} for number in range(9)][-limit:]}


@pytest.fixture(autouse=True)
def time_flies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time pass only while someone sleeps."""
    now = [0.0]

    class Clock:
        def sleep(self, seconds: float) -> None:
            now[0] += seconds

        def monotonic(self) -> float:
            return now[0]

    monkeypatch.setattr(module, "time", Clock())


def rotation(secrets: Secrets, functions: Functions | None = None, **options: Any) -> module.Rotation:
    return module.Rotation({**OPTIONS, **options}, secrets, functions or Functions(), Logs())


def test_secrets_manager_rotates_and_the_new_version_is_waited_for() -> None:
    secrets = Secrets({"old": ["AWSCURRENT"]})
    assert rotation(secrets).run() == "new"
    assert secrets.started == 1


def test_a_rotation_that_was_begun_before_is_waited_for() -> None:
    begun = {"old": ["AWSCURRENT"], "new": ["AWSPENDING"]}
    assert rotation(Secrets(begun, refusal="InvalidRequestException")).run() == "new"


def test_a_rotation_that_is_refused_for_another_reason_fails() -> None:
    with pytest.raises(ClientError):
        rotation(Secrets({"old": ["AWSCURRENT"]}, refusal="InvalidRequestException")).run()


def test_a_rotation_that_does_not_end_fails_with_the_functions_last_lines() -> None:
    with pytest.raises(RefusedError, match=r"did not end within 5 seconds(.|\n)*line 6\nline 7\nline 8"):
        rotation(Secrets({"old": ["AWSCURRENT"]}, ends_after=1000)).run()


def test_the_four_steps_are_driven_from_here_where_the_service_does_not() -> None:
    functions = Functions()
    token = rotation(Secrets({"old": ["AWSCURRENT"]}), functions, driver="here").run()
    assert [event["Step"] for event in functions.events] == list(module.STEPS)
    assert {event["ClientRequestToken"] for event in functions.events} == {token}


def test_a_version_that_is_pending_is_gone_on_with() -> None:
    secrets = Secrets({"done": ["AWSPENDING", "AWSPREVIOUS"], "old": ["AWSCURRENT"], "begun": ["AWSPENDING"]})
    assert rotation(secrets, driver="here").run() == "begun"


def test_a_version_that_has_had_its_turn_is_not_gone_on_with() -> None:
    secrets = Secrets({"forgotten": ["AWSPENDING"], "old": ["AWSPENDING", "AWSCURRENT"]})
    assert rotation(secrets, driver="here").run() not in ("forgotten", "old")


def test_a_step_that_fails_is_told_with_its_reason() -> None:
    functions = Functions(fails_in="testSecret")
    with pytest.raises(RefusedError, match="testSecret failed: RotationError: the password is not valid"):
        rotation(Secrets({"old": ["AWSCURRENT"]}), functions, driver="here").run()
    assert functions.events[-1]["Step"] == "testSecret"


def test_a_function_without_a_log_still_has_a_reason() -> None:
    functions = Functions(fails_in="setSecret")
    name = "arn:aws:lambda:eu-central-1:1:function:other:live"
    with pytest.raises(RefusedError, match=r"setSecret failed(.|\n)*logged nothing"):
        rotation(Secrets({"old": ["AWSCURRENT"]}), functions, driver="here", function_name=name).run()


def test_what_is_no_answer_of_lambda_is_shown_as_it_is() -> None:
    assert module.message_of(b"gateway timeout") == "gateway timeout"
