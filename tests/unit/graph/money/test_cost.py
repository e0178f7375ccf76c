"""What a system costs, from its inputs alone."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.money import cost, prices, pricing
from tests.support.emulators import program
from tests.support.paths import ROOT
from tests.support.playbook import Project

REGION = "eu-central-1"
ROLE = """
- name: Look for it
  amazon.aws.rds_instance_info: {db_instance_identifier: demo}
  register: demo_existing
- name: Database
  amazon.aws.rds_instance:
    db_instance_identifier: demo
    engine: mysql
    db_instance_class: "{{ demo_class }}"
    storage_type: gp3
    allocated_storage: "{{ [demo_gib, demo_existing.instances | map(attribute='allocated_storage') | max] | max }}"
    multi_az: true
  vars:
    price: {allocated_storage: "{{ demo_gib }}"}
- name: Keys
  amazon.aws.kms_key: {alias: "demo-{{ item }}"}
  loop: [one, two]
- name: Not wanted
  slipway.aws.ec2_nat_gateway: {name: demo, subnet_id: "{{ demo_existing.subnet }}"}
  when: demo_public
"""


def price(project: Project, **options: t.Any) -> tuple[subprocess.CompletedProcess[str], dict[str, t.Any]]:
    play = [{"hosts": "all", "gather_facts": False, "tasks": [
        {"name": "Price", "slipway.graph.cost": {"roles": ["demo"], "region": REGION,
                                                 "dest": str(project.folder / "cost.json"), **options}}]}]  # fmt: skip
    (project.folder / "hosts.yml").write_text("all: {hosts: {demo-test: {ansible_connection: local}}}")
    (project.folder / "cost.yml").write_text(json.dumps(play))
    # Without credentials, Region or endpoint: there is nobody to ask.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    finished = subprocess.run(
        [program("ansible-playbook"), "cost.yml"],
        cwd=project.folder, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    written = project.folder / "cost.json"
    return finished, json.loads(written.read_text()) if written.exists() else {}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.role("demo", ROLE, defaults="demo_class: db.t3.small\ndemo_gib: 50\ndemo_public: false\n")
    return project


def test_what_roles_declare_is_priced_without_asking_anybody(project: Project) -> None:
    finished, made = price(project)
    assert finished.returncode == 0, finished.stdout
    assert made["services"] == {"AmazonRDS": round(730 * 0.08 + 50 * 0.274, 2), "awskms": 2.0}
    assert made["total"] == round(730 * 0.08 + 50 * 0.274 + 2, 2)
    assert "EUC1-Multi-AZUsage:db.t3.small" in finished.stdout
    assert f"Total: {made['total']:,.2f} USD a month" in finished.stdout


def test_every_line_has_its_unit_price_and_source(project: Project) -> None:
    _finished, made = price(project)
    for line in made["lines"]:
        assert line["monthly"] == pytest.approx(line["quantity"] * line["unit_price"])
        assert line["source"].startswith(line["service"])
    assert [line["what"] for line in made["lines"]] == [
        "demo: Database", "demo: Database", "demo: Keys (one)", "demo: Keys (two)",
    ]  # fmt: skip


def test_items_of_a_written_list_count_though_a_result_stands_in_them(project: Project) -> None:
    tasks = """
- name: Topic
  community.aws.sns_topic: {name: demo}
  register: demo_topic
- name: Alarms
  amazon.aws.cloudwatch_metric_alarm: {name: "{{ item.name }}", alarm_actions: ["{{ item.topic }}"]}
  loop: "{{ demo_alarms }}"
  loop_control: {label: "{{ item.name }}"}
"""
    alarms = '[{name: errors, topic: "{{ demo_topic.sns_arn }}"}, {name: slow, topic: "{{ demo_topic.sns_arn }}"}]'
    project.role("demo", tasks, defaults=f"demo_alarms: {alarms}\n")
    _finished, made = price(project)
    assert [line["what"] for line in made["lines"]] == ["demo: Alarms (errors)", "demo: Alarms (slow)"]


def test_what_has_no_price_is_listed_and_not_counted(project: Project) -> None:
    project.role("demo", ROLE, defaults="demo_class: db.z9.huge\ndemo_gib: 50\ndemo_public: false\n")
    finished, made = price(project)
    assert made["unpriced"] == ["demo: Database: rds.mysql.db.z9.huge.multi"]
    assert "not in the price table: demo: Database: rds.mysql.db.z9.huge.multi" in finished.stdout


def test_environments_stand_side_by_side(project: Project) -> None:
    other = {"host": "demo-prod", "services": {"AmazonRDS": 1000.0}, "total": 1000.0}
    (project.folder / "demo-prod").mkdir()
    (project.folder / "demo-prod" / "cost.json").write_text(json.dumps(other))
    finished, made = price(project, compare=str(project.folder / "demo-*/cost.json"))
    assert ["total", "1,000.00", f"{made['total']:,.2f}"] in [line.split() for line in finished.stdout.splitlines()]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"usage": {"nat": 1}}, "usage: unknown key nat; allowed: requests, "),
        ({"usage": {"nat_gib": "much"}}, "usage: could not convert string to float: 'much'; allowed: numbers"),
        ({"region": "eu-nowhere-1"}, "there are no prices for eu-nowhere-1; the table has eu-central-1, us-east-1"),
        (
            {"region": ""},
            "region: neither it nor AWS_REGION says which is meant; the table has eu-central-1, us-east-1",
        ),
    ],
)
def test_bad_input_is_one_clear_error(project: Project, options: dict[str, t.Any], message: str) -> None:
    finished, made = price(project, **options)
    assert finished.returncode != 0
    assert message in " ".join(finished.stdout.split()) + " ".join(finished.stderr.split())
    assert made == {}


@pytest.mark.parametrize(
    ("reads", "writes", "cheaper"), [(2e6, 5e5, "on demand"), (500e6, 200e6, "provisioned")], ids=["little", "much"]
)
def test_on_demand_tables_are_for_little_traffic(reads: float, writes: float, cheaper: str) -> None:
    on_demand, provisioned = cost.table_costs(reads, writes, REGION)
    assert cheaper == ("on demand" if on_demand < provisioned else "provisioned")


def test_what_was_measured_replaces_what_was_assumed_and_shows_what_nobody_uses(project: Project) -> None:
    project.role("demo", "- name: Table\n  community.aws.dynamodb_table: {name: demo, billing_mode: PROVISIONED}\n")
    measured = [
        {"type": "dynamodb:table", "id": "demo", "metric": "ConsumedReadCapacityUnits", "total": 3e6},
        {"type": "dynamodb:table", "id": "demo", "metric": "ConsumedWriteCapacityUnits", "total": 0.0},
        {"type": "rds:db", "id": "demo-database", "metric": "DatabaseConnections", "total": 0.0},
    ]
    finished, _made = price(project, measured=measured, days=30, usage={"table_writes": 1000})
    assert "advice: rds:db demo-database: not used in 30 days; is it still needed?" in finished.stdout
    assert "dynamodb:table demo: nothing used it" not in finished.stdout
    assert "3,041,667 reads and 1,000 writes a month" in finished.stdout


@pytest.mark.parametrize("region", prices.regions())
def test_every_price_is_there_for_every_region(region: str) -> None:
    missing = [name for name in prices.table()["prices"] if prices.price(name, region) is None]
    assert missing == []


def test_every_price_that_a_rule_names_outright_is_in_the_table() -> None:
    usage = dict.fromkeys(pricing.ASSUMED_USAGE, 1.0)
    given = {
        "engine": "mysql", "db_instance_class": "db.t3.small", "node_type": "cache.t3.small",
        "point_in_time_recovery": True,
    }  # fmt: skip
    for module in pricing.RULES:
        options = {**given, "engine": "redis"} if "elasticache" in module else given
        used = pricing.uses(module, options, usage)
        assert used, module
        assert [use.price for use in used if prices.price(use.price, REGION) is None] == []


# The sums of the price table as it stands; a refreshed table has others.
SUMS = {
    ("transactions", "dev"): 140.21,
    ("transactions", "prod"): 736.40,
    ("items", "prod"): 21.16,
}


@pytest.mark.parametrize(("system", "environment"), SUMS)
def test_the_systems_have_known_sums(system: str, environment: str, tmp_path: Path) -> None:
    finished = subprocess.run(
        [program("ansible-playbook"), "playbooks/cost.yml", "-i", f"inventories/{environment}",
         "--limit", system, "--extra-vars", f"system_run_directory={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert json.loads((tmp_path / "cost.json").read_text())["total"] == SUMS[system, environment]
