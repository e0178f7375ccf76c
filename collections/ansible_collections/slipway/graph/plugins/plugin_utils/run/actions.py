# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tasks with an action plugin: run by Ansible's own executor in a fork, as a play would."""

from __future__ import annotations

import os
import pickle
import signal
import traceback
import typing as t

from ansible.inventory.host import Host
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import PlayContext
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Variables
from ansible_collections.slipway.graph.plugins.plugin_utils.run.interrupts import SIGNALS
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.server import die_with_parent


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
        self._module = step.module
        self._read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                for number in SIGNALS:
                    signal.signal(number, signal.SIG_DFL)
                die_with_parent()
                os.close(self._read)
                result = _outcome(step, variables, host, context, loaders, check_mode)
                with os.fdopen(write, "wb") as pipe:
                    pipe.write(_serialised(step, result))
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
            return _failure(f"{self._module} ended without a result, {_how(status)}")
        result = ansible_doors.learn_secrets(pickle.loads(data))  # noqa: S301 - written by our own fork
        if isinstance(result.get("exception"), str):
            Display().vvv(result["exception"])
        return result


def _outcome(
    step: Step, variables: Variables, host: Host, context: PlayContext, loaders: t.Any, check_mode: bool
) -> dict[str, t.Any]:
    """The task's result; where it has none, as a failure that says why."""
    try:
        return ansible_doors.run_action(step.task, dict(variables), host, context, loaders, check_mode)
    except BaseException as error:  # a plugin may raise anything, and nobody else would tell of it
        reason = traceback.format_exception_only(error)[-1].strip()
        return _failure(f"{step.module} crashed: {reason}", "".join(traceback.format_exception(error)))


def _how(status: int) -> str:
    """How a process has ended."""
    code = os.waitstatus_to_exitcode(status)
    return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with status {code}"


def _failure(message: str, details: str = "") -> dict[str, t.Any]:
    return {"failed": True, "changed": False, "msg": message, **({"exception": details} if details else {})}


def _serialised(step: Step, result: dict[str, t.Any]) -> bytes:
    try:
        return pickle.dumps(result)
    except Exception as error:  # whatever the objects in it raise
        return pickle.dumps(_failure(f"{step.module} returned what cannot be handed on: {error}"))
