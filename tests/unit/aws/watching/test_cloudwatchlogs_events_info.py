"""slipway.aws.cloudwatchlogs_events_info against moto."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.modules import Client, Run, runner

GROUP = "/aws/lambda/shop"


@pytest.fixture
def logs(in_moto: Client) -> Any:
    client = in_moto("logs")
    client.create_log_group(logGroupName=GROUP)
    client.create_log_stream(logGroupName=GROUP, logStreamName="one")
    return client


@pytest.fixture
def run(logs: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("cloudwatchlogs_events_info", capsys, log_group_name=GROUP)


def write(logs: Any, *lines: str, seconds_ago: float = 10) -> None:
    at = int((time.time() - seconds_ago) * 1000)
    events = [{"timestamp": at + number, "message": line} for number, line in enumerate(lines)]
    logs.put_log_events(logGroupName=GROUP, logStreamName="one", logEvents=events)


def test_lines_with_the_text_come_oldest_first(logs: Any, run: Run) -> None:
    write(logs, "request 1 begins", "request 2 begins", "request 1 ends")
    result = run(contains="request 1")
    assert [event["message"] for event in result["events"]] == ["request 1 begins", "request 1 ends"]
    assert result["events"][0]["log_stream_name"] == "one"
    assert not result["changed"]


def test_no_line_is_an_empty_list(logs: Any, run: Run) -> None:
    write(logs, "request 1")
    assert run(contains="request 3")["events"] == []


def test_a_text_with_quotes_is_found(logs: Any, run: Run) -> None:
    write(logs, '{"id": "7"}', '{"id": "8"}')
    assert [event["message"] for event in run(contains='"id": "7"')["events"]] == ['{"id": "7"}']


def test_older_lines_are_left_out(logs: Any, run: Run) -> None:
    write(logs, "request 1", seconds_ago=900)
    assert run(contains="request 1")["events"] == []
    assert len(run(contains="request 1", since_seconds=1000)["events"]) == 1


def test_the_newest_are_kept(logs: Any, run: Run) -> None:
    write(logs, "request 1", "request 2", "request 3")
    assert [event["message"] for event in run(contains="request", limit=2)["events"]] == ["request 2", "request 3"]


def test_a_missing_group_is_named(run: Run) -> None:
    assert run(log_group_name="/nowhere", contains="x")["msg"].startswith("Could not read the log group /nowhere")
