# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Measures the engine: beside plain Ansible and Mitogen, from afar, against its critical path, and with many calls.

    python -m bench.run [--system transactions] [--environment local] [--repeat 3] [--output bench/results.json]

docs/benchmarks.md says what each figure means.
"""

from __future__ import annotations

import argparse
import collections.abc as c
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path
from urllib.parse import urlsplit

import requests
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "collections"))  # before the imports below, which find the collections by it

from bench import critical_path, many_calls, picture, results  # noqa: E402
from bench.proxy import CREATIONS, Creation, Proxy  # noqa: E402
from bench.results import CONVERGE, MITOGEN, PLAIN, TOOLS, Measurement  # noqa: E402
from tests.support.api_proxy import only_reads  # noqa: E402
from tests.support.emulators import CREDENTIALS, ministack, program  # noqa: E402

LATENCY = 0.05
# How much faster resources are made than by AWS. Not less than this: rds_instance asks once a minute only.
CREATION_FACTOR = 1 / 8
CALLS = (10, 100, 1000, 5000)
Cost = dict[str, float]


class Bench:
    """One emulator, one folder with a playbook for each thing measured."""

    def __init__(self, folder: Path, endpoint: str, system: str, environment: str, repeat: int) -> None:
        self.folder = folder
        self.endpoint = endpoint
        self.inventory = ROOT / "inventories" / environment
        self.limit = system
        self.repeat = repeat
        (folder / "group_vars").symlink_to(ROOT / "playbooks" / "group_vars")
        declared = yaml.safe_load((ROOT / "playbooks" / "group_vars" / f"{system}.yml").read_text(encoding="utf-8"))
        self.roles: list[str] = declared["system_roles"]
        # Mitogen is another strategy for the playbook of plain Ansible.
        self.playbooks = {CONVERGE: self._converge(self.roles), PLAIN: self._playbook(PLAIN, {"roles": self.roles})}
        self.playbooks[MITOGEN] = self.playbooks[PLAIN]
        # What an empty plan takes: nothing can begin before.
        self.start_s = 0.0

    def start(self) -> Measurement:
        """A plan of a role without tasks."""
        tasks = self.folder / "roles/start/tasks/main.yml"
        tasks.parent.mkdir(parents=True)
        tasks.write_text("--- []\n", encoding="utf-8")
        playbook = self._converge(["start"], "start")
        costs = [self._run(CONVERGE, playbook, self.endpoint, "--check") for _ in range(self.repeat)]
        measurement = _median("start", CONVERGE, 0, 0, costs)
        self.start_s = measurement.wall_s
        return measurement

    def tool(self, tool: str) -> list[Measurement]:
        """Empty the account; one cold run, some no-op runs, and one that counts their API calls."""
        self._reset()
        playbook = self.playbooks[tool]
        cold = [self._run(tool, playbook, self.endpoint)]
        # What takes a minute varies little.
        noop = [self._run(tool, playbook, self.endpoint) for _ in range(self.repeat if tool == CONVERGE else 1)]
        api_calls, _cost = self._from_afar(tool)
        return [_median("cold", tool, self._calls(), None, cold), _median("noop", tool, self._calls(), api_calls, noop)]

    def plan(self) -> Measurement:
        """A plan of what is as it should be."""
        costs = [self._run(CONVERGE, self.playbooks[CONVERGE], self.endpoint, "--check") for _ in range(self.repeat)]
        api_calls, _cost = self._from_afar(CONVERGE, 0.0, "--check")
        return _median("plan", CONVERGE, self._calls(), api_calls, costs)

    def noop_from_afar(self) -> Measurement:
        """A no-op where every API call takes its time."""
        runs = [self._from_afar(CONVERGE, LATENCY) for _ in range(self.repeat)]
        return self._against_critical_path("noop_latency", runs[0][0], [cost for _count, cost in runs])

    def cold_from_afar(self) -> Measurement:
        """An empty account is filled where also making a resource takes its time."""
        self._reset()
        creations = [creation.scaled(CREATION_FACTOR) for creation in CREATIONS]
        proxy = Proxy(self.endpoint, LATENCY, creations=creations)
        try:
            cost = self._run(CONVERGE, self.playbooks[CONVERGE], proxy.url)
            return self._against_critical_path("cold_latency", len(proxy.operations), [cost], creations)
        finally:
            proxy.close()

    def site(self) -> list[Measurement]:
        """All systems with nothing to do: the whole of `site.yml`, and the graphs without what stands around them."""
        self._reset()
        converge = {"roles": "{{ system_roles }}", "journal": "{{ system_run_directory }}/journal.json"}
        playbooks = {
            "site_noop": ROOT / "site.yml",
            "graphs_noop": self._playbook(
                "graphs", {"hosts": "all", "tasks": [{"name": "Converge", "slipway.graph.converge": converge}]}
            ),
        }
        runs = self.folder / "runs"
        where = ("-e", f"system_run_directory={runs}/{{{{ inventory_hostname }}}}")
        self._run(CONVERGE, ROOT / "playbooks/bootstrap.yml", self.endpoint)
        # The second run still has to change what the emulator forgets of a new database.
        for _ in range(2):
            self._run(CONVERGE, ROOT / "site.yml", self.endpoint, *where)
        costs: dict[str, list[Cost]] = {name: [] for name in playbooks}
        for _ in range(self.repeat):  # in turn, so that whatever else the machine does meets all of them
            for name, playbook in playbooks.items():
                costs[name].append(self._run(CONVERGE, playbook, self.endpoint, *where))
        calls = sum(map(_calls, runs.glob("*/journal.json")))
        return [_median(name, CONVERGE, calls, None, each) for name, each in costs.items()]

    def many(self, calls: int) -> Measurement:
        """A generated role, with an API that answers at once."""
        api = many_calls.LogGroups()
        try:
            role = many_calls.write_role(self.folder / "roles", calls)
            cost = self._run(CONVERGE, self._converge([role], role), api.url)
            return _median(role, CONVERGE, self._calls(), len(api.operations), [cost])
        finally:
            api.close()

    def _from_afar(self, tool: str, latency: float = 0.0, *arguments: str) -> tuple[int, Cost]:
        """A no-op through the proxy: how many API calls it made, of which none may write."""
        proxy = Proxy(self.endpoint, latency)
        try:
            cost = self._run(tool, self.playbooks[tool], proxy.url, *arguments)
        finally:
            proxy.close()
        writes = sorted({operation for operation in proxy.operations if not only_reads(operation)})
        if writes:
            raise SystemExit(f"the no-op of {tool} wrote: {', '.join(writes)}")
        return len(proxy.operations), cost

    def _against_critical_path(
        self, name: str, api_calls: int, costs: c.Sequence[Cost], creations: c.Sequence[Creation] = ()
    ) -> Measurement:
        path = self.start_s + critical_path.seconds(self._journal(), LATENCY, creations)
        measurement = _median(name, CONVERGE, self._calls(), api_calls, costs, LATENCY)
        measurement.critical_path_s = round(path, 3)
        return measurement

    def _converge(self, roles: c.Sequence[str], name: str = CONVERGE) -> Path:
        options = {"roles": list(roles), "journal": str(self.folder / "journal.json")}
        return self._playbook(name, {"tasks": [{"name": "Converge", "slipway.graph.converge": options}]})

    def _playbook(self, name: str, content: dict[str, t.Any]) -> Path:
        play = {
            "name": name, "hosts": self.limit, "gather_facts": False, "environment": "{{ play_environment }}",
            **content,
        }  # fmt: skip
        path = self.folder / f"{name}.yml"
        path.write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
        return path

    def _run(self, tool: str, playbook: Path, endpoint: str, *arguments: str) -> Cost:
        print(f"{tool} {playbook.stem} {' '.join(arguments)}", file=sys.stderr, flush=True)
        result, log = self.folder / "result.json", self.folder / "log.txt"
        command = [program("ansible-playbook"), str(playbook), "-i", str(self.inventory), *arguments]
        with log.open("w", encoding="utf-8") as output:
            finished = subprocess.run(
                [sys.executable, "-m", "bench.measure", str(result), *command],
                cwd=ROOT, env=self._environment(tool, endpoint), stdout=output, stderr=output, check=False,
            )  # fmt: skip
        if finished.returncode:
            raise SystemExit(f"{tool} failed:\n{log.read_text(encoding='utf-8')[-4000:]}")
        return t.cast(Cost, json.loads(result.read_text(encoding="utf-8")))

    def _environment(self, tool: str, endpoint: str) -> dict[str, str]:
        # The inventory `local` finds its emulator by the port, and a key in a folder; this emulator takes any.
        port = str(urlsplit(endpoint).port)
        (self.folder / "credentials").write_text(
            "[slipway-local]\naws_access_key_id = 000000000000\naws_secret_access_key = any\n", encoding="utf-8"
        )
        environment = {
            **os.environ, **CREDENTIALS, "AWS_ENDPOINT_URL": endpoint, "SLIPWAY_LOCAL_PORT": port,
            "SLIPWAY_LOCAL_DIR": str(self.folder),
            "ANSIBLE_ROLES_PATH": f"{ROOT / 'roles/aws'}:{self.folder / 'roles'}",
        }  # fmt: skip
        # Containers often set it; then Python compiles what it imports in every run, whatever is measured.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        if tool == MITOGEN:
            found = importlib.util.find_spec("ansible_mitogen")
            if found is None or not found.origin:
                raise SystemExit("Mitogen is not installed: run make .venv")
            strategies = Path(found.origin).parent / "plugins" / "strategy"
            environment |= {"ANSIBLE_STRATEGY_PLUGINS": str(strategies), "ANSIBLE_STRATEGY": "mitogen_linear"}
        return environment

    def _reset(self) -> None:
        requests.post(f"{self.endpoint}/_ministack/reset", timeout=60).raise_for_status()

    def _journal(self) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads((self.folder / "journal.json").read_text(encoding="utf-8")))

    def _calls(self) -> int:
        return _calls(self.folder / "journal.json")


def main(arguments: c.Sequence[str] | None = None) -> None:
    """Measure, print the table, write results and picture."""
    options = _parse(arguments)
    with tempfile.TemporaryDirectory() as folder, ministack() as endpoint:
        bench = Bench(Path(folder), endpoint, options.system, options.environment, options.repeat)
        measurements = [bench.start()]
        # converge first: the other tools leave no journal, and their runs make the same calls.
        for tool in TOOLS:
            measurements += bench.tool(tool)
        measurements += [bench.plan(), bench.noop_from_afar(), bench.cold_from_afar()]
        measurements += bench.site()
        measurements += [bench.many(calls) for calls in CALLS]
    found = results.document(measurements)
    print(results.table(found))
    options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (options.docs / "benchmarks.svg").write_text(picture.draw(found), encoding="utf-8")
    page = options.docs / "benchmarks.md"
    page.write_text(results.insert(page.read_text(encoding="utf-8"), results.table(found)), encoding="utf-8")


def _calls(journal: Path) -> int:
    summary = json.loads(journal.read_text(encoding="utf-8"))["summary"]
    return int(summary["ok"]) + int(summary["changed"])


def _median(
    name: str, tool: str, calls: int, api_calls: int | None, costs: c.Sequence[Cost], latency: float = 0.0
) -> Measurement:
    middle = {key: round(statistics.median(cost[key] for cost in costs), 3) for key in costs[0]}
    return Measurement(
        name, tool, calls, api_calls, latency * 1000, middle["wall_s"], middle["cpu_s"], middle["rss_mib"]
    )


def _parse(arguments: c.Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure converge against plain Ansible, Mitogen and its critical path."
    )
    parser.add_argument("--system", default="transactions", help="whose roles are measured")
    parser.add_argument("--environment", default="local", help="the inventory")
    parser.add_argument("--repeat", type=int, default=3, help="how many short runs; their median counts")
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results.json", help="where the results go")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where benchmarks.md and its picture are")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
