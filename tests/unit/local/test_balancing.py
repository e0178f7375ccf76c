"""The local load balancer: who gets requests, and when a target may go."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import sys
import threading
import time
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ministack.core.responses import request_scope  # type: ignore[import-untyped]
from ministack.services import alb, ecs  # type: ignore[import-untyped]

from tests.support.background import wait_until
from tests.support.paths import ROOT

ACCOUNT, REGION = "123456789012", "eu-central-1"
GROUP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/shop/1"
DESCRIBED = {
    "TargetType": "ip", "Port": 80, "HealthCheckPort": "traffic-port", "HealthCheckProtocol": "HTTP",
    "HealthCheckPath": "/health", "HealthCheckIntervalSeconds": 1, "HealthCheckTimeoutSeconds": 2,
    "UnhealthyThresholdCount": 2, "Matcher": {"HttpCode": "200,300-301"},
}  # fmt: skip


class Service:
    """Something that listens on an address of its own."""

    def __init__(self, address: str) -> None:
        self.is_healthy = True
        self.pause = 0.0
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != "/health":
                    time.sleep(service.pause)
                self.send_response(200 if self.path != "/health" or service.is_healthy else 503)
                body = service.address.encode()
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: t.Any) -> None:
                pass

        self.server = ThreadingHTTPServer((address, 0), Handler)
        self.address, self.port = address, self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def balancing(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[t.Any]:
    """The module, at work in this process; afterwards everything is as before."""
    monkeypatch.syspath_prepend(str(ROOT / "roles/local/local_aws/files"))
    module = importlib.import_module("balancing")
    operations = [dict(each._ACTION_MAP) for each in (alb, ecs)]
    module.install()
    with request_scope(ACCOUNT, REGION):
        alb._tgs[GROUP] = dict(DESCRIBED)
        alb._targets[GROUP] = []
        yield module
        del alb._tgs[GROUP], alb._targets[GROUP]
    module.known.clear()
    for name, original in module.originals.items():
        setattr(ecs if hasattr(ecs, name) else alb, name, original)
    for each, before in zip((alb, ecs), operations, strict=True):
        each._ACTION_MAP.update(before)
    del sys.modules["balancing"]


@pytest.fixture
def services() -> t.Iterator[list[Service]]:
    started = [Service(f"127.0.0.{number}") for number in (2, 3)]
    yield started
    for service in started:
        service.server.shutdown()
        service.server.server_close()


def register(*services: Service) -> None:
    alb.set_targets_for_group(GROUP, [(each.address, each.port) for each in services])


def ask(balancing: t.Any) -> tuple[int, str]:
    """Status and text of an answer."""

    async def whole() -> tuple[int, str]:
        status, _headers, content = await balancing.forward(GROUP, "GET", "/", {}, b"", {}, "", "/")
        if isinstance(content, bytes):
            return status, content.decode()
        parts: list[bytes] = []

        async def send(message: dict[str, t.Any]) -> None:
            parts.append(message["body"])

        await content.runner(send, asyncio.Event().wait)
        return status, b"".join(parts).decode()

    return asyncio.run(whole())


def states(balancing: t.Any) -> list[str]:
    return [each.state for each in balancing.look_at(GROUP)]


def test_a_target_gets_no_request_before_a_check_has_succeeded(balancing: t.Any, services: list[Service]) -> None:
    service = services[0]
    service.is_healthy = False
    alb._tgs[GROUP]["HealthCheckIntervalSeconds"] = 60
    register(service)
    wait_until(lambda: balancing.look_at(GROUP)[0].checks > 0, "the first check")
    assert ask(balancing)[0] == 503
    service.is_healthy = True
    wait_until(lambda: states(balancing) == ["healthy"], "a check that succeeds")
    assert ask(balancing) == (200, service.address)


def test_only_healthy_targets_get_requests(balancing: t.Any, services: list[Service]) -> None:
    services[1].is_healthy = False
    register(*services)
    wait_until(lambda: states(balancing) == ["healthy", "unhealthy"], "the checks")
    assert {ask(balancing) for _ in range(20)} == {(200, services[0].address)}


def test_where_all_are_unhealthy_any_gets_requests(balancing: t.Any, services: list[Service]) -> None:
    for service in services:
        service.is_healthy = False
    register(*services)
    wait_until(lambda: states(balancing) == ["unhealthy"] * 2, "the checks")
    assert {ask(balancing) for _ in range(40)} == {(200, each.address) for each in services}


def test_a_target_that_goes_gets_nothing_new_and_ends_what_it_has_begun(
    balancing: t.Any, services: list[Service]
) -> None:
    register(*services)
    wait_until(lambda: states(balancing) == ["healthy"] * 2, "the checks")
    going = services[0]
    going.pause = services[1].pause = 0.7
    answers: list[tuple[int, str]] = []

    def ask_in_scope() -> None:
        with request_scope(ACCOUNT, REGION):
            answers.append(ask(balancing))

    asking = [threading.Thread(target=ask_in_scope) for _ in range(12)]
    for thread in asking:
        thread.start()
    target = balancing.look_at(GROUP)[0]
    wait_until(lambda: target.requests > 0, "a request to it")
    balancing.drain(going.address)
    assert target.requests == 0
    assert "<State>draining</State>" in balancing.xml_of(target)
    for thread in asking:
        thread.join()
    assert {status for status, _text in answers} == {200}
    assert {ask(balancing) for _ in range(5)} == {(200, services[1].address)}


def test_a_target_whose_address_comes_again_begins_anew(balancing: t.Any, services: list[Service]) -> None:
    register(services[0])
    wait_until(lambda: states(balancing) == ["healthy"], "the check")
    balancing.drain(services[0].address)
    alb.set_targets_for_group(GROUP, [], [services[0].address])
    register(services[0])
    assert not balancing.look_at(GROUP)[0].is_draining
    assert balancing.look_at(GROUP)[0].state == "initial"


def test_a_draining_target_is_waited_for_only_as_long_as_its_group_says(
    balancing: t.Any, services: list[Service]
) -> None:
    register(services[0])
    wait_until(lambda: states(balancing) == ["healthy"], "the check")
    balancing.look_at(GROUP)[0].requests = 1  # one that never ends
    alb._tg_attrs[GROUP] = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: alb._tg_attrs.pop(GROUP, None))
        balancing.drain(services[0].address)
    assert balancing.look_at(GROUP)[0].requests == 1


@pytest.mark.parametrize(("status", "wanted"), [(200, True), (201, False), (300, True), (301, True), (302, False)])
def test_a_matcher_has_numbers_and_ranges(balancing: t.Any, status: int, wanted: bool) -> None:
    assert balancing.is_wanted(status, DESCRIBED["Matcher"]["HttpCode"]) is wanted  # type: ignore[index]
