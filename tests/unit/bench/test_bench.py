"""The benchmark's own bookkeeping: what a command cost, and what is made of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import run

ROOT = Path(__file__).parents[3]
# Uses CPU in a process that its parent does not wait for.
ORPHAN = """
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        while time.process_time() < 0.5:
            pass
    os._exit(0)
os.wait()
"""


def measure(tmp_path: Path, *command: str) -> tuple[int, dict[str, float]]:
    """Measure a command the way the benchmark does."""
    target = tmp_path / "result.json"
    finished = subprocess.run([sys.executable, "-m", "bench.measure", str(target), *command], cwd=ROOT, check=False)
    return finished.returncode, json.loads(target.read_text())


def test_cpu_time_of_processes_that_nobody_waits_for_is_counted(tmp_path: Path) -> None:
    code, cost = measure(tmp_path, sys.executable, "-c", ORPHAN)
    assert code == 0
    assert cost["cpu_s"] >= 0.5


def test_a_command_that_fails_is_known_as_such(tmp_path: Path) -> None:
    assert measure(tmp_path, sys.executable, "-c", "raise SystemExit(3)")[0] == 3


def test_peak_memory_is_that_of_all_processes(tmp_path: Path) -> None:
    _, cost = measure(tmp_path, sys.executable, "-c", "import time; held = b'x' * 2**27; time.sleep(1)")
    assert cost["rss_mib"] > 128


def measurement(name: str, tool: str, wall: float, cpu: float) -> run.Measurement:
    """One measurement of which only the times matter."""
    return run.Measurement(name, tool, 57, 347, 0, wall, cpu, 100)


MEASUREMENTS = [
    measurement("cold", "converge", 30, 10),
    measurement("noop", "converge", 5, 4),
    measurement("cold", "plain", 90, 60),
    measurement("noop", "plain", 50, 40),
    measurement("cold", "mitogen", 60, 30),
    measurement("noop", "mitogen", 20, 20),
]


@pytest.mark.parametrize(
    ("ratio", "value"),
    [
        ("noop_vs_plain", 10),
        ("noop_cpu_vs_plain", 10),
        ("noop_vs_mitogen", 4),
        ("cold_vs_plain", 3),
        ("cold_vs_mitogen", 2),
    ],
)
def test_a_ratio_says_how_many_times_less_converge_needs(ratio: str, value: float) -> None:
    assert run.ratios(MEASUREMENTS)[ratio] == value


def test_the_table_has_a_line_for_each_measurement_and_each_ratio() -> None:
    results = {"measurements": [vars(each) for each in MEASUREMENTS], "ratios": run.ratios(MEASUREMENTS)}
    text = run.table(results)
    assert text.count("converge  ") == 2
    assert "noop  plain         57        347     50.0    40.0    100" in text
    assert "noop_cpu_vs_plain" in text
