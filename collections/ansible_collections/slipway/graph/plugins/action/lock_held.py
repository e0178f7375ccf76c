# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fails where the lock that this run has taken was lost."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.slipway.graph.plugins.module_utils import lock_heart
from ansible_collections.slipway.graph.plugins.plugin_utils.read.preparation import environment_of


class ActionModule(ActionBase):
    """A look at the lock, before a write by a module that has none of its own."""

    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Read the lock's heart; a run that has taken no lock has none to lose."""
        super().run(tmp, task_vars)
        self.validate_argument_spec(argument_spec={})
        heart = {**os.environ, **environment_of(self._task)}.get(lock_heart.VARIABLE, "")
        lost = lock_heart.loss(heart) if heart else ""
        if lost:
            raise AnsibleActionFail(f"{lost}. Nothing more was written; run it again")
        return {"changed": False, "held": bool(heart)}
