#!/usr/bin/env python3
# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turns the journals of a plan into Markdown, for a pull request or an issue.

    ansible-playbook site.yml -i inventories/dev --check
    tools/plan_comment.py --title "Plan for dev" .slipway

Needs nothing but Python. The first line is an HTML comment made from the title, by which a workflow finds its own
comment again. With --exit-code the program ends with 1 if something would change, could not be planned, or is missing.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
import typing as t
from collections.abc import Iterable, Sequence
from pathlib import Path

# GitHub refuses a body of more than 65,536 characters.
MAX_CHARACTERS = 60_000
MAX_PARAMETERS = 160
MAX_MESSAGE = 2_000
# A longer plan is folded away behind its headline.
MAX_OPEN = 20


class JournalError(Exception):
    """A file is there, but it is no journal of a plan."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the journal of one host's plan says, as lines for people."""

    host: str
    changes: list[str]
    failures: list[str]
    unchanged: int

    @property
    def clean(self) -> bool:
        """Whether nothing would change and everything could be planned."""
        return not self.changes and not self.failures

    @property
    def headline(self) -> str:
        """What the plan adds up to."""
        parts = [f"{len(self.changes)} to change" if self.changes else "nothing to change"]
        parts.append(f"{self.unchanged} unchanged")
        if self.failures:
            parts.append(f"{len(self.failures)} failed")
        return ", ".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the journals, print the Markdown."""
    options = _parse(arguments)
    try:
        plans = [read(path) for path in sorted(options.run_directory.glob("*/journal.json"))]
    except JournalError as error:
        print(error, file=sys.stderr)
        return 2
    print(markdown(options.title, plans, options.run_url))
    clean = bool(plans) and all(plan.clean for plan in plans)
    return 1 if options.exit_code and not clean else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Turn the journals of a plan into Markdown.")
    parser.add_argument("run_directory", type=Path, help="the folder that holds <host>/journal.json, e.g. .slipway")
    parser.add_argument("--title", default="Plan", help="the heading, and by it the mark of the comment")
    parser.add_argument("--run-url", default="", help="where the log of the run is")
    parser.add_argument("--exit-code", action="store_true", help="end with 1 unless the plan is whole and empty")
    return parser.parse_args(arguments)


def read(path: Path) -> Plan:
    """Read one journal; one of an apply is refused, since its calls have happened."""
    try:
        journal = json.loads(path.read_text(encoding="utf-8"))
        if journal["mode"] != "plan":
            message = f"{path} is the journal of a run with mode {journal['mode']}; run ansible-playbook with --check"
            raise JournalError(message)
        calls = sorted(journal["calls"], key=lambda call: list(call["order"]))
        return Plan(
            host=journal["host"],
            changes=[_change(call) for call in calls if _would_change(call)],
            failures=[_failure(call) for call in calls if call["status"] == "failed"],
            unchanged=sum(call["status"] == "ok" for call in calls),
        )
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path} is no journal: {type(error).__name__}: {error}"
        raise JournalError(message) from error


def markdown(title: str, plans: Sequence[Plan], run_url: str = "") -> str:
    """The whole comment, never longer than GitHub takes."""
    source = f" ([log]({run_url}))" if run_url else ""
    head = [f"<!-- slipway: {title} -->", f"## {title}", ""]
    if not plans:
        return "\n".join([*head, f"No plan was made: the run ended before it{source}."])
    room = MAX_CHARACTERS // len(plans)
    body = [line for plan in plans for line in _section(plan, room)]
    return "\n".join([*head, *body, f"Made by `site.yml --check`: nothing was written{source}."])


def _section(plan: Plan, room: int) -> list[str]:
    lines = [f"**{plan.host}**: {plan.headline}", ""]
    if plan.failures:
        lines += [*_block("failed", plan.failures, room // 3, is_open=True), ""]
    if plan.changes:
        lines += [
            *_block(f"{len(plan.changes)} to change", plan.changes, room // 2, is_open=len(plan.changes) <= 20),
            "",
        ]
    return lines


def _block(summary: str, lines: Sequence[str], room: int, is_open: bool) -> list[str]:
    shown = list(_fitting(lines, room))
    if len(shown) < len(lines):
        shown.append(f"... and {len(lines) - len(shown)} more, see the log")
    fence = _fence("\n".join(shown))
    opening = "<details open>" if is_open else "<details>"
    return [f"{opening}<summary>{summary}</summary>", "", f"{fence}text", *shown, fence, "", "</details>"]


def _fitting(lines: Iterable[str], room: int) -> Iterable[str]:
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return
        yield line


def _fence(text: str) -> str:
    """A fence that nothing in the text can close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    return "`" * max(3, longest + 1)


def _would_change(call: dict[str, t.Any]) -> bool:
    return call["status"] == "planned" or (call["status"] == "unknown" and not call["reads"])


def _change(call: dict[str, t.Any]) -> str:
    if call["status"] == "unknown":
        return f"? {_title(call)}: {call['module']}, inputs known after apply: {', '.join(call['unknown'])}"
    if not call["writes"]:
        return f"~ {_title(call)}: {call['module']} would change something"
    write = call["writes"][0]
    parameters = _one_line(json.dumps(write["parameters"], ensure_ascii=False), MAX_PARAMETERS)
    return f"+ {_title(call)}: {write['service']}:{write['operation']} {parameters}"


def _failure(call: dict[str, t.Any]) -> str:
    return f"{_title(call)} ({call['location']}): {_one_line(call['msg'], MAX_MESSAGE)}"


def _title(call: dict[str, t.Any]) -> str:
    role = f"{call['role']}: " if call["role"] else ""
    item = f" ({call['item']})" if call["item"] is not None else ""
    return f"{role}{call['task']}{item}"


def _one_line(text: str, limit: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


if __name__ == "__main__":
    sys.exit(main())
