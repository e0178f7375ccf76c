"""slipway.aws.failover: what a client sees of a failure, measured against a server that fails on purpose."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest

from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError
from ansible_collections.slipway.aws.plugins.modules import failover as module
from ansible_collections.slipway.aws.plugins.modules.failover import Answer, Client, measure

PARAMS: dict[str, Any] = {
    "target": "ecs_service", "name": "shop-api", "cluster": "shop", "node_group": "0001", "remind": False,
    "stable_seconds": 0.4, "timeout": 60,
}  # fmt: skip


class Server(ThreadingHTTPServer):
    """A service that answers, fails or hangs as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        # How the next requests are answered; 0 is not at all.
        self.outage: list[int] = []
        self.end = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = cast("Server", self.server)
        status = server.outage.pop(0) if server.outage else server.status
        if status == 0:
            server.end.wait()
            return
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.end.set()
        running.shutdown()
        thread.join()


class Ecs:
    """Tasks that can be stopped; ``on_stop`` is what that does to the service."""

    def __init__(self, tasks: list[str], on_stop: Any = None) -> None:
        self.tasks = tasks
        self.stopped: list[str] = []
        self.reminders: list[dict[str, Any]] = []
        self._on_stop = on_stop or (lambda: None)

    def get_paginator(self, _name: str) -> Ecs:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"taskArns": [task]} for task in self.tasks]

    def update_service(self, **request: Any) -> None:
        self.reminders.append(request)

    def stop_task(self, task: str, **_: Any) -> None:
        self.stopped.append(task)
        self._on_stop()


def client_of(server: Server, timeout: int = 30) -> Client:
    return Client(lambda: module.ask(server.url, timeout), 10, timeout)


def test_an_outage_is_measured_as_a_client_sees_it(server: Server) -> None:
    ecs = Ecs(["task/1"], lambda: server.outage.extend([503, 200, 503, 502]))
    result = module.drill(PARAMS, module.EcsService(PARAMS, ecs), client_of(server))
    assert ecs.stopped == ["task/1"]
    assert result["did"] == "stopped 1 tasks"
    assert result["failures"] == {"503": 2, "502": 1}
    # Four requests at ten a second; a busy machine may take longer.
    assert result["downtime_seconds"] >= 0.3
    assert result["requests"] >= 3 + 4


def test_requests_that_hang_are_failures_and_not_waited_for(server: Server) -> None:
    ecs = Ecs(["task/1"], lambda: server.outage.extend([0, 0]))
    result = module.drill(PARAMS, module.EcsService(PARAMS, ecs), client_of(server, timeout=5))
    assert result["failures"] == {"timed out": 2}
    assert result["slowest_seconds"] < 5


def test_a_failure_that_nobody_sees_has_no_downtime(server: Server) -> None:
    result = module.drill(PARAMS, module.EcsService(PARAMS, Ecs(["task/1"])), client_of(server))
    assert (result["failed_requests"], result["downtime_seconds"], result["recovery_seconds"]) == (0, 0, 0)
    assert result["requests"] > 0


def test_nothing_is_failed_while_the_service_does_not_answer(server: Server) -> None:
    server.status = 500
    ecs = Ecs(["task/1"])
    with pytest.raises(RefusedError, match=r"was not healthy for 0\.4 seconds in a row: 500"):
        module.drill({**PARAMS, "timeout": 5}, module.EcsService(PARAMS, ecs), client_of(server))
    assert ecs.stopped == []


def test_a_service_that_stays_away_is_told_with_the_last_failure(server: Server) -> None:
    ecs = Ecs(["task/1"], lambda: setattr(server, "status", 502))
    with pytest.raises(RefusedError, match="in a row: 502"):
        module.drill({**PARAMS, "timeout": 5}, module.EcsService(PARAMS, ecs), client_of(server))


def test_downtime_ends_with_the_first_good_request_after_the_last_failed_one() -> None:
    seen = [(9.0, "early"), (10.0, ""), (11.0, "502"), (12.0, ""), (13.0, "502"), (14.5, ""), (15.0, "")]
    answers = [Answer(began, 0.1, failure) for began, failure in seen]
    assert measure(answers, 10.0) == {
        "downtime_seconds": 3.5, "recovery_seconds": 4.5, "requests": 6, "failed_requests": 2, "failures": {"502": 2},
        "slowest_seconds": 0.1,
    }  # fmt: skip


def test_ecs_is_told_the_number_of_tasks_again_only_where_it_needs_that() -> None:
    for remind, reminders in ((False, []), (True, [{"cluster": "shop", "service": "shop-api", "desiredCount": 2}])):
        ecs = Ecs(["task/1", "task/2"])
        module.EcsService({**PARAMS, "remind": remind}, ecs).fail()
        assert ecs.reminders == reminders


def test_a_service_without_tasks_is_refused() -> None:
    with pytest.raises(RefusedError, match="has no running tasks"):
        module.EcsService(PARAMS, Ecs([])).check()


class Rds:
    """A database that reboots when it is told to."""

    def __init__(self, **instance: Any) -> None:
        self.instance = {
            "MultiAZ": True,
            "DBInstanceStatus": "available",
            "AvailabilityZone": "eu-central-1a",
        } | instance
        self.rebooted: list[dict[str, Any]] = []

    def describe_db_instances(self, **_: Any) -> dict[str, Any]:
        return {"DBInstances": [dict(self.instance)]}

    def reboot_db_instance(self, **request: Any) -> None:
        self.rebooted.append(request)


def test_the_standby_of_a_database_takes_over() -> None:
    rds = Rds()
    target = module.RdsInstance({"name": "shop-database"}, rds)
    target.check()
    assert target.fail() == "made the standby of shop-database take over from eu-central-1a"
    assert rds.rebooted == [{"DBInstanceIdentifier": "shop-database", "ForceFailover": True}]
    target.wait(1)


def test_a_database_that_does_not_come_back_is_told() -> None:
    with pytest.raises(RefusedError, match="shop-database was not available again"):
        module.RdsInstance({"name": "shop-database"}, Rds(DBInstanceStatus="rebooting")).wait(0)


@pytest.mark.parametrize(
    ("instance", "message"),
    [({"MultiAZ": False}, "has no standby"), ({"DBInstanceStatus": "backing-up"}, "is backing-up and not available")],
)
def test_a_database_that_cannot_fail_over_is_refused(instance: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        module.RdsInstance({"name": "shop-database"}, Rds(**instance)).check()


class Cache:
    """A cache that fails over when it is told to."""

    def __init__(self, **group: Any) -> None:
        self.group = {"AutomaticFailover": "enabled", "Status": "available"} | group
        self.tested: list[dict[str, Any]] = []

    def describe_replication_groups(self, **_: Any) -> dict[str, Any]:
        return {"ReplicationGroups": [dict(self.group)]}

    def test_failover(self, **request: Any) -> None:
        self.tested.append(request)


def test_a_replica_of_a_cache_takes_over() -> None:
    cache = Cache()
    target = module.ReplicationGroup({"name": "shop-cache", "node_group": "0001"}, cache)
    target.check()
    assert "of shop-cache take over" in target.fail()
    assert cache.tested == [{"ReplicationGroupId": "shop-cache", "NodeGroupId": "0001"}]
    target.wait(1)


@pytest.mark.parametrize(
    ("group", "message"),
    [({"AutomaticFailover": "disabled"}, "has no automatic failover"), ({"Status": "modifying"}, "is modifying")],
)
def test_a_cache_that_cannot_fail_over_is_refused(group: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        module.ReplicationGroup({"name": "shop-cache", "node_group": "0001"}, Cache(**group)).check()


def test_time_passes_between_two_requests_as_the_rate_says() -> None:
    asked: list[float] = []
    client = Client(lambda: asked.append(time.monotonic()) or "", 10, 1)  # type: ignore[func-returns-value]
    with client.asking():
        while len(asked) < 4:
            time.sleep(0.01)
    # It may be late on a busy machine, but never asks more often.
    assert asked[3] - asked[0] >= 0.25
