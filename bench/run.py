# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Measures the same roles by three tools in one run: converge, plain ansible-playbook, and Mitogen's strategy.

    python -m bench.run [--system transactions] [--environment local] [--repeat 3] [--output bench/results.json]

Each tool begins with an empty account in the same emulator: a cold run that makes everything, then no-op runs that
find everything as it should be. The emulator's own time is in every wall time, its CPU time in none.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import typing as t
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import requests
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "collections"))  # before the imports below, which find the collections by it

from tests.support.api_proxy import ApiProxy  # noqa: E402
from tests.support.emulators import CREDENTIALS, ministack, program  # noqa: E402

TOOLS = ("converge", "plain", "mitogen")
CONVERGE, PLAIN, MITOGEN = TOOLS


@dataclasses.dataclass
class Measurement:
    """One thing measured: the median of its runs."""

    name: str
    tool: str
    calls: int
    api_calls: int
    latency_ms: int
    wall_s: float
    cpu_s: float
    rss_mib: float


class Bench:
    """One emulator, one folder with a playbook for each tool."""

    def __init__(self, folder: Path, endpoint: str, system: str, environment: str) -> None:
        self.folder = folder
        self.endpoint = endpoint
        self.inventory = ROOT / "inventories" / environment
        self.journal = folder / "journal.json"
        declared = yaml.safe_load((ROOT / "playbooks" / "group_vars" / f"{system}.yml").read_text(encoding="utf-8"))
        self.limit = system
        (folder / "group_vars").symlink_to(ROOT / "playbooks" / "group_vars")
        roles = declared["system_roles"]
        converge = {"name": "Converge", "slipway.graph.converge": {"roles": roles, "journal": str(self.journal)}}
        self._write(CONVERGE, {"tasks": [converge]})
        self._write(PLAIN, {"roles": roles})

    def measure(self, tool: str, repeat: int) -> list[Measurement]:
        """Empty the account; one cold run, some no-op runs, and one that counts API calls."""
        _post(f"{self.endpoint}/_ministack/reset")
        cold = [self._run(tool, self.endpoint)]
        noop = [self._run(tool, self.endpoint) for _ in range(repeat)]
        proxy = ApiProxy(self.endpoint)
        try:
            self._run(tool, proxy.url)
            reads, writes = len(proxy.operations), len(proxy.writes)
        finally:
            proxy.close()
        if writes:
            raise SystemExit(f"the no-op run of {tool} made {writes} writes: {', '.join(sorted(set(proxy.writes)))}")
        calls = self._calls()
        # The cold run's API calls are not counted: the proxy would slow what is measured, and it cannot be repeated.
        return [_median("cold", tool, calls, 0, cold), _median("noop", tool, calls, reads, noop)]

    def _write(self, name: str, content: dict[str, t.Any]) -> None:
        defaults = {
            f"group/{each}.aws.aws": {"region": "{{ aws_region }}"} for each in ("amazon", "community", "slipway")
        }
        play = {
            "name": name, "hosts": self.limit, "gather_facts": False, "module_defaults": defaults,
            "environment": "{{ aws_environment }}", **content,
        }  # fmt: skip
        (self.folder / f"{name}.yml").write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")

    def _run(self, tool: str, endpoint: str) -> dict[str, float]:
        playbook = self.folder / f"{CONVERGE if tool == CONVERGE else PLAIN}.yml"
        result, log = self.folder / "result.json", self.folder / "log.txt"
        command = [program("ansible-playbook"), str(playbook), "-i", str(self.inventory)]
        with log.open("w", encoding="utf-8") as output:
            finished = subprocess.run(
                [sys.executable, "-m", "bench.measure", str(result), *command],
                cwd=ROOT, env=self._environment(tool, endpoint), stdout=output, stderr=output, check=False,
            )  # fmt: skip
        if finished.returncode:
            raise SystemExit(f"{tool} failed:\n{log.read_text(encoding='utf-8')[-4000:]}")
        return t.cast("dict[str, float]", json.loads(result.read_text(encoding="utf-8")))

    def _environment(self, tool: str, endpoint: str) -> dict[str, str]:
        # The inventory `local` finds its emulator by the port.
        port = str(urlsplit(endpoint).port)
        environment = {**os.environ, **CREDENTIALS, "AWS_ENDPOINT_URL": endpoint, "SLIPWAY_LOCAL_PORT": port}
        if tool == MITOGEN:
            found = importlib.util.find_spec("ansible_mitogen")
            if found is None or not found.origin:
                raise SystemExit("Mitogen is not installed: run make .venv")
            strategies = Path(found.origin).parent / "plugins" / "strategy"
            environment |= {"ANSIBLE_STRATEGY_PLUGINS": str(strategies), "ANSIBLE_STRATEGY": "mitogen_linear"}
        return environment

    def _calls(self) -> int:
        summary = json.loads(self.journal.read_text(encoding="utf-8"))["summary"]
        return int(summary["ok"]) + int(summary["changed"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all tools, print the table, write the results."""
    options = _parse(arguments)
    measurements: list[Measurement] = []
    with tempfile.TemporaryDirectory() as folder, ministack() as endpoint:
        bench = Bench(Path(folder), endpoint, options.system, options.environment)
        for tool in TOOLS:
            print(f"measuring {tool} ...", file=sys.stderr, flush=True)
            measurements += bench.measure(tool, options.repeat)
    results = {
        "machine": machine(),
        "measurements": [dataclasses.asdict(measurement) for measurement in measurements],
        "ratios": ratios(measurements),
    }
    print(table(results))
    options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def ratios(measurements: Sequence[Measurement]) -> dict[str, float]:
    """How many times less converge needs than another tool."""
    found = {(measurement.name, measurement.tool): measurement for measurement in measurements}

    def times_less(name: str, tool: str, attribute: str) -> float:
        return round(float(getattr(found[name, tool], attribute)) / float(getattr(found[name, CONVERGE], attribute)), 2)

    return {
        "noop_vs_plain": times_less("noop", PLAIN, "wall_s"),
        "noop_cpu_vs_plain": times_less("noop", PLAIN, "cpu_s"),
        "noop_vs_mitogen": times_less("noop", MITOGEN, "wall_s"),
        "cold_vs_plain": times_less("cold", PLAIN, "wall_s"),
        "cold_vs_mitogen": times_less("cold", MITOGEN, "wall_s"),
    }


def table(results: dict[str, t.Any]) -> str:
    """The results as people read them."""
    lines = [f"{'':<6}{'tool':<10}{'calls':>6}{'API calls':>11}{'wall s':>9}{'CPU s':>8}{'MiB':>7}"]
    for row in results["measurements"]:
        api_calls = row["api_calls"] or "-"
        lines.append(
            f"{row['name']:<6}{row['tool']:<10}{row['calls']:>6}{api_calls:>11}"
            f"{row['wall_s']:>9.1f}{row['cpu_s']:>8.1f}{row['rss_mib']:>7.0f}"
        )
    lines += ["", "converge needs this many times less:"]
    lines += [f"  {name:<20}{value:>7.1f}" for name, value in results["ratios"].items()]
    return "\n".join(lines)


def machine() -> dict[str, t.Any]:
    """What was measured on, without naming it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    packages = ("ansible-core", "boto3", "mitogen", "ministack")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in packages},
    }


def _median(name: str, tool: str, calls: int, api_calls: int, runs: Sequence[dict[str, float]]) -> Measurement:
    middle = {key: round(statistics.median(run[key] for run in runs), 3) for key in runs[0]}
    return Measurement(name, tool, calls, api_calls, 0, middle["wall_s"], middle["cpu_s"], middle["rss_mib"])


def _post(url: str) -> None:
    requests.post(url, timeout=60).raise_for_status()


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure converge against plain Ansible and Mitogen.")
    parser.add_argument("--system", default="transactions", help="whose roles are measured")
    parser.add_argument("--environment", default="local", help="the inventory")
    parser.add_argument("--repeat", type=int, default=3, help="how many no-op runs; their median counts")
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results.json", help="where the results go")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
