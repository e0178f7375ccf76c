"""Killed at any write, a playbook that operates a system leaves nothing that keeps the next run from ending well."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import typing as t
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import emulators, system
from tests.support.api_proxy import ApiProxy, only_reads
from tests.support.killing import kill_with_children
from tests.support.paths import ROOT

HOST = "items-dev"
TABLE = f"{HOST}-items"
TAGS = {"system": "items", "environment": "dev", "managed_by": "slipway"}
# The part of the system that holds data and keys: what a destroy must not forget, nor take twice.
INPUTS = {
    "system_roles": ["kms", "secrets", "dynamodb", "log_groups", "s3_buckets"],
    "system_outputs": {},
    "kms_keys": [{"purpose": "data", "description": "The table"}, {"purpose": "secrets", "description": "Secrets"},
                 {"purpose": "logs", "description": "Logs", "service": "logs"}],
    "log_groups_list": [{"name": "api"}],
    "s3_buckets_list": [{"name": "files"}],
    "smoke_url": "http://127.0.0.1:9", "smoke_token_from": "", "smoke_checks": [], "smoke_logs": [],
    "rotation_schedules_list": [{"secret": "operator", "function": "rotation"}],
    "rotate_secrets_driver": "here",
}  # fmt: skip
# No playbook here writes more often than this.
MOST = 60


class Small(t.NamedTuple):
    """A small system in an account of its own, seen through a proxy that kills who writes."""

    environment: dict[str, str]
    proxy: ApiProxy
    folder: Path

    def start(self, playbook: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a playbook on it."""
        return subprocess.Popen(
            [emulators.program("ansible-playbook"), "-i", "inventories/dev", "--limit", HOST,
             f"playbooks/{playbook}.yml", "-e", f"system_run_directory={self.folder}", "-e", json.dumps(INPUTS),
             *arguments],
            cwd=ROOT, env={**os.environ, **self.environment, "AWS_ENDPOINT_URL": self.proxy.url},
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def well(self, playbook: str, *arguments: str) -> str:
        """Run a playbook, which must end well."""
        process = self.start(playbook, *arguments)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said[-6000:]
        return said

    def killed(self, write: int, playbook: str, *arguments: str) -> bool:
        """Run a playbook and kill it with all its processes at one of its writes; whether it came so far.

        Every other of these writes happens all the same: what was sent is done, though nobody hears of it.
        """
        writes = 0
        process: subprocess.Popen[str] | None = None

        def kills(operation: str) -> bool:
            nonlocal writes
            if only_reads(operation):
                return False
            writes += 1
            if writes != write or process is None:
                return False
            kill_with_children(process.pid)
            return bool(write % 2)

        self.proxy.denies = kills
        process = self.start(playbook, *arguments)
        said, _ = process.communicate(timeout=300)
        self.proxy.denies = lambda _operation: False
        assert process.returncode == (-9 if writes >= write else 0), said[-6000:]
        return writes >= write

    def client(self, service: str) -> t.Any:
        """A client that nobody sees."""
        return system.client(self.environment, service)

    def held(self) -> dict[str, list[str]]:
        """What is in the account, by name, but for what is about to be deleted and the store."""
        keys = self.client("kms")
        aliases = {each["AliasName"]: each.get("TargetKeyId") for each in keys.list_aliases()["Aliases"]}
        enabled = [each["KeyId"] for each in keys.list_keys()["Keys"]
                   if keys.describe_key(KeyId=each["KeyId"])["KeyMetadata"]["KeyState"] == "Enabled"]  # fmt: skip
        found = {
            "keys": enabled,
            # That of a key which waits for its deletion stays until then.
            "aliases": [alias for alias, key in aliases.items() if key in enabled],
            "secrets": [each["Name"] for each in self.client("secretsmanager").list_secrets()["SecretList"]],
            "tables": self.client("dynamodb").list_tables()["TableNames"],
            "logs": [each["logGroupName"] for each in self.client("logs").describe_log_groups()["logGroups"]],
            "buckets": [each["Name"] for each in self.client("s3").list_buckets()["Buckets"]],
        }  # fmt: skip
        store = ("slipway-", "/aws/lambda/")
        return {kind: sorted(name for name in names if not name.startswith(store)) for kind, names in found.items()}

    def record(self, key: str) -> t.Any:
        """A document of the ledger."""
        return json.loads(self.client("s3").get_object(Bucket=system.BUCKET, Key=key)["Body"].read())

    def records(self, prefix: str) -> list[str]:
        """The ledger's keys."""
        listed = self.client("s3").list_objects_v2(Bucket=system.BUCKET, Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", [])]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """The system after site.yml."""
    with system.emulated() as environment, ApiProxy(environment["AWS_ENDPOINT_URL"]) as proxy:
        made = Small(environment, proxy, tmp_path_factory.mktemp("runs"))
        made.well("bootstrap")
        made.well("site")
        yield made


def each_write(small: Small, meanwhile: Callable[[], None], playbook: str, *arguments: str) -> int:
    """Kill a playbook at its first write, at its second, and so on; what ``meanwhile`` does comes after each."""
    for write in range(1, MOST):
        if not small.killed(write, playbook, *arguments):
            print(playbook, "was killed at", write - 1, "writes")
            return write - 1
        meanwhile()
    raise AssertionError(f"{playbook} writes more often than {MOST} times")


def test_destroy_killed_at_any_write_ends_when_it_is_run_again(small: Small) -> None:
    made = {kind: len(names) for kind, names in small.held().items()}
    assert all(made.values()), made

    def again() -> None:
        small.well("destroy", "-e", f"confirm={HOST}")
        assert not any(small.held().values()), small.held()
        small.well("site")
        assert {kind: len(names) for kind, names in small.held().items()} == made

    assert each_write(small, again, "destroy", "-e", f"confirm={HOST}") > 8
    assert "Deleting 0 resources" in small.well("destroy", "-e", f"confirm={HOST}")
    small.well("site")


def test_orphans_killed_at_any_write_ends_when_it_is_run_again(small: Small) -> None:
    deletes = ("-e", "delete=true", "-e", f"confirm={HOST}")
    made = small.held()

    def leave_behind() -> None:
        logs, topics, roles = (small.client(service) for service in ("logs", "sns", "iam"))
        for name in ("/old", "/older"):
            with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_group(logGroupName=name, tags=TAGS)
        pairs = [{"Key": key, "Value": value} for key, value in TAGS.items()]
        topics.create_topic(Name="old", Tags=pairs)
        with contextlib.suppress(roles.exceptions.EntityAlreadyExistsException):
            roles.create_role(RoleName="old", AssumeRolePolicyDocument="{}", Tags=pairs)

    def again() -> None:
        small.well("orphans", *deletes)
        assert small.held() == made
        assert small.client("sns").list_topics()["Topics"] == []
        assert "old" not in {role["RoleName"] for role in small.client("iam").list_roles()["Roles"]}
        leave_behind()

    leave_behind()
    assert each_write(small, again, "orphans", *deletes) > 4
    assert "Plan: 0 to change" in small.well("site", "--check")


def test_a_restore_drill_killed_at_any_write_leaves_nothing_once_the_next_has_ended(small: Small) -> None:
    small.client("dynamodb").put_item(TableName=TABLE, Item={"id": {"S": "1"}, "price": {"N": "1.50"}})
    small.well("backup")
    tables = small.client("dynamodb").list_tables()["TableNames"]

    def again() -> None:
        small.well("restore_drill")
        assert small.client("dynamodb").list_tables()["TableNames"] == tables
        newest = max(small.records(f"drills/{HOST}/"))
        assert small.record(newest)["passed"]

    assert each_write(small, again, "restore_drill") > 3
    assert "Plan: 0 to change" in small.well("site", "--check")


ROTATION = ROOT / "app/database"


@pytest.fixture
def rotated(small: Small) -> Iterator[Callable[[], dict[str, list[str]]]]:
    """The system's secret, with the real function that rotates it; says which of its versions have which labels."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for path in sorted((ROTATION / "database").glob("*.py")):
            package.write(path, path.relative_to(ROTATION))
    functions, secrets = small.client("lambda"), small.client("secretsmanager")
    functions.create_function(
        FunctionName=f"{HOST}-rotation", Runtime="python3.11", Handler="database.rotation.handler",
        Role=f"arn:aws:iam::{small.environment['AWS_ACCESS_KEY_ID']}:role/rotation",
        Code={"ZipFile": buffer.getvalue()}, Publish=True,
        Environment={"Variables": {"ROTATION_STRATEGY": "generated_key", "ROTATION_FIELD": "token"}},
    )  # fmt: skip
    functions.create_alias(FunctionName=f"{HOST}-rotation", Name="live", FunctionVersion="1")

    def versions() -> dict[str, list[str]]:
        found: dict[str, list[str]] = secrets.describe_secret(SecretId=f"{HOST}-operator")["VersionIdsToStages"]
        return found

    yield versions
    functions.delete_function(FunctionName=f"{HOST}-rotation")


def test_a_rotation_killed_at_any_write_is_completed_by_the_next(
    small: Small, rotated: Callable[[], dict[str, list[str]]]
) -> None:
    secrets = small.client("secretsmanager")
    seen = {secrets.get_secret_value(SecretId=f"{HOST}-operator")["SecretString"]}

    def again() -> None:
        small.well("rotate_secrets")
        labels = sorted(label for each in rotated().values() for label in each if label != "AWSPENDING")
        assert labels == ["AWSCURRENT", "AWSPREVIOUS"]
        value = secrets.get_secret_value(SecretId=f"{HOST}-operator")["SecretString"]
        assert json.loads(value)["principal"] == "operator"
        assert value not in seen
        seen.add(value)

    assert each_write(small, again, "rotate_secrets") > 4
    assert "Plan: 0 to change" in small.well("site", "--check")
