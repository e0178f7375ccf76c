"""Rules and dashboards ask for metrics that exist."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.servers import APP

RULES = APP / "monitoring" / "rules"
DASHBOARDS = sorted((APP / "monitoring" / "dashboards").glob("*.json"))
# From kube-state-metrics, the node exporter and Prometheus itself.
OTHERS_METRICS = {
    "up",
    "kube_pod_container_status_restarts_total",
    "node_cpu_seconds_total",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
}
# As AWS documents them for each namespace.
CLOUDWATCH_METRICS = {
    "AWS/RDS": {"CPUUtilization", "DatabaseConnections", "FreeStorageSpace", "ReadLatency", "WriteLatency"},
    "AWS/ElastiCache": {"EngineCPUUtilization", "DatabaseMemoryUsagePercentage", "Evictions"},
    "AWS/ApplicationELB": {
        "RequestCount",
        "TargetResponseTime",
        "HTTPCode_ELB_5XX_Count",
        "HTTPCode_Target_5XX_Count",
    },
    "AWS/ECS": {"CPUUtilization", "MemoryUtilization"},
}
WORDS = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((RULES / "transactions.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def metric_names(expression: str) -> set[str]:
    """The metrics that a query names, without its functions, labels and ranges."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", " ", expression)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    return {
        match.group()
        for match in WORDS.finditer(bare)
        if not bare[match.end() :].lstrip().startswith("(") and match.group() not in {"or", "and", "unless", "e"}
    }


def queries() -> list[tuple[str, str]]:
    found = [(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            found += [(panel["title"], target["expr"]) for target in panel["targets"] if "expr" in target]
    return found


async def served_metrics(client: httpx.AsyncClient) -> set[str]:
    for _ in range(2):
        await client.get("/transaction")
    text = (await client.get("/metrics")).text
    declared = {(line.split()[2], line.split()[3]) for line in text.splitlines() if line.startswith("# TYPE")}
    return {
        name + suffix
        for name, kind in declared
        for suffix in (("_bucket", "_count", "_sum") if kind == "histogram" else ("",))
    }


async def test_every_query_names_existing_metrics(client: httpx.AsyncClient) -> None:
    known = await served_metrics(client) | OTHERS_METRICS | {rule["record"] for rule in rules() if "record" in rule}
    unknown = {title: metric_names(query) - known for title, query in queries() if metric_names(query) - known}
    assert unknown == {}
    assert len(queries()) > 25


def test_unknown_metrics_would_be_noticed() -> None:
    assert metric_names('sum by (path) (rate(nonsense_total{a="b"}[5m])) / 2') == {"nonsense_total"}


def test_cloudwatch_panels_name_existing_metrics() -> None:
    named = {
        (target["namespace"], target["metricName"])
        for path in DASHBOARDS
        for panel in json.loads(path.read_text())["panels"]
        for target in panel["targets"]
        if "namespace" in target
    }
    assert named == {(space, name) for space, names in CLOUDWATCH_METRICS.items() for name in names}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_can_be_imported(path: Path) -> None:
    dashboard = json.loads(path.read_text())
    assert dashboard["uid"] == f"transactions-{path.stem}"
    identifiers = [panel["id"] for panel in dashboard["panels"]]
    assert len(identifiers) == len(set(identifiers))
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)\}?", path.read_text()))
    assert used <= variables
    for panel in dashboard["panels"]:
        assert panel["title"]
        assert panel["targets"]


def test_rules_do_what_they_say() -> None:
    for command in (["check", "rules", "transactions.yml"], ["test", "rules", "transactions_test.yml"]):
        ran = subprocess.run(["promtool", *command], cwd=RULES, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_is_tested_explains_itself_and_has_a_severity() -> None:
    tested = (RULES / "transactions_test.yml").read_text()
    for rule in rules():
        if "alert" in rule:
            assert f"alertname: {rule['alert']}" in tested
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert set(rule["annotations"]) == {"summary", "description"}
