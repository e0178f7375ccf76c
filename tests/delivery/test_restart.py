"""The local environment may be taken down and up again: the system and its data come back."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

from tests.delivery.releases import System
from tests.support.local import LocalEnvironment


def ask(system: System, path: str, body: dict[str, str] | None = None) -> Any:
    """What the system answers, within a minute: tasks may be changing."""
    headers = {"Content-Type": "application/json", **system.headers}
    request = urllib.request.Request(f"{system.url}{path}", headers=headers)
    if body is not None:
        request.data = json.dumps(body).encode()
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def test_the_system_and_its_data_survive_a_restart(system: System, local: LocalEnvironment) -> None:
    posted = ask(system, "/transaction", {"amount": "3.50", "description": "kept over a restart"})

    local.succeed("playbooks/local_down.yml")
    assert local.left_behind() == []
    local.succeed("playbooks/local_up.yml")
    # Databases and caches may have new addresses.
    local.succeed("playbooks/site.yml")

    assert ask(system, f"/transaction/{posted['id']}") == posted
    assert ask(system, "/health")["services"] == {"database": "up", "redis": "up"}
    assert system.version()["commit"] == system.current()["commit"]
