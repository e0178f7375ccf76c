"""Runs a playbook the way a user does, in a folder of its own, and reads back what its tasks returned."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import json
import os
import subprocess
import typing as t
from pathlib import Path

import yaml

from tests.support.emulators import CREDENTIALS, program
from tests.support.paths import ROOT

# The areas of our own roles, as ansible.cfg names them.
ROLE_FOLDERS = sorted((ROOT / "roles").iterdir())


@dataclasses.dataclass
class Outcome:
    """``result`` is what the task under test returned; ``output`` what a user saw."""

    returncode: int
    output: str
    result: dict[str, t.Any]
    journal: dict[str, t.Any]

    def calls(self, status: str) -> list[str]:
        """``task`` or ``task/item`` of the calls with some status, in reading order."""
        return [
            call["task"] + (f"/{call['item']}" if call["item"] is not None else "")
            for call in sorted(self.journal["calls"], key=lambda call: call["order"])
            if call["status"] == status
        ]


class Project:
    """A folder with an inventory of one host, roles and a playbook."""

    def __init__(self, folder: Path, endpoint: str = "http://127.0.0.1:9") -> None:
        self.folder = folder
        self.environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}
        self.host = "demo-test"
        self.hosts = [self.host]
        self._variables: dict[str, t.Any] = {}
        # What the inventory says of single hosts; None takes a variable away.
        self.of_hosts: dict[str, t.Mapping[str, t.Any]] = {}
        roots = [folder / "roles", *ROLE_FOLDERS]
        (folder / "ansible.cfg").write_text(
            f"[defaults]\ncollections_path={ROOT / 'collections'}\nroles_path={':'.join(map(str, roots))}\n"
            f"inventory={folder / 'hosts.yml'}\nlocal_tmp={folder / 'tmp'}\nnocows=true\ninternal_poll_interval=0.01\n"
            f"callback_plugins={Path(__file__).parent / 'callback_plugins'}\ncallbacks_enabled=keep_result\n"
            "[inventory]\nenable_plugins=ansible.builtin.yaml\n"
        )

    def role(self, name: str, tasks: str, **files: str) -> None:
        """Write a role; ``files`` by folder: ``defaults``, ``vars``, ``meta`` (its argument_specs), ``validate``."""
        role = self.folder / "roles" / name
        parts = {"tasks": "tasks/main.yml", "defaults": "defaults/main.yml", "vars": "vars/main.yml",
                 "meta": "meta/argument_specs.yml", "validate": "tasks/validate.yml", "dependencies": "meta/main.yml",
                 "more": "tasks/more.yml"}  # fmt: skip
        for part, content in {"tasks": tasks, **files}.items():
            path = role / parts[part]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def module(self, role: str, name: str, body: str) -> None:
        """Write a module into a role's library."""
        path = self.folder / "roles" / role / "library" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)

    def inventory(self, **variables: t.Any) -> None:
        """The variables of each host."""
        self._variables = variables

    def converge(self, *roles: str, arguments: tuple[str, ...] = (), **options: t.Any) -> Outcome:
        """Run the roles through converge."""
        options = {"journal": str(self.folder / "journal.json"), **options}
        return self.run({"slipway.graph.converge": {"roles": list(roles), **options}}, *arguments)

    def plain(self, *roles: str, arguments: tuple[str, ...] = ()) -> Outcome:
        """Run the roles as a play of Ansible's own."""
        return self._play({"roles": list(roles)}, arguments)

    def run(self, task: dict[str, t.Any], *arguments: str) -> Outcome:
        """Run one task and keep its result."""
        return self._play({"tasks": [{"name": "Run", "ignore_errors": True, **task}]}, arguments)

    def run_plays(self, plays: list[dict[str, t.Any]]) -> Outcome:
        """Run several plays."""
        return self._play(plays, ())

    def run_playbooks(self, plays: dict[str, dict[str, t.Any]], arguments: tuple[str, ...] = ()) -> Outcome:
        """Run several playbooks at once, each in a folder of its own, with its own ``roles`` beside it."""
        self._write([])
        for name, play in plays.items():
            path = self.folder / name / "play.yml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(yaml.safe_dump([{"gather_facts": False, **play}], sort_keys=False))
        return self._run([*(f"{name}/play.yml" for name in plays), *arguments])

    def start(self, *roles: str, arguments: tuple[str, ...] = (), **options: t.Any) -> subprocess.Popen[str]:
        """Run the roles through converge in the background."""
        options = {"journal": str(self.folder / "journal.json"), **options}
        self._write({"tasks": [{"name": "Run", "slipway.graph.converge": {"roles": list(roles), **options}}]})
        return subprocess.Popen(
            [program("ansible-playbook"), "play.yml", *arguments],
            cwd=self.folder, env=self._environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def _play(self, content: dict[str, t.Any] | list[dict[str, t.Any]], arguments: tuple[str, ...]) -> Outcome:
        self._write(content)
        return self._run(["play.yml", *arguments])

    def _run(self, arguments: c.Sequence[str]) -> Outcome:
        kept = self.folder / "result.json"
        journal = self.folder / "journal.json"
        finished = subprocess.run(
            [program("ansible-playbook"), *arguments],
            cwd=self.folder, env=self._environment(), capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        result = json.loads(kept.read_text()) if kept.exists() else {}
        failed = bool(result.get("failed"))
        calls = json.loads(journal.read_text()) if journal.exists() else {}
        return Outcome(finished.returncode or int(failed), finished.stdout + finished.stderr, result, calls)

    def _environment(self) -> dict[str, str]:
        own = {"ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"), "KEEP_RESULT": str(self.folder / "result.json")}
        return {**os.environ, **self.environment, **own}

    def _write(self, content: dict[str, t.Any] | list[dict[str, t.Any]]) -> None:
        connection = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        variables = {host: {**connection, **self._variables, **self.of_hosts.get(host, {})} for host in self.hosts}
        given = {host: {k: v for k, v in each.items() if v is not None} for host, each in variables.items()}
        hosts = {"all": {"hosts": given}}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
        contents = content if isinstance(content, list) else [content]
        plays = [{"hosts": "all", "gather_facts": False, **each} for each in contents]
        (self.folder / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
        for name in ("result.json", "journal.json"):
            (self.folder / name).unlink(missing_ok=True)
