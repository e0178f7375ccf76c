"""The system without its cache and without its database, seen through the load balancer."""

from __future__ import annotations

import contextlib
import json
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from tests.delivery.releases import System, answer_of
from tests.support.background import wait_until

# More than tasks run: each of them answers some, for the load balancer takes turns.
QUESTIONS = 4
PAGES = count(1)


@dataclass
class Answer:
    """What the load balancer passed on."""

    status: int
    kind: str
    body: str
    seconds: float


def ask(system: System, path: str, method: str = "GET", body: dict[str, str] | None = None) -> Answer:
    """Send one request."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        system.url + path, data=data, method=method, headers={"Content-Type": "application/json", **system.headers}
    )
    started = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, kind, text = answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        status, kind, text = error.code, error.headers["Content-Type"], error.read()
    return Answer(status, kind or "", text.decode(), time.monotonic() - started)


def post(system: System) -> Answer:
    """Post a transaction."""
    return ask(system, "/transaction", "POST", {"amount": "4.20", "description": "in hard times"})


def read(system: System) -> Answer:
    """Read a page that nobody has read before, so that no cache has it."""
    return ask(system, f"/transaction?limit=1&page={next(PAGES)}")


def metric(system: System, name: str) -> set[float]:
    """What the tasks say of themselves to those who scrape them."""
    texts = [answer_of(f"{url}/metrics")[1] for url in system.inside()]
    return {
        float(line.split()[-1]) for text in texts for line in text.splitlines() if line.startswith(f"{name} ")
    }  # fmt: skip


def probed(system: System, path: str) -> set[int]:
    """What the tasks answer to probes."""
    return {answer_of(f"{url}{path}", seconds=20)[0] for url in system.inside()}


def health(system: System) -> set[str]:
    """What the tasks say of the system."""
    return {json.loads(ask(system, "/health").body)["status"] for _ in range(QUESTIONS)}


def tasks(system: System) -> str:
    """The application's containers, and since when they run."""
    form = "{{.Id}} {{.State.StartedAt}} {{.RestartCount}}"
    return system.local.docker("inspect", "--format", form, *sorted(system.containers()))


@contextlib.contextmanager
def killed(system: System, service: str) -> Iterator[None]:
    """Kill the container of an AWS service; afterwards it runs again."""
    label = f"label=ministack={service}"
    (container,) = system.local.docker("ps", "--quiet", "--filter", label, "--filter", "status=running").split()
    system.local.docker("kill", container)
    try:
        yield
    finally:
        system.local.docker("start", container)


def test_requests_go_on_without_the_cache(system: System) -> None:
    before = tasks(system)
    assert health(system) == {"ok"}
    with killed(system, "elasticache"):
        for _ in range(QUESTIONS):
            posted = post(system)
            assert posted.status == 201, posted
            path = f"/transaction/{json.loads(posted.body)['id']}"
            assert ask(system, path).body == posted.body
            assert json.loads(read(system).body)["items"] == [json.loads(posted.body)]
            assert ask(system, path, "DELETE").status == 204
        assert health(system) == {"degraded"}
        assert probed(system, "/health/ready") == {200}
        assert metric(system, "redis_up") == {0}
    wait_until(lambda: health(system) == {"ok"}, "the tasks to find the cache again")
    wait_until(lambda: metric(system, "redis_up") == {1}, "the metrics to show it")
    assert tasks(system) == before


def test_requests_are_problems_without_the_database_until_it_is_back(system: System) -> None:
    before = tasks(system)
    with killed(system, "rds"):
        refused = [request(system) for _ in range(QUESTIONS) for request in (read, post)]
        for answer in refused:
            assert (answer.status, answer.kind) == (503, "application/problem+json"), answer
            assert json.loads(answer.body)["type"] == "urn:problem:database-unavailable"
        # Of several, because a machine that is busy may delay one.
        assert statistics.median(answer.seconds for answer in refused) < 2
        assert health(system) == {"unavailable"}
        assert probed(system, "/health/live") == {200}
    wait_until(lambda: health(system) == {"ok"}, "the tasks to find the database again")
    posted = post(system)
    assert posted.status == 201, posted
    assert json.loads(read(system).body)["items"] == [json.loads(posted.body)]
    assert tasks(system) == before
