# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The results as a picture: bars in groups, readable on light and on dark."""

from __future__ import annotations

import collections.abc as c
import typing as t
from xml.sax.saxutils import escape

WIDTH, LABEL, BAR, LINE, GAP = 720, 190, 400, 26, 34
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .note { fill: #59636e; font-size: 12px }
  .converge { fill: #0969da } .other { fill: #9aa4ae } .path { fill: #2da44e }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .converge { fill: #4493f8 } .other { fill: #656c76 } .path { fill: #3fb950 }
  }
"""


class Bar(t.NamedTuple):
    """One line of a group: what it is called, how long it is, what stands behind it, how it is drawn."""

    label: str
    value: float
    text: str
    kind: str


def draw(results: dict[str, t.Any]) -> str:
    """An SVG of its own, without anything from elsewhere."""
    rows = {(row["name"], row["tool"]): row for row in results["measurements"]}
    groups = [
        ("No-op of the roles of transactions, seconds", _tools(rows, "noop")),
        ("Making all of it in an empty account, seconds", _tools(rows, "cold")),
        ("50 ms for each API call: no-op against its critical path, seconds", _path(rows, "noop_latency")),
        ("50 ms for each API call and creation times: cold against its critical path", _path(rows, "cold_latency")),
        ("Cost of a call, milliseconds", _costs(rows)),
    ]
    parts: list[str] = []
    y = 10
    for title, bars in groups:
        y += 18
        parts.append(f'<text class="title" x="0" y="{y}">{escape(title)}</text>')
        y += 10
        parts += _group(bars, y)
        y += LINE * len(bars) + GAP - 18
    parts.append(f'<text class="note" x="0" y="{y + 6}">{escape(_machine(results["machine"]))}</text>')
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 0 {WIDTH} {y + 20}" role="img" '
        f'aria-label="Benchmarks of slipway.graph">\n<style>{STYLE}</style>\n{body}\n</svg>\n'
    )


def _group(bars: c.Sequence[Bar], y: int) -> c.Iterator[str]:
    longest = max(bar.value for bar in bars)
    for number, bar in enumerate(bars):
        top = y + number * LINE
        width = max(2.0, bar.value / longest * BAR)
        yield f'<text x="{LABEL - 10}" y="{top + 15}" text-anchor="end">{escape(bar.label)}</text>'
        yield f'<rect class="{bar.kind}" x="{LABEL}" y="{top + 3}" width="{width:.1f}" height="{LINE - 8}" rx="3"/>'
        yield f'<text x="{LABEL + width + 8:.1f}" y="{top + 15}">{escape(bar.text)}</text>'


def _tools(rows: dict[tuple[str, str], t.Any], name: str) -> list[Bar]:
    labels = {"plain": "ansible-playbook", "mitogen": "with Mitogen", "converge": "slipway.graph.converge"}
    return [
        Bar(label, rows[name, tool]["wall_s"], f"{rows[name, tool]['wall_s']:.1f}", _kind(tool))
        for tool, label in labels.items()
    ]


def _path(rows: dict[tuple[str, str], t.Any], name: str) -> list[Bar]:
    row = rows[name, "converge"]
    return [
        Bar("critical path", row["critical_path_s"], f"{row['critical_path_s']:.1f}", "path"),
        Bar("slipway.graph.converge", row["wall_s"], f"{row['wall_s']:.1f}", "converge"),
    ]


def _costs(rows: dict[tuple[str, str], t.Any]) -> list[Bar]:
    many = [row for (name, _tool), row in rows.items() if name.startswith("calls_")]
    return [
        Bar(
            f"{row['calls']:,} calls",
            row["wall_s"] / row["calls"],
            f"{row['wall_s'] / row['calls'] * 1000:.1f}",
            "converge",
        )
        for row in many
    ]


def _kind(tool: str) -> str:
    return "converge" if tool == "converge" else "other"


def _machine(machine: dict[str, t.Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine.items() if "." in str(version))
    return f"{machine['cores']} cores, {machine['memory_gib']} GiB; {versions}"
