"""The two ways in which the oracle makes an account, and how it reads one."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support import account, emulators
from tests.support.paths import ROOT

Way = Callable[[list[str]], dict[str, t.Any]]


class Accounts(t.NamedTuple):
    """The account as each way made it."""

    plain: account.Account
    graph: account.Account


def plain(roles: list[str]) -> dict[str, t.Any]:
    """The roles as a play of Ansible's own."""
    return {"roles": roles}


def graph(roles: list[str]) -> dict[str, t.Any]:
    """The roles through converge."""
    return {"tasks": [{"name": "Converge", "slipway.graph.converge": {"roles": roles}}]}


def both(make: Callable[[Path, Way], account.Account], folder: Callable[[str], Path]) -> Accounts:
    """Both accounts, made side by side, each in a folder of its own."""
    with ThreadPoolExecutor() as pool:
        made = [pool.submit(make, folder(way.__name__), way) for way in (plain, graph)]
        return Accounts(*(each.result() for each in made))


def read(folder: Path, environment: dict[str, str]) -> account.Account:
    """Read in a process of its own: the endpoints come from the environment."""
    output = folder / "account.json"
    subprocess.run(
        [emulators.program("python"), "-m", "tests.support.account", "list", str(output)],
        cwd=ROOT, env={**os.environ, **environment}, check=True, timeout=120,
    )  # fmt: skip
    made: account.Account = json.loads(output.read_text())
    return made
