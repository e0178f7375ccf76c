"""Validates roles with inputs that are not allowed: every case is a host of one inventory."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import yaml

from tests.support.emulators import CREDENTIALS, program
from tests.support.paths import ROOT


class Case(t.NamedTuple):
    """An input that is not allowed, and what the message has to say."""

    key: str
    value: t.Any
    says: tuple[str, ...]
    beside: dict[str, t.Any] | None = None


def validated(folder: Path, good: dict[str, t.Any], cases: dict[str, Case], roles: list[str]) -> str:
    """What a user sees when every case is a host of one inventory, and the good inputs another."""
    hosts = {
        "good": good,
        **{name: {**good, **(case.beside or {}), case.key: case.value} for name, case in cases.items()},
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    check = {"slipway.graph.validate": {"roles": roles, "region": "{{ aws_region }}"}, "name": "Check the inputs"}
    (folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": [check]}]))
    finished = subprocess.run(
        [program("ansible-playbook"), "-i", str(folder / "hosts.yml"), str(folder / "play.yml")],
        cwd=ROOT, env={**os.environ, **CREDENTIALS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    return finished.stdout + finished.stderr


def said_of(output: str, host: str) -> str:
    """The part of the output that is about one host, on one line."""
    parts = output.split(f"[{host}]: FAILED!")
    return " ".join(parts[1].split("fatal: [")[0].split("PLAY RECAP")[0].split()) if len(parts) > 1 else ""


def assert_refused(output: str, host: str, case: Case) -> None:
    """The host was refused, with what the message has to say."""
    message = said_of(output, host)
    assert message, f"{host} was accepted:\n{output[-3000:]}"
    assert [words for words in case.says if words not in message] == [], message
