# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Validates every input of a list of roles, offline."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.slipway.graph.plugins.plugin_utils.read.preparation import prepare

ARGUMENTS = {
    "roles": {"type": "list", "elements": "raw", "default": []},
    "tasks": {"type": "list", "elements": "path", "default": []},
    "account": {"type": "str", "default": ""},
    "region": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """Reports every mistake at once."""

    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Check inputs, templates and the graph itself."""
        super().run(tmp, task_vars)
        _result, options = self.validate_argument_spec(argument_spec=ARGUMENTS)
        prepared = prepare(self._task, task_vars or {}, options)
        if prepared.problems:
            return {
                "failed": True,
                "changed": False,
                "msg": "\n".join(prepared.problems),
            }
        return {"changed": False}
