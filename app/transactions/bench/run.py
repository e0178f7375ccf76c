"""Measures the service against its bounds, on servers of its own: `make bench-app`.

Throughput is a ratio to an empty FastAPI endpoint served by the same kind of worker, measured in turns in one run,
so that it says something about the service and not about the machine. Each figure is the median of its rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from tests.servers import APP, MariaDbServer, RedisServer, Service, free_port, migrate, wait_until

CONNECTIONS = 100
# The exit code of a k6 that ran and found a threshold crossed.
K6_THRESHOLDS_CROSSED = 99
RESULTS = APP / "bench" / "results.json"
TRANSACTIONS = 100
# Callers have to say who they are, as in production.
KEY = "a-key-for-nothing-but-the-benchmark"
AUTHORIZATION = f"Bearer {KEY}"


@dataclass(frozen=True)
class Load:
    """What a round of load measured."""

    requests_per_second: float
    p95_milliseconds: float
    cpu_microseconds: float


@dataclass(frozen=True)
class Figure:
    """One line of the result; with a bound it is kept or not."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    below: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the value is within its bound."""
        return (self.at_least is None or self.value >= self.at_least) and (
            self.below is None or self.value < self.below
        )

    @property
    def row(self) -> tuple[str, str, str, str]:
        """Name, value, bound and verdict."""
        bound = self._show(">=", self.at_least) or self._show("<", self.below)
        verdict = "" if not bound else "pass" if self.kept else "FAIL"
        return self.name, f"{self.value:.{1 if self.value < 100 else 0}f} {self.unit}", bound, verdict

    def _show(self, relation: str, bound: float | None) -> str:
        return "" if bound is None else f"{relation} {bound:g} {self.unit}"


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


_WRK_REPORT = """
done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(95.0),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write
      + summary.errors.timeout))
end
"""


def apply_load(url: str, pid: int, seconds: int, script: Path) -> Load:
    """Ask for one URL over 100 connections as fast as it answers."""
    before = _cpu_seconds(pid)
    ran = subprocess.run(
        [
            "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script),
            "-H", f"Authorization: {AUTHORIZATION}", url,
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", ran.stdout)
    if found is None:
        raise RuntimeError(f"wrk printed no result:\n{ran.stdout}")
    requests, microseconds, p95, errors = (int(group) for group in found.groups())
    if errors:
        raise RuntimeError(f"{errors} of {requests} requests to {url} failed")
    cpu = (_cpu_seconds(pid) - before) / requests * 1e6
    return Load(requests / microseconds * 1e6, p95 / 1000, cpu)


@contextmanager
def empty_service() -> Iterator[tuple[str, int]]:
    """An empty FastAPI application on the same kind of worker."""
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "uvicorn", "bench.empty:app", "--port", str(port), "--no-access-log",
            "--loop", "uvloop", "--http", "httptools", "--log-level", "warning",
        ],
        cwd=APP,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}/"
    try:
        wait_until(lambda: _answers(url), "the empty application to start")
        yield url, process.pid
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    return subprocess.run(["curl", "-sf", "-o", "/dev/null", url], check=False).returncode == 0


def measure_throughput(service: Service, rounds: int, seconds: int, folder: Path) -> list[Figure]:
    """Throughput of cached reads against the empty endpoint, in turns."""
    script = folder / "report.lua"
    script.write_text(_WRK_REPORT)
    headers = {"Authorization": AUTHORIZATION}
    newest = service.request("GET", "/transaction", params={"limit": 1}, headers=headers).json()["items"][0]["id"]
    with empty_service() as (empty_url, empty_pid):
        targets = {
            "empty": (empty_url, empty_pid),
            "one": (f"{service.url}/transaction/{newest}", service.process.pid),
            "list": (f"{service.url}/transaction?limit=100", service.process.pid),
        }
        for url, pid in targets.values():
            apply_load(url, pid, 1, script)
        loads: dict[str, list[Load]] = {name: [] for name in targets}
        for _ in range(rounds):
            for name, (url, pid) in targets.items():
                loads[name].append(apply_load(url, pid, seconds, script))
    return [
        Figure(
            "empty endpoint of FastAPI", statistics.median(load.requests_per_second for load in loads["empty"]), "/s"
        ),
        *_compare("one transaction, cached", loads["one"], loads["empty"], at_least=50),
        *_compare("a list of 100, cached", loads["list"], loads["empty"], at_least=35),
    ]


def _compare(name: str, loads: list[Load], empty: list[Load], at_least: float) -> list[Figure]:
    rounds = list(zip(loads, empty, strict=True))
    rate = statistics.median(load.requests_per_second for load in loads)
    ratio = statistics.median(mine.requests_per_second / other.requests_per_second for mine, other in rounds)
    by_cpu = statistics.median(other.cpu_microseconds / mine.cpu_microseconds for mine, other in rounds)
    p95 = statistics.median(load.p95_milliseconds for load in loads)
    return [
        Figure(name, rate, "/s"),
        Figure("  of the empty endpoint's rate", ratio * 100, "%", at_least=at_least),
        Figure("  the same by the worker's CPU time", by_cpu * 100, "%"),
        Figure(f"  p95 at {CONNECTIONS} users", p95, "ms", below=50),
    ]


def measure_start(environment: dict[str, str], folder: Path) -> Figure:
    """Seconds from the start of the process to ready, the median of three."""
    seconds = []
    for _ in range(3):
        started = perf_counter()
        service = Service(environment, folder)
        _wait_until_ready(service.url)
        seconds.append(perf_counter() - started)
        service.stop()
    return Figure("process: start to ready", statistics.median(seconds), "s", below=3)


def measure_container_start(environment: dict[str, str], image: str) -> Figure:
    """Seconds from `docker run` to ready, the median of three; read-only, as it runs in ECS."""
    seconds = []
    for _ in range(3):
        port = free_port()
        variables = [f"--env={name}={value}" for name, value in {**environment, "PORT": str(port)}.items()]
        started = perf_counter()
        container = _docker("run", "--detach", "--rm", "--read-only", "--network=host", *variables, image)
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}")
            seconds.append(perf_counter() - started)
        finally:
            _docker("stop", container)
    return Figure("container: start to ready", statistics.median(seconds), "s", below=3)


def _wait_until_ready(url: str) -> None:
    wait_until(lambda: _answers(f"{url}/health/ready"), "the service to be ready")


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def measure_k6(service: Service, name: str, folder: Path, long: bool) -> list[Figure]:
    """Run a k6 script; its thresholds are the bounds."""
    summary = folder / f"{name}.json"
    ran = subprocess.run(
        [
            str(Path(sys.executable).with_name("k6")), "run", "--quiet", "--no-usage-report",
            f"--summary-export={summary}", "-e", f"URL={service.url}", "-e", f"SHORT={int(not long)}",
            str(APP / "load" / f"{name}.js"),
        ],
        env={**os.environ, "API_KEY": KEY}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode not in (0, K6_THRESHOLDS_CROSSED) or not summary.exists():
        raise RuntimeError(f"k6 failed:\n{ran.stdout}{ran.stderr}")
    metrics = json.loads(summary.read_text())["metrics"]
    figures = [
        Figure(f"k6 {name}{'' if long else ', short'}", metrics["http_reqs"]["rate"], "/s"),
        Figure("  p95", metrics["http_req_duration"]["p(95)"], "ms", below=200 if name == "baseline" else None),
        Figure("  failed requests", metrics["http_req_failed"]["value"] * 100, "%", below=1),
        Figure("  checks that passed", metrics["checks"]["value"] * 100, "%", at_least=99),
    ]
    if "memory_growth_percent" in metrics:
        growth = metrics["memory_growth_percent"]["max"]
        figures.append(Figure("  memory, to that after warm-up", growth, "%", below=10))
    return figures


def run(arguments: argparse.Namespace) -> list[Figure]:
    """Start servers, measure, stop servers."""
    if shutil.which("wrk") is None:
        raise SystemExit("bench: wrk is missing; on Debian: apt-get install wrk")
    figures: list[Figure] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="transactions-bench-")))
        (folder / "mariadb").mkdir()
        (folder / "redis").mkdir()
        mariadb, redis = MariaDbServer(folder / "mariadb"), RedisServer(folder / "redis")
        stack.callback(redis.kill)
        stack.callback(mariadb.kill)
        mariadb.create()
        migrate(mariadb.environment())
        redis.start()
        environment = {
            **mariadb.environment(),
            "APP_ENVIRONMENT": "prod",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(redis.port),
            # On, and never reached: what is measured is the work of the limit, not its refusals.
            "RATE_LIMIT_REQUESTS": "100000000",
            "API_KEYS__BENCH": KEY,
        }
        figures.append(measure_start(environment, folder))
        if arguments.image:
            figures.append(measure_container_start(environment, arguments.image))
        service = Service(environment, folder)
        stack.callback(service.end)
        for number in range(TRANSACTIONS):
            body = {"amount": "12.50", "description": f"coffee {number}"}
            service.request("POST", "/transaction", json=body, headers={"Authorization": AUTHORIZATION})
        figures += measure_throughput(service, arguments.rounds, arguments.seconds, folder)
        service.stop()
        for name in arguments.load:
            # A new process each time: one that has worked has memory to spare, in which a leak would not show.
            service = Service(environment, folder)
            stack.callback(service.end)
            figures += measure_k6(service, name, folder, arguments.long)
            service.stop()
    return figures


def record(figures: list[Figure]) -> None:
    """Write the figures down, with what they were taken on."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=APP, capture_output=True, text=True, check=False
    )
    document = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "figures": [{**asdict(figure), "name": figure.name.strip(), "kept": figure.kept} for figure in figures],
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")


def show(figures: list[Figure]) -> None:
    """Print the figures as a table."""
    rows = [("figure", "measured", "bound", ""), *(figure.row for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, value, bound, verdict in rows:
        print(f"{name:<{widths[0]}}  {value:>{widths[1]}}  {bound:>{widths[2]}}  {verdict}".rstrip())


def main() -> int:
    """Print the figures and write them down; 1 if a bound is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=3, help="of each round")
    parser.add_argument("--load", nargs="*", default=["baseline", "spike", "endurance"])
    parser.add_argument("--long", action="store_true", help="the load tests' long forms")
    parser.add_argument("--image", default="", help="also measure how long a container of it takes to start")
    figures = run(parser.parse_args())
    show(figures)
    record(figures)
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
