# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plan as Markdown, for a pull request, an issue or a job's summary. Imports nothing of Ansible (see :mod:`plan`)."""

from __future__ import annotations

import collections.abc as c
import re
import typing as t

from ansible_collections.slipway.graph.plugins.plugin_utils.plan import plan

# GitHub refuses a body of more than 65,536 characters.
MAX_CHARACTERS = 60_000
MAX_PARAMETERS = 160
MAX_MESSAGE = 2_000
# A longer plan is folded away behind its headline.
MAX_OPEN = 20


def section(document: plan.Document, room: int = MAX_CHARACTERS) -> list[str]:
    """The lines of one host's plan; what does not fit into ``room`` characters is counted."""
    changes = [plan.describe(call, MAX_PARAMETERS) for call in plan.changes(document)]
    failures = [[_failure(call)] for call in plan.failures(document)]
    lines = [f"**{document['host']}**: {plan.headline(document)}", ""]
    if document["notes"]:
        lines += [*_block("to be known", [[note] for note in document["notes"]], room // 10, is_open=True), ""]
    if failures:
        lines += [*_block("failed", failures, room // 3, is_open=True), ""]
    if changes:
        lines += [*_block(f"{len(changes)} to change", changes, room // 2, is_open=len(changes) <= MAX_OPEN), ""]
    return lines


def _block(summary: str, entries: c.Sequence[list[str]], room: int, is_open: bool) -> list[str]:
    fitting = list(_fitting(entries, room))
    shown = [line for entry in fitting for line in entry]
    if len(fitting) < len(entries):
        shown.append(f"... and {len(entries) - len(fitting)} more, see the log")
    fence = _fence("\n".join(shown))
    opening = "<details open>" if is_open else "<details>"
    return [f"{opening}<summary>{summary}</summary>", "", f"{fence}text", *shown, fence, "", "</details>"]


def _fitting(entries: c.Iterable[list[str]], room: int) -> c.Iterator[list[str]]:
    for entry in entries:
        room -= sum(len(line) + 1 for line in entry)
        if room < 0:
            return
        yield entry


def _fence(text: str) -> str:
    """A fence that nothing in the text can close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    return "`" * max(3, longest + 1)


def _failure(call: dict[str, t.Any]) -> str:
    message = " ".join(call["msg"].split())
    shown = message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"
    return f"{call['title']} ({call['location']}): {shown}"
