"""The benchmark's own bookkeeping: what a command cost, and what is made of it."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import picture, results
from bench.results import Measurement
from tests.support.paths import ROOT

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


def measurement(
    name: str, tool: str, wall: float, cpu: float = 0, calls: int = 57, path: float | None = None
) -> Measurement:
    """One measurement of which only the times matter."""
    return Measurement(name, tool, calls, 347, 0, wall, cpu, 100, path)


MEASUREMENTS = [
    measurement("cold", "converge", 30, 10),
    measurement("noop", "converge", 5, 4),
    measurement("cold", "plain", 90, 60),
    measurement("noop", "plain", 50, 40),
    measurement("cold", "mitogen", 60, 30),
    measurement("noop", "mitogen", 20, 20),
    measurement("noop_latency", "converge", 12, path=10),
    measurement("cold_latency", "converge", 66, path=60),
    measurement("calls_100", "converge", 2, calls=100),
    measurement("calls_5000", "converge", 50, calls=5000),
    measurement("site_noop", "converge", 6, calls=107),
    measurement("graphs_noop", "converge", 4, calls=107),
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
    assert results.ratios(MEASUREMENTS)[ratio] == value


def test_a_ratio_says_how_much_longer_than_its_critical_path_a_run_takes() -> None:
    ratios = results.ratios(MEASUREMENTS)
    assert ratios["noop_latency_vs_critical_path"] == 1.2
    assert ratios["cold_vs_critical_path"] == 1.1


def test_the_cost_of_a_call_among_many_is_compared_with_that_among_few() -> None:
    assert results.ratios(MEASUREMENTS)["cost_per_call_5000_vs_100"] == 0.5


def test_a_whole_site_is_compared_with_a_play_of_its_graphs_alone() -> None:
    assert results.ratios(MEASUREMENTS)["site_noop_vs_graph"] == 1.5


def test_the_table_has_a_line_for_each_measurement_and_each_ratio() -> None:
    text = results.table(results.document(MEASUREMENTS))
    assert text.count("converge  ") == 8
    assert "noop          plain         57        347             50.00   40.00   100" in text
    assert "noop_latency  converge      57        347             12.00    0.00   100             10.0" in text
    assert "noop_cpu_vs_plain" in text


def test_the_machine_is_described_by_what_it_is_and_not_by_its_name() -> None:
    machine = results.machine()
    assert {"cores", "memory_gib", "python", "ansible-core"} <= machine.keys()
    assert platform.node() not in machine.values()


def test_the_picture_is_an_image_that_stands_alone_and_shows_every_figure() -> None:
    svg = picture.draw(results.document(MEASUREMENTS))
    drawing = ElementTree.fromstring(svg)  # noqa: S314 - our own
    texts = [element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert {"50.0", "20.0", "5.0", "60.0", "66.0", "10.0", "12.0"} <= set(texts)
    assert "href" not in svg and "prefers-color-scheme: dark" in svg


def test_a_longer_time_is_a_longer_bar() -> None:
    drawing = ElementTree.fromstring(picture.draw(results.document(MEASUREMENTS)))  # noqa: S314 - our own
    bars = [float(bar.attrib["width"]) for bar in drawing.iter("{http://www.w3.org/2000/svg}rect")]
    plain, mitogen, converge = bars[:3]
    assert (mitogen / plain, converge / plain) == (0.4, 0.1)


def test_the_page_holds_the_latest_results_at_their_place() -> None:
    page = results.insert(f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n", "new")
    assert page == f"before\n{results.BEGIN}\n```text\nnew\n```\n{results.END}\nafter\n"
    assert results.insert(page, "new") == page


def test_the_documentation_has_a_place_for_the_results() -> None:
    assert "newest" in results.insert((ROOT / "docs" / "benchmarks.md").read_text(), "newest")
