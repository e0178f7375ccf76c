"""What the delivery tests do to a system: ask it all the time, and make good and bad images of it."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.slipway.aws.plugins.modules import release as ledger
from tests.support.local import ACCOUNT, REGION, LocalEnvironment

NAME = "transactions-local"
BUCKET = f"slipway-{ACCOUNT}-{REGION}"
# What differs from the image in service. All run as root to be able to write; the system never notices.
DOCKERFILES = {
    "good": "ENV APP_COMMIT={commit}",
    "does-not-start": 'CMD ["python", "-c", "raise SystemExit(\'the configuration is broken\')"]',
    "dies-after-five-seconds": (
        "RUN printf '%s\\n' 'import subprocess, sys, time' "
        "'app = subprocess.Popen([sys.executable, \"-m\", \"transactions\"])' 'time.sleep(5)' 'app.kill()' "
        "'sys.exit(\"out of luck after five seconds\")' > /app/shortlived.py\n"
        'CMD ["python", "/app/shortlived.py"]'
    ),
    "wrong-port": 'CMD ["python", "-m", "http.server", "9999"]',
    "failing-migration": (
        "RUN printf '#!/bin/sh\\necho no such table: ledger\\nexit 7\\n' > /opt/venv/bin/alembic"
        " && chmod 755 /opt/venv/bin/alembic"
    ),
}


@dataclass
class System:
    """The delivered system."""

    local: LocalEnvironment
    work: Path

    @property
    def url(self) -> str:
        """The load balancer."""
        outputs = json.loads((self.local.checkout / ".slipway" / NAME / "outputs.json").read_text())
        return str(outputs["url"])

    def version(self) -> dict[str, Any]:
        """What a task answers now."""
        with urllib.request.urlopen(f"{self.url}/version", timeout=10) as answer:
            version: dict[str, Any] = json.load(answer)
        return version

    def current(self) -> dict[str, Any]:
        """The release in service."""
        pointer = self._read(f"releases/{NAME}/current.json")
        return self._read(f"releases/{NAME}/{pointer['id']}.json")

    def release(self, release_id: str) -> dict[str, Any]:
        """A release by its id."""
        return self._read(f"releases/{NAME}/{release_id}.json")

    def releases(self) -> list[str]:
        """All releases."""
        listed = self.local.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"releases/{NAME}/")
        return [item["Key"] for item in listed["Contents"] if not item["Key"].endswith("/current.json")]

    def _read(self, key: str) -> dict[str, Any]:
        body = self.local.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        document: dict[str, Any] = json.loads(body)
        return document

    def containers(self) -> set[str]:
        """The application's containers that run."""
        listed = self.local.docker("ps", "--quiet", "--filter", "label=ministack=ecs", "--no-trunc")
        return set(listed.split())

    def make_release(self, kind: str, commit: str) -> str:
        """Build and push an image on top of the one in service, record it, and return the release's id."""
        tag = f"127.0.0.1:{self.local.port}/{NAME}-api:{commit}"
        folder = self.work / commit
        folder.mkdir()
        lines = [f"FROM {self.current()['images']['api']}", "USER 0", DOCKERFILES[kind].format(commit=commit)]
        (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
        self.local.docker("build", "--quiet", "--tag", tag, str(folder))
        self.local.docker("push", "--quiet", tag)
        inspected = self.local.docker("inspect", "--format", "{{json .RepoDigests}}", tag)
        repository = tag.rsplit(":", 1)[0]
        digest = next(each for each in json.loads(inspected) if each.startswith(f"{repository}@"))
        return self.record(commit, digest)

    def record(self, commit: str, image: str) -> str:
        """Write a release to the ledger."""
        new = {"bucket": BUCKET, "name": NAME, "id": None, "commit": commit, "images": {"api": image},
               "functions": None}  # fmt: skip
        written = ledger.write_ledger(
            self.local.client("s3"), {**new, "status": None, "current": False}, check_mode=False
        )
        return str(written["release"]["id"])


@dataclass
class Answers:
    """What a user saw, question by question."""

    seen: list[tuple[int, str]] = field(default_factory=list)

    @property
    def commits(self) -> set[str]:
        """The commits that answered."""
        return {commit for status, commit in self.seen if status == 200}

    @property
    def failures(self) -> list[tuple[int, str]]:
        """Whatever was not an answer of the application."""
        return [(status, text) for status, text in self.seen if status != 200]


@contextlib.contextmanager
def asked_all_the_time(system: System) -> Iterator[Answers]:
    """A user who asks for the version without a pause, and notes every answer."""
    answers = Answers()
    stop = threading.Event()
    url = f"{system.url}/version"

    def ask() -> None:
        while not stop.is_set():
            try:
                with urllib.request.urlopen(url, timeout=10) as answer:
                    answers.seen.append((answer.status, json.load(answer)["commit"]))
            except urllib.error.HTTPError as error:
                answers.seen.append((error.code, error.read().decode()))
            except OSError as error:
                answers.seen.append((0, str(error)))
            time.sleep(0.05)

    user = threading.Thread(target=ask)
    user.start()
    try:
        yield answers
    finally:
        stop.set()
        user.join()
