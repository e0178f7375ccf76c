"""Judges inputs of the real systems as a run does before its first call, in one process: hundreds in a minute.

The roles are read once for each system. For each case the inventory is written anew, and the engine's own code judges
the inputs. Run as a program, since Ansible's loader of collections stays in the process that it has been put into:
takes cases as JSON, and hands back what was said of each, and how many connections anybody tried to make.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

import yaml

from tests.support.emulators import CREDENTIALS
from tests.support.paths import ROOT

# How an input is given: in host_vars, as -e name=value, as -e '{"name": value}', in a file with -e @file.
WAYS = ("inventory", "text", "json", "file")
# No endpoint answers here; nobody is to ask.
ENVIRONMENT = {**CREDENTIALS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}


class Case(t.TypedDict):
    """A configuration: ``system`` is a host such as transactions-prod, where ``key`` is given as ``value``."""

    system: str
    key: str
    value: t.Any
    given: str
    beside: t.NotRequired[dict[str, t.Any]]


class Judgement(t.NamedTuple):
    """What was said of each case, in their order."""

    said: list[list[str]]
    connections: int


def judge(cases: t.Sequence[Case]) -> Judgement:
    """Judge configurations in one process of its own."""
    finished = subprocess.run(
        [sys.executable, "-m", "tests.support.offline"],
        cwd=ROOT, env={**os.environ, **ENVIRONMENT, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        input=json.dumps(cases), stdout=subprocess.PIPE, text=True, check=True, timeout=900,
    )  # fmt: skip
    answer = json.loads(finished.stdout.splitlines()[-1])
    return Judgement(answer["said"], answer["connections"])


class _System:
    """One system in one environment, with its roles read."""

    def __init__(self, folder: Path, host: str) -> None:
        from ansible.parsing.dataloader import DataLoader  # noqa: PLC0415 - only where collections can be loaded

        self._host = host
        self._folders = (folder / host / str(number) for number in itertools.count())
        self._loader = DataLoader()
        self._loader.set_basedir(str(ROOT / "playbooks"))
        self._play, self._reading = self._read()

    def problems(self, case: Case) -> list[str]:
        """What is wrong with the system's inputs with one of them given otherwise."""
        from ansible_collections.slipway.graph.plugins.plugin_utils.read import (  # noqa: PLC0415 - as above
            conversion,
            rendering,
            validation,
        )

        manager = self._variables({case["key"]: case["value"], **case.get("beside", {})}, case["given"])
        self._play._variable_manager = manager
        host = manager._inventory.get_host(self._host)
        renderer = rendering.Renderer(self._play, host, diff=False, verbosity=0)
        for entry in self._reading.entries:
            conversion.convert_literals(entry, renderer)
        return validation.problems(self._play, host, renderer, self._touched(renderer, case))

    def _touched(self, renderer: t.Any, case: Case) -> t.Any:
        """The reading without what is asserted by roles that do not see the variables: they would say the same."""
        from ansible_collections.slipway.graph.plugins.plugin_utils.read import needs  # noqa: PLC0415

        names = {case["key"], *case.get("beside", {})}

        def sees(entry: t.Any) -> bool:
            reach = needs.Reach(renderer.variables(entry), frozenset(names))
            of_role = any(name.startswith(f"{entry.role}_") for name in names)
            return of_role or bool(reach.of(entry.task.args.get("argument_spec") or ()))

        entries = [entry for entry in self._reading.entries if sees(entry)]
        roles = {entry.role for entry in entries}
        # The others stay, since they make what these need, as steps that the run leaves out.
        steps = [
            step if step.role in roles else dataclasses.replace(step, is_selected=False) for step in self._reading.steps
        ]
        return dataclasses.replace(self._reading, entries=entries, steps=steps)

    def _variables(self, inputs: dict[str, t.Any], way: str) -> t.Any:
        from ansible.inventory.manager import InventoryManager  # noqa: PLC0415
        from ansible.vars.manager import VariableManager  # noqa: PLC0415

        folder = next(self._folders)  # a new one each time: Ansible keeps what it has read, by its path
        inventory = folder / "inventories" / self._host.rpartition("-")[2]
        shutil.copytree(ROOT / "inventories" / inventory.name, inventory)
        (folder / "app").symlink_to(ROOT / "app")
        if way == "inventory":
            path = inventory / "host_vars" / f"{self._host}.yml"
            path.parent.mkdir(exist_ok=True)
            before = yaml.safe_load(path.read_text()) if path.exists() else {}
            path.write_text(yaml.safe_dump({**before, **inputs}, sort_keys=False))
        manager = VariableManager(
            loader=self._loader, inventory=InventoryManager(loader=self._loader, sources=[str(inventory)])
        )
        manager._extra_vars = self._extra(inputs, way, folder)
        return manager

    def _extra(self, inputs: dict[str, t.Any], way: str, folder: Path) -> dict[str, t.Any]:
        """What Ansible itself makes of ``-e``."""
        from ansible.parsing.splitter import parse_kv  # noqa: PLC0415

        if way == "text":
            return dict(parse_kv(" ".join(f"{name}={value}" for name, value in inputs.items())))
        if way == "json":
            return dict(self._loader.load(json.dumps(inputs)))
        if way == "file":
            path = folder / "given.yml"
            path.write_text(yaml.safe_dump(inputs))
            return dict(self._loader.load_from_file(str(path), cache="none", trusted_as_template=True))
        return {}

    def _read(self) -> tuple[t.Any, t.Any]:
        from ansible.playbook.play import Play  # noqa: PLC0415

        from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors  # noqa: PLC0415
        from ansible_collections.slipway.graph.plugins.plugin_utils.read import reading, rendering  # noqa: PLC0415
        from ansible_collections.slipway.graph.plugins.plugin_utils.read.locality import Locality  # noqa: PLC0415
        from ansible_collections.slipway.graph.plugins.plugin_utils.read.tags import Tags  # noqa: PLC0415

        manager = self._variables({}, "inventory")
        host = manager._inventory.get_host(self._host)
        parent = Play.load(
            {"name": "Check", "hosts": "all", "gather_facts": False, "tasks": [{"slipway.graph.validate": {}}]},
            variable_manager=manager,
            loader=self._loader,
        )
        task = parent.get_tasks()[0][0]
        roles = list(manager.get_vars(play=parent, host=host, task=task)["system_roles"])
        play = ansible_doors.load_play(task, roles, {}, self._host)
        renderer = rendering.Renderer(play, host, diff=False, verbosity=0)
        return play, reading.read(play, renderer, [], Tags(), Locality(play, self._host, has_company=False))


def _main() -> None:
    from ansible import context  # noqa: PLC0415
    from ansible.plugins.loader import init_plugin_loader  # noqa: PLC0415
    from ansible.utils.context_objects import CLIArgs  # noqa: PLC0415

    context.CLIARGS = CLIArgs({"tags": ["all"], "skip_tags": [], "extra_vars": []})
    init_plugin_loader([str(ROOT / "collections")])
    connections = []

    def connect(_self: socket.socket, address: t.Any) -> t.NoReturn:
        connections.append(address)
        raise ConnectionRefusedError

    socket.socket.connect = connect  # type: ignore[method-assign,assignment]
    socket.socket.connect_ex = connect  # type: ignore[method-assign,assignment]
    cases: list[Case] = json.load(sys.stdin)
    systems: dict[str, _System] = {}
    said = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            if case["system"] not in systems:
                systems[case["system"]] = _System(Path(folder), case["system"])
            said.append(systems[case["system"]].problems(case))
    print(json.dumps({"said": [[str(line) for line in lines] for lines in said], "connections": len(connections)}))


if __name__ == "__main__":
    _main()
