# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tasks with an action plugin: run by Ansible's own executor in a fork, as a play would."""

from __future__ import annotations

import os
import pickle
import signal
import typing as t

from ansible.errors import AnsibleError
from ansible.executor.task_executor import TaskExecutor
from ansible.inventory.host import Host
from ansible.playbook.play_context import PlayContext

from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Variables
from ansible_collections.slipway.graph.plugins.plugin_utils.run.interrupts import SIGNALS
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.server import die_with_parent


class _NoCallbacks:
    """Stands where a play's result queue is: the engine reports calls itself."""

    def send_callback(self, *_args: t.Any, **_kwargs: t.Any) -> None:
        """Drop a callback."""


class ActionFork:
    """One task running in a fork of this process; readable once it has ended."""

    def __init__(
        self,
        step: Step,
        variables: Variables,
        host: Host,
        context: PlayContext,
        loaders: t.Any,
        check_mode: bool,
    ) -> None:
        self._read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                for number in SIGNALS:
                    signal.signal(number, signal.SIG_DFL)
                die_with_parent()
                os.close(self._read)
                result = _run(step, dict(variables), host, context, loaders, check_mode)
                with os.fdopen(write, "wb") as pipe:
                    pickle.dump(result, pipe)
                status = 0
            finally:
                os._exit(status)
        os.close(write)

    def fileno(self) -> int:
        """For a selector."""
        return self._read

    def kill(self) -> None:
        """End it at once; :meth:`collect` reports it."""
        os.kill(self.pid, signal.SIGKILL)

    def collect(self) -> dict[str, t.Any]:
        """The task's result, as a play would register it."""
        with os.fdopen(self._read, "rb") as pipe:
            data = pipe.read()
        _pid, status = os.waitpid(self.pid, 0)
        if status or not data:
            code = os.waitstatus_to_exitcode(status)
            return {
                "failed": True,
                "changed": False,
                "msg": f"the action plugin ended with status {code} and no result",
            }
        return t.cast("dict[str, t.Any]", pickle.loads(data))  # noqa: S301 - written by our own fork


def _run(
    step: Step,
    variables: dict[str, t.Any],
    host: Host,
    context: PlayContext,
    loaders: t.Any,
    check_mode: bool,
) -> dict[str, t.Any]:
    task = step.task.copy()
    task.check_mode = check_mode
    executor = TaskExecutor(
        host, task, variables, context.copy(), task._loader, loaders, _NoCallbacks(), task._variable_manager
    )
    result: dict[str, t.Any] = executor.run()
    result.pop("_ansible_notify", None)
    if not isinstance(result, dict):
        raise AnsibleError(f"{step.location}: {step.module} returned no result")
    return result
