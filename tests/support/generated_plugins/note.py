"""An action plugin of tests: appends a line to a file, so that the order in which tasks ran can be read."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """Returns the line."""

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Append."""
        super().run(tmp, task_vars)
        line = str(self._task.args["line"])
        if not self._task.check_mode:
            with Path(self._task.args["to"]).open("a") as file:
                file.write(line + "\n")
        return {"changed": True, "line": line}
