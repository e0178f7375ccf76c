# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes the IAM policy that some runs needed, from their journals."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.plugin_utils.record import ledger
from ansible_collections.slipway.graph.plugins.plugin_utils.report import files, policy

ARGUMENTS = {
    "journals": {"type": "list", "elements": "path", "required": True},
    "actions": {"type": "list", "elements": "str", "default": []},
    "resources": {"type": "dict", "default": {}},
    "dest": {"type": "path", "default": ""},
}


class ActionModule(ActionBase):
    """Least privilege after the fact."""

    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Read the journals, make the policy, write it where it is wanted."""
        super().run(tmp, task_vars)
        _result, options = self.validate_argument_spec(argument_spec=ARGUMENTS)
        journals = [file for path in options["journals"] for file in _journals(Path(path))]
        damaged = {file: problem for file in journals if (problem := _problem(file))}
        for file, problem in damaged.items():
            Display().warning(f"journals: {file} is not a journal and was left out: {problem}")
        journals = [file for file in journals if file not in damaged]
        if damaged and not journals:
            names = ", ".join(map(str, damaged))
            raise AnsibleActionFail(f"journals: {names} is not a journal; nothing is left to read")
        operations = {operation for file in journals for operation in _operations(file)}
        made = policy.document(operations | policy.ALWAYS, options["actions"], options["resources"])
        size = policy.characters(made)
        if size > policy.MAX_CHARACTERS:
            Display().warning(
                f"the policy has {size} characters, but IAM allows {policy.MAX_CHARACTERS} in one policy: "
                "attach its statements as several policies"
            )
        changed = files.keep(options["dest"], made, bool(self._task.check_mode))
        return {"changed": changed, "policy": made, "journals": [str(file) for file in journals], "characters": size}


def _journals(path: Path) -> list[Path]:
    if not path.exists():
        raise AnsibleActionFail(
            f"journals: {path} does not exist; slipway.graph.converge writes a journal if you set `journal`"
        )
    return sorted(path.glob("*.json")) if path.is_dir() else [path]


def _problem(file: Path) -> str:
    """Why a file is not a journal; empty for one that is."""
    try:
        if json.loads(file.read_text()).get("status") == ledger.RUNNING:
            return "the run goes on, or was killed"
        _operations(file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _operations(file: Path) -> set[policy.Operation]:
    return policy.operations_of(json.loads(file.read_text()))
