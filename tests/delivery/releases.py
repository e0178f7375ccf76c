"""What the delivery tests do to systems: ask them all the time, and make good and bad images and functions of them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import subprocess
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.slipway.aws.plugins.modules import release as ledger
from tests.support.background import repeatedly
from tests.support.local import ACCOUNT, REGION, LocalEnvironment

NAME = "transactions-local"
ITEMS = "items-local"
BUCKET = f"slipway-{ACCOUNT}-{REGION}"
# For releases that are good: the waits that show whether one is bad, as short as they can be.
QUICKLY = ("-e", "ecs_services_rehearsal_seconds=2", "-e", "rollout_rounds=2", "-e", "rollout_grace_seconds=1")
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

# What is added to the function's sources.
CHANGES = {
    "good": {},
    "does-not-start": {"items/main.py": "\nraise SystemError('the table of contents is missing')\n"},
    "raises": {
        "items/main.py": "\ndef handler(event, context):\n    raise ZeroDivisionError('the function divides by zero')\n"
    },
    "failing-migration": {
        "items/operations.py": "\ndef migrate(*_, **__):\n    raise LookupError('no such migration: 0002')\n"
    },
    # It does well when it is asked once, and fails from then on.
    "fails-after-a-second": {
        "items/operations.py": (
            "\nimport time\n\nhealthy, began = operate, time.monotonic()\n\n"
            "def operate(*arguments):\n"
            "    if time.monotonic() > began + 1:\n"
            "        raise MemoryError('out of memory after a second')\n"
            "    return healthy(*arguments)\n"
        ),
        "items/main.py": "\nfrom items.operations import operate\n",
    },
}


@dataclass
class Delivered:
    """A delivered system."""

    local: LocalEnvironment
    work: Path
    name: str
    # Where it tells its commit.
    tells: str

    def play(self, playbook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook on this system alone."""
        return self.local.play(playbook, "--limit", self.name, *arguments)

    def succeed(self, playbook: str, *arguments: str) -> str:
        """Run a playbook that must succeed on this system alone, and return its output."""
        return self.local.succeed(playbook, "--limit", self.name, *arguments)

    @property
    def url(self) -> str:
        """Where users reach it."""
        outputs = json.loads((self.local.checkout / ".slipway" / self.name / "outputs.json").read_text())
        return str(outputs["url"])

    @property
    def headers(self) -> dict[str, str]:
        """What a client sends to be let in."""
        return {}

    def version(self) -> dict[str, Any]:
        """What it answers now."""
        request = urllib.request.Request(f"{self.url}{self.tells}", headers=self.headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            version: dict[str, Any] = json.load(answer)
        return version

    def current(self) -> dict[str, Any]:
        """The release in service."""
        pointer = self.read(f"releases/{self.name}/current.json")
        return self.read(f"releases/{self.name}/{pointer['id']}.json")

    def release(self, release_id: str) -> dict[str, Any]:
        """A release by its id."""
        return self.read(f"releases/{self.name}/{release_id}.json")

    def releases(self) -> list[str]:
        """All releases."""
        listed = self.local.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"releases/{self.name}/")
        return [item["Key"] for item in listed["Contents"] if not item["Key"].endswith("/current.json")]

    def make_release(self, kind: str, commit: str) -> str:
        """Record a release of some kind that differs from the one in service, and return its id."""
        raise NotImplementedError

    def read(self, key: str) -> dict[str, Any]:
        """A document of the ledger."""
        body = self.local.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        document: dict[str, Any] = json.loads(body)
        return document

    def write(self, key: str, document: dict[str, Any]) -> None:
        """Write a document of the ledger."""
        self.local.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document).encode())

    def forget(self, release_id: str) -> None:
        """Take a release out of the ledger."""
        self.local.client("s3").delete_object(Bucket=BUCKET, Key=f"releases/{self.name}/{release_id}.json")

    def status(self) -> dict[str, Any]:
        """What status.yml has written."""
        written = self.local.checkout / ".slipway" / self.name / "status.json"
        return dict(json.loads(written.read_text()))

    def repackage(self, function: str, commit: str, changes: dict[str, str]) -> dict[str, str]:
        """Upload a package that differs from the one in service, and return what a release has of it."""
        s3 = self.local.client("s3")
        serving = self.current()["functions"][function]
        package = s3.get_object(Bucket=serving["bucket"], Key=serving["key"])["Body"].read()
        changed = repacked(package, {**changes, "release.json": json.dumps({"commit": commit})})
        digest = hashlib.sha256(changed).hexdigest()
        key = f"functions/{self.name}/{function}/{digest}.zip"
        s3.put_object(Bucket=BUCKET, Key=key, Body=changed)
        return {"bucket": BUCKET, "key": key, "sha256": digest}

    def record(self, commit: str, **contents: Any) -> str:
        """Write a release to the ledger."""
        new = {"bucket": BUCKET, "name": self.name, "id": None, "commit": commit, "images": None, "functions": None}
        written = ledger.write_ledger(
            self.local.client("s3"),
            self.local.client("sts"),
            {**new, **contents, "status": None, "current": False, "begins": False},
            check_mode=False,
        )
        return str(written["release"]["id"])


class System(Delivered):
    """Containers behind a load balancer."""

    @property
    def headers(self) -> dict[str, str]:
        """The operator's key."""
        return {"Authorization": f"Bearer {self.key}"}

    @cached_property
    def key(self) -> str:
        """The key that Secrets Manager has generated."""
        value = self.local.client("secretsmanager").get_secret_value(SecretId=f"{self.name}-operator")["SecretString"]
        return str(json.loads(value)["token"])

    def inside(self) -> list[str]:
        """Where its containers answer those who are in their network, as probes and scrapers are."""
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        addresses = self.local.docker("inspect", "--format", form, *sorted(self.containers())).split()
        return [f"http://{address}:8080" for address in addresses]

    def containers(self) -> set[str]:
        """The application's containers that run."""
        listed = self.local.docker("ps", "--quiet", "--filter", "label=ministack=ecs", "--no-trunc")
        return set(listed.split())

    def make_release(self, kind: str, commit: str) -> str:
        """Build and push an image on top of the one in service, record it, and return the release's id."""
        tag = f"127.0.0.1:{self.local.port}/{self.name}-api:{commit}"
        folder = self.work / commit
        folder.mkdir()
        lines = [f"FROM {self.current()['images']['api']}", "USER 0", DOCKERFILES[kind].format(commit=commit)]
        (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
        self.local.docker("build", "--quiet", "--tag", tag, str(folder))
        self.local.docker("push", "--quiet", tag)
        inspected = self.local.docker("inspect", "--format", "{{json .RepoDigests}}", tag)
        repository = tag.rsplit(":", 1)[0]
        digest = next(each for each in json.loads(inspected) if each.startswith(f"{repository}@"))
        serving = self.current()
        functions = {name: self.repackage(name, commit, {}) for name in serving["functions"]}
        return self.record(commit, images={**serving["images"], "api": digest}, functions=functions)


class Functions(Delivered):
    """Functions behind API Gateway."""

    def make_release(self, kind: str, commit: str) -> str:
        """Upload a package that differs from the one in service, record it, and return the release's id."""
        return self.record(commit, functions={"api": self.repackage("api", commit, CHANGES[kind])})

    def alias(self) -> dict[str, Any]:
        """Who gets the traffic."""
        alias: dict[str, Any] = self.local.client("lambda").get_alias(FunctionName=f"{self.name}-api", Name="live")
        return alias


def repacked(package: bytes, changes: dict[str, str]) -> bytes:
    """The package with more in its files; a file that is JSON is replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name in changes:
                content = b"" if name.endswith(".json") else content
                content += changes[name].encode()
            new.writestr(name, content)
    return buffer.getvalue()


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
def asked_all_the_time(system: Delivered) -> Iterator[Answers]:
    """A user who asks for the commit five times a second, and notes every answer."""
    answers = Answers()
    url = f"{system.url}{system.tells}"

    def ask() -> None:
        status, text = answer_of(url, headers=system.headers)
        answers.seen.append((status, json.loads(text)["commit"] if status == 200 else text))

    with repeatedly(ask, pause=0.2):
        yield answers


def answer_of(url: str, seconds: float = 10, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and text of what a client gets; status 0 and the reason where nobody answers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=seconds) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def assert_never_served(system: Delivered, kind: str, last_line: str, *arguments: str) -> None:
    """A bad release is rolled out, says why it is bad, and no user ever gets it."""
    before = system.current()
    bad = system.make_release(kind, kind)
    with asked_all_the_time(system) as answers:
        ran = system.play("playbooks/rollout.yml", "-e", f"release={bad}", *arguments)
    assert ran.returncode != 0
    assert last_line in ran.stdout, ran.stdout[-6000:]
    assert answers.failures == []
    assert answers.commits == {before["commit"]}
    assert system.current() == before
    assert system.release(bad)["status"] == "failed"
