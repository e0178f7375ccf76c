# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prices what roles would make, from their inputs alone."""

from __future__ import annotations

import glob
import json
import os
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.plugin_utils.money import cost, declared, prices, pricing
from ansible_collections.slipway.graph.plugins.plugin_utils.read.preparation import environment_of, prepare, region_of
from ansible_collections.slipway.graph.plugins.plugin_utils.report import files

ARGUMENTS = {
    "roles": {"type": "list", "elements": "raw", "default": []},
    "tasks": {"type": "list", "elements": "path", "default": []},
    "region": {"type": "str", "default": ""},
    "usage": {"type": "dict", "default": {}},
    "measured": {"type": "list", "elements": "dict", "default": []},
    "days": {"type": "int", "default": 30},
    "dest": {"type": "path", "default": ""},
    "compare": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """A bill before there is anything to pay for."""

    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Read the roles, price what they declare, say so, and write it down."""
        super().run(tmp, task_vars)
        _result, options = self.validate_argument_spec(argument_spec=ARGUMENTS)
        region = region_of(options, {**os.environ, **environment_of(self._task)})
        measured, days = options["measured"], options["days"]
        usage = _usage({**cost.table_usage(measured, days), **options["usage"]})
        if region not in prices.regions():
            missing = f"there are no prices for {region}" if region else "neither it nor AWS_REGION says which is meant"
            raise AnsibleActionFail(f"region: {missing}; the table has {', '.join(prices.regions())}")
        prepared = prepare(self._task, task_vars or {}, options)
        if prepared.problems:
            return {"failed": True, "changed": False, "msg": "\n".join(prepared.problems)}
        calls = declared.calls(prepared.graph, prepared.renderer)
        made = cost.document(prepared.host.name, region, calls, usage)
        made["advice"] += cost.unused(measured, days)
        others = _others(options["compare"], made["host"])
        Display().display("\n".join([*cost.lines(made), *(["", *cost.comparison([*others, made])] if others else [])]))
        changed = files.keep(options["dest"], made, bool(self._task.check_mode))
        return {"changed": changed, "cost": made, "msg": f"{made['total']:,.2f} USD a month"}


def _usage(given: dict[str, t.Any]) -> pricing.Usage:
    unknown = sorted(set(given) - set(pricing.ASSUMED_USAGE))
    if unknown:
        raise AnsibleActionFail(f"usage: unknown key {', '.join(unknown)}; allowed: {', '.join(pricing.ASSUMED_USAGE)}")
    try:
        return {**pricing.ASSUMED_USAGE, **{name: float(value) for name, value in given.items()}}
    except (TypeError, ValueError) as error:
        raise AnsibleActionFail(f"usage: {error}; allowed: numbers") from error


def _others(pattern: str, host: str) -> list[cost.Document]:
    """The documents of other hosts that are there."""
    found = [json.loads(Path(path).read_text()) for path in sorted(glob.glob(pattern))]  # noqa: PTH207 - may be absolute
    return [each for each in found if each["host"] != host]
