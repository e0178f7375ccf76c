# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was measured, and the ratios, table and description of the machine made of it."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import importlib.metadata
import os
import platform
import typing as t

TOOLS = ("converge", "plain", "mitogen")
CONVERGE, PLAIN, MITOGEN = TOOLS
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
PACKAGES = ("ansible-core", "boto3", "mitogen", "ministack")


@dataclasses.dataclass
class Measurement:
    """One thing measured; of several runs the median. ``critical_path_s`` only where API calls take their time."""

    name: str
    tool: str
    calls: int
    api_calls: int | None
    latency_ms: float
    wall_s: float
    cpu_s: float
    rss_mib: float
    critical_path_s: float | None = None


def document(measurements: c.Sequence[Measurement]) -> dict[str, t.Any]:
    """Everything that `bench/results.json` holds."""
    return {
        "machine": machine(),
        "measurements": [dataclasses.asdict(measurement) for measurement in measurements],
        "ratios": ratios(measurements),
    }


def ratios(measurements: c.Sequence[Measurement]) -> dict[str, float]:
    """The figures that the bounds speak of."""
    found = {(measurement.name, measurement.tool): measurement for measurement in measurements}

    def times_less(name: str, tool: str, attribute: str = "wall_s") -> float:
        return round(float(getattr(found[name, tool], attribute) / getattr(found[name, CONVERGE], attribute)), 2)

    def vs_critical_path(name: str) -> float:
        measurement = found[name, CONVERGE]
        return round(measurement.wall_s / (measurement.critical_path_s or float("nan")), 3)

    def cost_per_call(calls: int) -> float:
        measurement = found[f"calls_{calls}", CONVERGE]
        return measurement.wall_s / measurement.calls

    return {
        "noop_vs_plain": times_less("noop", PLAIN),
        "noop_cpu_vs_plain": times_less("noop", PLAIN, "cpu_s"),
        "noop_vs_mitogen": times_less("noop", MITOGEN),
        "cold_vs_plain": times_less("cold", PLAIN),
        "cold_vs_mitogen": times_less("cold", MITOGEN),
        "noop_latency_vs_critical_path": vs_critical_path("noop_latency"),
        "cold_vs_critical_path": vs_critical_path("cold_latency"),
        "cost_per_call_5000_vs_100": round(cost_per_call(5000) / cost_per_call(100), 3),
        "site_noop_vs_graph": round(found["site_noop", CONVERGE].wall_s / found["graphs_noop", CONVERGE].wall_s, 3),
    }


def table(results: dict[str, t.Any]) -> str:
    """The results as people read them."""
    header = f"{'':<14}{'tool':<10}{'calls':>6}{'API calls':>11}{'latency':>9}{'wall s':>9}{'CPU s':>8}{'MiB':>6}"
    lines = [header + f"{'critical path s':>17}"]
    for row in results["measurements"]:
        path = f"{row['critical_path_s']:.1f}" if row["critical_path_s"] is not None else ""
        api_calls = row["api_calls"] if row["api_calls"] is not None else ""
        latency = f"{row['latency_ms']:.0f} ms" if row["latency_ms"] else ""
        lines.append(
            f"{row['name']:<14}{row['tool']:<10}{row['calls']:>6}{api_calls:>11}{latency:>9}"
            f"{row['wall_s']:>9.2f}{row['cpu_s']:>8.2f}{row['rss_mib']:>6.0f}{path:>17}".rstrip()
        )
    described = ", ".join(f"{name} {value}" for name, value in results["machine"].items())
    lines += ["", *(f"{name:<32}{value:>8.2f}" for name, value in results["ratios"].items()), "", described]
    return "\n".join(lines)


def insert(document: str, text: str) -> str:
    """A Markdown document with its marked place filled with the results."""
    before, _begin, rest = document.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the document has no place for results: {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n```text\n{text}\n```\n{END}{after}"


def machine() -> dict[str, t.Any]:
    """What was measured on, without naming it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in PACKAGES},
    }
