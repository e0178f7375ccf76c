"""What a database or a cache cannot become is refused with the reason, and nothing is written."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import emulators, system
from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.paths import ROOT

ALWAYS: dict[str, t.Any] = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    "aws_account_id": emulators.CREDENTIALS["AWS_ACCESS_KEY_ID"],
    "aws_region": emulators.CREDENTIALS["AWS_REGION"],
    "rds_name_prefix": "shop",
    "rds_engine_version": "8.0",
    "rds_kms_key_arn": "",
    "rds_storage_type": "gp2",
    "rds_max_allocated_storage": 100,
    "rds_backup_window": "",
    "rds_require_tls": False,
    "rds_base_parameters": {"max_connections": "150"},
    "rds_static_parameters": {},
    "rds_log_exports": [],
    "elasticache_name_prefix": "shop",
    "elasticache_kms_key_arn": "",
}
PASSWORD = "not-so-secret-1"


class Case(t.NamedTuple):
    """Inputs of a role, and what is said; ``secret`` are the fields of the one that the role reads."""

    role: str
    inputs: dict[str, t.Any]
    says: tuple[str, ...]
    secret: tuple[str, str] | None = None


def _token(token: str) -> Case:
    says = ("the field auth_token (elasticache_secret_field)", "allowed: 16 to 128 letters, digits and")
    return Case("elasticache", {}, says, ("auth_token", token))


# The database that stands there has MySQL 8.0.40 and 60 GiB.
CASES = {
    "unknown-class": Case(
        "rds",
        {"rds_instance_class": "db.t3.enormous"},
        ("rds_instance_class is db.t3.enormous, which RDS does not offer for mysql 8.0",),
    ),
    "smaller-disk": Case(
        "rds",
        {"rds_max_allocated_storage": 50},
        ("rds_max_allocated_storage is 50, but the database has 60 GiB", "storage cannot shrink"),
    ),
    "older-version": Case(
        "rds",
        {"rds_engine_version": "8.0.35"},
        ("rds_engine_version is 8.0.35, but the database runs 8.0.40", "a newer one"),
    ),
    "older-line": Case(
        "rds", {"rds_engine_version": "5.7"}, ("rds_engine_version is 5.7, but the database runs 8.0.40",)
    ),
    "newer-line-without-leave": Case(
        "rds",
        {"rds_engine_version": "8.4"},
        ("runs 8.0.40; moving to another release line needs rds_allow_major_version_upgrade",),
    ),
    "another-engine": Case(
        "rds",
        {"rds_engine": "mariadb", "rds_engine_version": "10.11"},
        ("rds_engine is mariadb, but the database is mysql", "cannot be changed"),
    ),
    "token-too-short": _token("too-short-token"),
    "token-with-spaces": _token("a token with spaces in it"),
    "token-with-slashes": _token("slashes/are/not/taken"),
    "token-too-long": _token("x" * 129),
    "secret-without-token": Case(
        "elasticache", {}, ("the field auth_token (elasticache_secret_field)",), ("password", "x" * 32)
    ),
}


class Account(t.NamedTuple):
    """An account with a network; ``proxy`` sees what is written. A database stands in it."""

    proxy: ApiProxy
    inputs: dict[str, t.Any]

    def secret(self, name: str, **fields: str) -> str:
        """The ARN of a new secret."""
        manager = client(self.proxy, "secretsmanager")
        return str(manager.create_secret(Name=name, SecretString=json.dumps(fields))["ARN"])

    def run(self, folder: Path, hosts: dict[str, dict[str, t.Any]]) -> subprocess.CompletedProcess[str]:
        """Run the role that each host names."""
        inventory = {name: {**ALWAYS, **self.inputs, **inputs} for name, inputs in hosts.items()}
        (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": inventory}}))
        converge = {"name": "Converge", "slipway.graph.converge": {"roles": ["{{ role }}"]}}
        (folder / "play.yml").write_text(yaml.safe_dump([{**system.PLAY, "tasks": [converge]}]))
        return subprocess.run(
            [emulators.program("ansible-playbook"), "-i", str(folder / "hosts.yml"), str(folder / "play.yml")],
            cwd=ROOT, env={**os.environ, **emulators.CREDENTIALS, "AWS_ENDPOINT_URL": self.proxy.url},
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with emulators.ministack() as url, ApiProxy(url) as proxy:
        ec2 = client(proxy, "ec2")
        network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=network, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=f"eu-central-1{zone}")[
                "Subnet"
            ]["SubnetId"]
            for index, zone in enumerate("ab")
        ]
        client(proxy, "rds").create_db_instance(
            DBInstanceIdentifier="shop-database", Engine="mysql", EngineVersion="8.0.40",
            DBInstanceClass="db.t3.small", AllocatedStorage=60, MasterUsername="shop", MasterUserPassword=PASSWORD,
        )  # fmt: skip
        yield Account(proxy, {"rds_subnet_ids": subnets, "elasticache_subnet_ids": subnets})


class Refusals(t.NamedTuple):
    """What a user sees, and what was written meanwhile."""

    output: str
    writes: list[str]

    def of(self, host: str) -> str:
        """The part of the output that is about one host, on one line."""
        parts = self.output.split(f"[{host}]: FAILED!")
        return " ".join(parts[1].split("fatal: [")[0].split("PLAY RECAP")[0].split()) if len(parts) > 1 else ""


@pytest.fixture(scope="module")
def refusals(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Refusals:
    """Every case is a host of one inventory, run for good."""
    hosts = {}
    for name, case in CASES.items():
        arn = (
            account.secret(name, **dict([case.secret]))
            if case.secret
            else "arn:aws:secretsmanager:eu-central-1:123456789012:secret:unused-1a2b3c"
        )
        hosts[name] = {"role": case.role, f"{case.role}_secret_arn": arn, **case.inputs}
    account.proxy.forget()
    finished = account.run(tmp_path_factory.mktemp("refused"), hosts)
    return Refusals(finished.stdout + finished.stderr, list(account.proxy.writes))


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_become_is_refused_with_the_reason(refusals: Refusals, name: str) -> None:
    message = refusals.of(name)
    assert message, f"{name} was accepted:\n{refusals.output[-3000:]}"
    assert [words for words in CASES[name].says if words not in message] == [], message


def test_nothing_is_written_before_a_refusal(refusals: Refusals) -> None:
    assert refusals.writes == []


def test_no_token_is_shown(refusals: Refusals) -> None:
    shown = [name for name, case in CASES.items() if case.secret and case.secret[1] in refusals.output]
    assert shown == []


def test_a_class_that_the_engine_has_is_ordered(account: Account, tmp_path: Path) -> None:
    arn = account.secret("master", username="shop", password=PASSWORD)
    account.proxy.forget()
    finished = account.run(tmp_path, {"good": {"role": "rds", "rds_name_prefix": "good", "rds_secret_arn": arn}})
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "query:CreateDBInstance" in account.proxy.writes


def test_log_groups_of_a_database_are_made_before_rds_makes_them(account: Account, tmp_path: Path) -> None:
    arn = account.secret("logged", username="shop", password=PASSWORD)
    account.proxy.forget()
    inputs = {"rds_log_exports": ["error", "slowquery"], "rds_log_kms_key_arn": "", "rds_tags": {"system": "logged"}}
    logged = {"role": "rds", "rds_name_prefix": "logged", "rds_secret_arn": arn, **inputs}
    finished = account.run(tmp_path, {"logged": logged})
    assert finished.returncode == 0, finished.stdout + finished.stderr
    writes = [write.rpartition(".")[2].rpartition(":")[2] for write in account.proxy.writes]
    assert [each for each in writes if each in ("CreateLogGroup", "CreateDBInstance")] == [
        "CreateLogGroup", "CreateLogGroup", "CreateDBInstance",
    ]  # fmt: skip
    groups = client(account.proxy, "logs").describe_log_groups()["logGroups"]
    prefix = "/aws/rds/instance/logged-database/"
    assert {group["logGroupName"]: group["retentionInDays"] for group in groups} == {
        f"{prefix}error": 30, f"{prefix}slowquery": 30,
    }  # fmt: skip
