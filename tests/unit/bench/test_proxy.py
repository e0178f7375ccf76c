"""The proxy that makes an emulator feel like AWS from afar, as botocore sees it."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Iterator

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from bench.many_calls import LogGroups
from bench.proxy import Creation, Proxy
from bench.wire import Message, Server, answer

NO_RETRIES = Config(retries={"total_max_attempts": 1})


class Databases(Server):
    """RDS, where every database is there at once."""

    async def respond(self, request: Message) -> Message:
        """Describe one available database, whatever is asked."""
        operation = "CreateDBInstance" if b"Action=CreateDBInstance" in request.body else "DescribeDBInstances"
        database = (
            "<DBInstance><DBInstanceIdentifier>it</DBInstanceIdentifier>"
            "<DBInstanceStatus>available</DBInstanceStatus></DBInstance>"
        )
        listed = database if operation == "CreateDBInstance" else f"<DBInstances>{database}</DBInstances>"
        body = f"<{operation}Response><{operation}Result>{listed}</{operation}Result></{operation}Response>"
        return answer(200, body.encode(), content_type="text/xml")


@pytest.fixture
def logs() -> Iterator[LogGroups]:
    """An API without latency."""
    server = LogGroups()
    yield server
    server.close()


def client(service: t.Any, proxy: Server) -> t.Any:
    """A client that asks once."""
    return boto3.client(
        service, endpoint_url=proxy.url, region_name="eu-central-1",
        aws_access_key_id="x", aws_secret_access_key="x", config=NO_RETRIES,
    )  # fmt: skip


def test_answers_pass_through_and_operations_are_counted(logs: LogGroups) -> None:
    proxy = Proxy(logs.url)
    try:
        for name in ("one", "two"):
            found = client("logs", proxy).describe_log_groups(logGroupNamePrefix=name)
            assert [group["logGroupName"] for group in found["logGroups"]] == [name]
        assert proxy.operations == ["DescribeLogGroups"] * 2 == logs.operations
    finally:
        proxy.close()


def test_latency_is_added_to_every_call(logs: LogGroups) -> None:
    proxy = Proxy(logs.url, latency=0.2)
    try:
        started = time.monotonic()
        client("logs", proxy).describe_log_groups(logGroupNamePrefix="x")
        assert time.monotonic() - started >= 0.2
    finally:
        proxy.close()


def test_faults_reach_the_client_as_such_and_never_the_emulator(logs: LogGroups) -> None:
    proxy = Proxy(logs.url, fault_rate=1.0)
    try:
        for _ in range(8):
            with pytest.raises((botocore.exceptions.ClientError, botocore.exceptions.HTTPClientError)):
                client("logs", proxy).describe_log_groups(logGroupNamePrefix="x")
        assert logs.operations == []
    finally:
        proxy.close()


def test_an_unknown_operation_is_a_mistake_and_no_answer(logs: LogGroups) -> None:
    with pytest.raises(botocore.exceptions.ClientError):
        client("logs", logs).create_log_group(logGroupName="x")


def test_what_was_just_created_is_not_ready_before_its_time() -> None:
    emulator = Databases()
    creation = Creation(
        "rds", "CreateDBInstance", 0.5,
        b"<DBInstanceStatus>available</DBInstanceStatus>", b"<DBInstanceStatus>creating</DBInstanceStatus>",
    )  # fmt: skip
    proxy = Proxy(emulator.url, creations=[creation])

    def status() -> str:
        return str(client("rds", proxy).describe_db_instances()["DBInstances"][0]["DBInstanceStatus"])

    try:
        assert status() == "available"
        made = client("rds", proxy).create_db_instance(DBInstanceIdentifier="it", DBInstanceClass="x", Engine="x")
        assert made["DBInstance"]["DBInstanceStatus"] == "creating" == status()
        time.sleep(0.5)
        assert status() == "available"
    finally:
        proxy.close()
        emulator.close()
