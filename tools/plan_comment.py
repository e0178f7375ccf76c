#!/usr/bin/env python3
# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Joins the plans of all hosts into one Markdown text, for a pull request or an issue.

    ansible-playbook site.yml -i inventories/dev --check
    tools/plan_comment.py --title "Plan for dev" .slipway

Needs nothing but Python. The first line is an HTML comment made from the title, by which a workflow finds its own
comment again. With --exit-code the program ends with 1 if something would change, could not be planned, or is missing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "collections"))

from ansible_collections.slipway.graph.plugins.plugin_utils.plan import markdown, plan


class PlanError(Exception):
    """A file is there, but it is no plan that this program can read."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the plans, print the Markdown."""
    options = _parse(arguments)
    plans = []
    for path in sorted(options.run_directory.glob("*/plan.json")):
        try:
            plans.append(read(path))
        except PlanError as error:
            print(error, file=sys.stderr)
            return 2
    print(comment(options.title, plans, options.run_url))
    clean = bool(plans) and not any(plan.changes(each) or plan.failures(each) for each in plans)
    return 1 if options.exit_code and not clean else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Join the plans of all hosts into one Markdown text.")
    parser.add_argument("run_directory", type=Path, help="the folder that contains <host>/plan.json, such as .slipway")
    parser.add_argument("--title", default="Plan", help="the heading, which also identifies the comment")
    parser.add_argument("--run-url", default="", help="URL of the run's log")
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 unless the plan is complete and empty")
    return parser.parse_args(arguments)


def read(path: Path) -> plan.Document:
    """Read one plan."""
    try:
        document: plan.Document = json.loads(path.read_text(encoding="utf-8"))
        if document["version"] != plan.VERSION:
            message = f"{path} is a plan with version {document['version']}; this program reads version {plan.VERSION}"
            raise PlanError(message)
        markdown.section(document)
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path} is not a plan: {type(error).__name__}: {error}"
        raise PlanError(message) from error
    return document


def comment(title: str, plans: Sequence[plan.Document], run_url: str = "") -> str:
    """The whole text, never longer than GitHub takes."""
    source = f" ([log]({run_url}))" if run_url else ""
    head = [f"<!-- slipway: {title} -->", f"## {title}", ""]
    if not plans:
        return "\n".join([*head, f"There is no plan: the run ended before it was made{source}."])
    room = markdown.MAX_CHARACTERS // len(plans)
    body = [line for each in plans for line in markdown.section(each, room)]
    return "\n".join([*head, *body, f"Made by `site.yml --check`; nothing was written{source}."])


if __name__ == "__main__":
    sys.exit(main())
