"""Killed or denied at any step of a roll-out, the ledger never names as in service, or as good, what is not."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import functools
import json
import subprocess
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest

from ansible_collections.slipway.aws.plugins.module_utils import releases
from tests.support.api_proxy import ApiProxy, only_reads
from tests.support.emulators import CREDENTIALS, program
from tests.support.killing import kill_with_children
from tests.support.playbook import Project

AWS = tuple[Project, ApiProxy]
ACCOUNT, REGION = CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_REGION"]
BUCKET = f"slipway-{ACCOUNT}-{REGION}"
OLD, NEW, BAD = "20260101T000000Z-old", "20260102T000000Z-new", "20260103T000000Z-bad"
# The system: a role that makes a release serve, by writing down which.
ROLE = """
- name: Serve
  ansible.builtin.copy: {content: "{{ rollout_release_id }}", dest: "{{ serving }}", mode: "0600"}
"""
# A roll-out writes less often than this.
STEPS = range(1, 12)


@dataclasses.dataclass
class World:
    """A system that answers with the commit of what serves, and the ledger of its releases."""

    project: Project
    proxy: ApiProxy
    serving: Path
    s3: t.Any
    answered: list[str]

    def document(self, name: str) -> dict[str, t.Any]:
        """One of the ledger's documents, read behind the proxy's back."""
        return t.cast("dict[str, t.Any]", releases.read_json(self.s3, BUCKET, f"releases/demo/{name}.json"))

    def put(self, name: str, document: dict[str, t.Any]) -> None:
        """Write one of them."""
        releases.write_json(self.s3, BUCKET, f"releases/demo/{name}.json", document)

    def reset(self) -> None:
        """An old release serves, a new one and a bad one are built."""
        for release in (OLD, NEW, BAD):
            status = "good" if release == OLD else "built"
            self.put(release, {"id": release, "commit": release[-3:], "images": {"a": "b"}, "status": status})
        self.put("current", {"id": OLD})
        self.serving.write_text(OLD)
        self.answered.clear()

    def roll_out(self, release: str, proofs: bool = True) -> subprocess.Popen[str]:
        """Start a roll-out, or, without a release, a rollback."""
        variables = {
            "serving": str(self.serving), "rollout_roles": ["demo"], "rollout_directory": str(self.project.folder),
            "rollout_ledger_name": "demo", "aws_account_id": ACCOUNT, "aws_region": REGION, "rollout_rounds": 1,
            "rollout_grace_seconds": 0, "rollout_timeout": 2, "rollout_release": release,
            "rollout_proofs": [{"path": "/"}] if proofs else [], "system_outputs": {"url": self._url},
        }  # fmt: skip
        if not release:
            variables["rollout_default"] = "last_good"
        self.project._write({"vars": variables, "roles": ["rollout"]})
        return subprocess.Popen(
            [program("ansible-playbook"), "play.yml"], cwd=self.project.folder, env=self.project._environment(),
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    @functools.cached_property
    def _url(self) -> str:
        world = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                release = world.serving.read_text()
                world.answered.append(release)
                body = json.dumps({"commit": "another" if release == BAD else release[-3:]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: t.Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def refuse_lies(self, said: str) -> None:
        """Fail if the ledger says what is not so."""
        record = self.document("current")
        serves = self.serving.read_text()
        if "rolling_out" not in record:
            assert record["id"] == serves, said
        for release in (NEW, BAD):
            if self.document(release)["status"] == "good":
                assert release == NEW and release in self.answered, said

    @contextlib.contextmanager
    def at_write(self, step: int, what: c.Callable[[int], bool]) -> c.Iterator[list[int]]:
        """Ask ``what`` whether each of the ledger's writes from a step on is denied, by its number."""
        writes: list[int] = []

        def denies(operation: str) -> bool:
            if only_reads(operation) or not operation.startswith("rest:"):
                return False
            writes.append(len(writes) + 1)
            return len(writes) >= step and what(len(writes))

        self.proxy.denies = denies
        yield writes
        self.proxy.denies = lambda _operation: False


@pytest.fixture
def world(aws: AWS, moto: str, tmp_path: Path) -> c.Iterator[World]:
    project, proxy = aws
    project.role("demo", ROLE)
    s3 = boto3.session.Session().client(
        "s3", endpoint_url=moto, region_name=REGION, aws_access_key_id=ACCOUNT,
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    world = World(project, proxy, tmp_path / "serving", s3, [])
    world.reset()
    yield world
    world.server.shutdown()
    world.server.server_close()


def ended_well(world: World, release: str) -> None:
    """A roll-out without any fault."""
    process = world.roll_out(release)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert (world.serving.read_text(), world.document(release)["status"]) == (release, "good"), said
    record = world.document("current")
    assert (record["id"], "rolling_out" in record) == (release, False)
    assert record["since"] and record["by"].startswith("arn:")


def killed_at(world: World, step: int, release: str) -> tuple[int, str]:
    """Kill a roll-out, with all its processes, at one of its writes; the writes it has come to, and what it said."""
    process = world.roll_out(release)

    def kill(_number: int) -> bool:
        kill_with_children(process.pid)
        return True

    with world.at_write(step, kill) as writes:
        said, _ = process.communicate(timeout=120)
    assert process.returncode == (0 if len(writes) < step else -9), said
    return len(writes), said


def test_killed_at_any_write_the_next_roll_out_ends_well_and_the_ledger_has_not_lied(world: World) -> None:
    for step in STEPS:
        world.reset()
        writes, said = killed_at(world, step, NEW)
        world.refuse_lies(said)
        if writes < step:
            break
        ended_well(world, NEW)
    assert 4 < step < STEPS[-1], "kills have met each write"


def test_a_rollback_killed_at_any_write_is_done_by_the_next_and_the_ledger_has_not_lied(world: World) -> None:
    for step in STEPS:
        world.reset()
        world.put(NEW, {**world.document(NEW), "status": "good"})
        world.put("current", {"id": NEW})
        world.serving.write_text(NEW)
        world.answered.append(NEW)
        writes, said = killed_at(world, step, "")
        world.refuse_lies(said)
        if writes < step:
            break
        record = world.document("current")
        if record["id"] == NEW or "rolling_out" in record:
            said, _ = world.roll_out("").communicate(timeout=120)
        record = world.document("current")
        assert (world.serving.read_text(), record["id"], "rolling_out" in record) == (OLD, OLD, False), said
    assert 4 < step < STEPS[-1], "kills have met each write"


@pytest.mark.parametrize(
    ("release", "once"), [(NEW, False), (BAD, True)], ids=["a good release, from then on", "a bad release, once"]
)
def test_denied_at_any_write_the_ledger_does_not_lie(world: World, release: str, once: bool) -> None:
    for step in STEPS:
        world.reset()
        with world.at_write(step, lambda number, at=step: number == at or not once) as writes:  # type: ignore[misc]
            said, _ = world.roll_out(release).communicate(timeout=120)
        world.refuse_lies(said)
        if release == BAD:
            assert world.serving.read_text() == OLD, said
        if len(writes) < step:
            break
    assert 4 < step < STEPS[-1], "each write was denied"


def test_a_release_that_was_put_back_and_does_not_answer_is_not_said_to_be_in_service(world: World) -> None:
    world.put(OLD, {**world.document(OLD), "commit": "never"})
    said, _ = world.roll_out(BAD).communicate(timeout=120)
    told = " ".join(said.split())
    assert world.serving.read_text() == OLD, said
    assert f"Release {OLD} was put back, but does not answer as it should" in told
    assert f"Release {OLD} is in service" not in told
    assert world.document("current")["rolling_out"]["id"] == BAD


def test_what_nothing_has_asked_serves_but_is_not_called_good(world: World) -> None:
    process = world.roll_out(NEW, proofs=False)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert (world.serving.read_text(), world.document(NEW)["status"]) == (NEW, "unproven")
    assert "not called good, because nothing has asked anything for its commit" in " ".join(said.split())
    ended_well(world, NEW)
