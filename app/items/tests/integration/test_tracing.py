"""Where the function's tracing is on, each request and what it asked of the table reach the X-Ray daemon."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TRACE = "1-5759e988-bd862e3fe1be46a994272793"
# In a process of its own: tracing changes the libraries for good.
FUNCTION = """
import boto3, tests.conftest as shared
from moto import mock_aws
import os
os.environ["POWERTOOLS_TRACE_DISABLED"] = "false"
with mock_aws():
    boto3.resource("dynamodb").create_table(TableName=shared.TABLE, **shared.SCHEMA)
    shared.Api().make(name="traced")
"""


def received(daemon: socket.socket) -> list[dict[str, Any]]:
    """The segments that were sent; the function has ended, so all of them are here."""
    daemon.setblocking(False)
    segments = []
    while True:
        try:
            segments.append(json.loads(daemon.recv(65_000).split(b"\n", 1)[1]))
        except BlockingIOError:
            return segments


def test_a_request_and_its_calls_are_traced() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        environment = {
            **os.environ,
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
            # What Lambda sets.
            "LAMBDA_TASK_ROOT": str(ROOT),
            "AWS_LAMBDA_FUNCTION_NAME": "items-test-api",
            "_X_AMZN_TRACE_ID": f"Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=1",
        }
        subprocess.run([sys.executable, "-c", FUNCTION], cwd=ROOT, env=environment, check=True, capture_output=True)
        segments = received(daemon)
    assert {segment["trace_id"] for segment in segments} == {TRACE}
    (handled,) = (segment for segment in segments if segment["name"] == "## handler")
    (call,) = (segment for segment in segments if segment["name"] == "dynamodb")
    assert call["parent_id"] == handled["id"]
    assert call["aws"]["operation"] == "PutItem"
    assert "traced" not in json.dumps(segments)
