"""The system "transactions" on a fresh emulated account, made by a play as a test likes it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import subprocess
import typing as t
import zipfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import yaml

from tests.support import emulators
from tests.support.paths import ROOT

HOST = "transactions-dev"
SYSTEM = yaml.safe_load((ROOT / "playbooks/group_vars/transactions.yml").read_text())
BUCKET = f"slipway-{emulators.CREDENTIALS['AWS_ACCESS_KEY_ID']}-{emulators.CREDENTIALS['AWS_REGION']}"

REGION = {"AWS_REGION", "AWS_DEFAULT_REGION"}

# Everything runs on MiniStack but this, which it lacks.
ELSEWHERE = "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING"

DEFAULTS: dict[str, t.Any] = {
    f"group/{collection}.aws.aws": {"region": "{{ aws_region }}"} for collection in ("amazon", "community", "slipway")
}
PLAY: dict[str, t.Any] = {"hosts": "all", "gather_facts": False, "module_defaults": DEFAULTS}


@contextlib.contextmanager
def emulated() -> Iterator[dict[str, str]]:
    """The environment of a fresh account."""
    with emulators.ministack() as url, emulators.autoscaling() as scaling:
        yield {**emulators.CREDENTIALS, "AWS_ENDPOINT_URL": url, ELSEWHERE: scaling}


def play(folder: Path, environment: dict[str, str], content: dict[str, t.Any], *arguments: str) -> str:
    """Run a play against the account and return what it printed; it must end well."""
    playbook = folder / "play.yml"
    playbook.write_text(yaml.safe_dump([{**PLAY, **content}], sort_keys=False))
    finished = playbook_run(playbook, environment, ROOT / "playbooks/group_vars/all.yml",
                            ROOT / "playbooks/group_vars/transactions.yml", arguments=arguments)  # fmt: skip
    (folder / "output").write_text(finished.stdout + finished.stderr)
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
    return finished.stdout


def playbook_run(
    playbook: Path, environment: dict[str, str], *variables: Path | str, arguments: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a playbook on the host, with the inputs that emulators understand; ``variables`` are files of extra ones."""
    files = [*variables, ROOT / "tests/oracle/inputs.yml"]
    # The Region comes from the inventory, whoever's shell it is.
    outside = {name: value for name, value in {**os.environ, **environment}.items() if name not in REGION}
    return subprocess.run(
        [emulators.program("ansible-playbook"), "-i", str(ROOT / "inventories/dev"), "--limit", HOST, str(playbook),
         *(f"--extra-vars=@{path}" for path in files), *arguments],
        cwd=ROOT, env={**outside, "ANSIBLE_PIPELINING": "true"},
        capture_output=True, text=True, check=False, timeout=1200,
    )  # fmt: skip


def client(environment: dict[str, str], service: str) -> t.Any:
    """A boto3 client on the account."""
    return boto3.client(  # type: ignore[call-overload]  # the name is a variable here
        service, endpoint_url=environment["AWS_ENDPOINT_URL"], region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"], aws_secret_access_key="none",
    )  # fmt: skip


def record_release(environment: dict[str, str]) -> None:
    """Services and functions are made with their first release, so there is one, of an image that nobody starts."""
    s3 = client(environment, "s3")
    image = f"registry.example/api@sha256:{'0' * 64}"
    package = rotation_package("abc")
    s3.put_object(Bucket=BUCKET, Key="functions/rotation.zip", Body=package)
    function = {"bucket": BUCKET, "key": "functions/rotation.zip", "sha256": hashlib.sha256(package).hexdigest()}
    release = {"id": "20260101T000000Z-abc", "commit": "abc", "created_at": "2026-01-01T00:00:00Z",
               "images": {"api": image}, "functions": {"rotation": function}, "status": "good"}  # fmt: skip
    for name, document in ((release["id"], release), ("current", {"id": release["id"]})):
        s3.put_object(Bucket=BUCKET, Key=f"releases/{HOST}/{name}.json", Body=json.dumps(document).encode())


def rotation_package(commit: str) -> bytes:
    """A function that only says which release it is, the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        source = f"def handler(event, context):\n    return {{'commit': {commit!r}}}\n"
        package.writestr(zipfile.ZipInfo("database/rotation.py"), source)
    return buffer.getvalue()
