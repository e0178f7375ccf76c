"""Measures the service against its bounds, on servers of its own: `python -m bench.run`.

Throughput is a ratio to an empty FastAPI endpoint served by the same kind of worker, measured in turns in one run,
so that it says something about the service and not about the machine. Each figure is the median of its rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from tests.servers import APP, MariaDbServer, RedisServer, Service, free_port, migrate, wait_until

CONNECTIONS = 100
TRANSACTIONS = 100


@dataclass(frozen=True)
class Load:
    """What a round of load measured."""

    requests_per_second: float
    p95_milliseconds: float
    cpu_microseconds: float


@dataclass(frozen=True)
class Figure:
    """One line of the result."""

    name: str
    value: str
    bound: str
    kept: bool


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
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), url],
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
    newest = service.request("GET", "/transaction", params={"limit": 1}).json()["items"][0]["id"]
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
    figures = []
    for name, title, bound in (("one", "one transaction", 0.50), ("list", "a list of 100", 0.35)):
        ratio = statistics.median(
            mine.requests_per_second / empty.requests_per_second
            for mine, empty in zip(loads[name], loads["empty"], strict=True)
        )
        by_cpu = statistics.median(
            empty.cpu_microseconds / mine.cpu_microseconds
            for mine, empty in zip(loads[name], loads["empty"], strict=True)
        )
        p95 = statistics.median(load.p95_milliseconds for load in loads[name])
        rate = statistics.median(load.requests_per_second for load in loads[name])
        figures += [
            Figure(f"cached {title}, to an empty endpoint", f"{ratio:.0%}", f">= {bound:.0%}", ratio >= bound),
            Figure("  the same by CPU time of the worker", f"{by_cpu:.0%}", "", True),
            Figure(f"  p95 at {CONNECTIONS} users ({rate:.0f}/s)", f"{p95:.0f} ms", "< 50 ms", p95 < 50),
        ]
    return figures


def measure_start(environment: dict[str, str], folder: Path) -> Figure:
    """Seconds from start to ready, the median of three."""
    seconds = []
    for _ in range(3):
        started = perf_counter()
        service = Service(environment, folder)
        wait_until(lambda: service.request("GET", "/health/ready").status_code == 200, "the service to be ready")  # noqa: B023
        seconds.append(perf_counter() - started)
        service.stop()
    median = statistics.median(seconds)
    return Figure("start to ready", f"{median:.1f} s", "< 3 s", median < 3)


def measure_k6(service: Service, name: str, folder: Path, long: bool) -> list[Figure]:
    """Run a k6 script; its thresholds are the bounds."""
    summary = folder / f"{name}.json"
    ran = subprocess.run(
        [
            str(Path(sys.executable).with_name("k6")), "run", "--quiet", "--no-usage-report",
            f"--summary-export={summary}", "-e", f"URL={service.url}", "-e", f"SHORT={int(not long)}",
            str(APP / "load" / f"{name}.js"),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not summary.exists():
        raise RuntimeError(f"k6 failed:\n{ran.stdout}{ran.stderr}")
    metrics = json.loads(summary.read_text())["metrics"]
    duration, failed = metrics["http_req_duration"], metrics["http_req_failed"]
    value = f"p95 {duration['p(95)']:.0f} ms, {failed['value']:.2%} failed of {metrics['http_reqs']['count']:.0f}"
    if "memory_growth_percent" in metrics:
        value += f", memory {metrics['memory_growth_percent']['max']:+.1f} %"
    return [Figure(f"k6 {name}{'' if long else ', short'}", value, "its thresholds", ran.returncode == 0)]


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
        }
        figures.append(measure_start(environment, folder))
        service = Service(environment, folder)
        stack.callback(service.end)
        for number in range(TRANSACTIONS):
            service.request("POST", "/transaction", json={"amount": "12.50", "description": f"coffee {number}"})
        figures += measure_throughput(service, arguments.rounds, arguments.seconds, folder)
        for name in arguments.load:
            figures += measure_k6(service, name, folder, arguments.long)
    return figures


def main() -> int:
    """Print the figures; 1 if a bound is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each round")
    parser.add_argument("--load", nargs="*", default=["baseline", "spike", "endurance"])
    parser.add_argument("--long", action="store_true", help="the load tests' long forms")
    figures = run(parser.parse_args())
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        verdict = "" if not figure.bound else "ok" if figure.kept else "NOT KEPT"
        print(f"{figure.name:<{width}}  {figure.value:>20}  {figure.bound:<15} {verdict}".rstrip())
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
