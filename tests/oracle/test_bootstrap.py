"""The store is made once per account, however many systems share it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import yaml

from tests.support import emulators
from tests.support.paths import ROOT

ACCOUNTS = {"shop-one": "111111111111", "shop-two": "111111111111", "other": "222222222222"}


def test_the_first_host_of_each_account_makes_the_store(tmp_path: Path) -> None:
    hosts = {
        host: {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "slipway_environment": "test",
            "slipway_system": host,
            "aws_account_id": account,
            "aws_region": "eu-central-1",
            "aws_environment": {"AWS_ACCESS_KEY_ID": account},
        }
        for host, account in ACCOUNTS.items()
    }
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    with emulators.ministack() as url:
        finished = subprocess.run(
            [emulators.program("ansible-playbook"), "-i", str(tmp_path / "hosts.yml"), "playbooks/bootstrap.yml"],
            cwd=ROOT, env={**os.environ, **emulators.CREDENTIALS, "AWS_ENDPOINT_URL": url},
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "changed: [shop-one]" in finished.stdout
    assert "skipping: [shop-two]" in finished.stdout
    assert "changed: [other]" in finished.stdout
