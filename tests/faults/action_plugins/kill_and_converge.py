"""Applies roles again and again, each time killed at a random moment and then run to its end, on a fresh account.

An action plugin, because only inside a play is there what the engine works on. Roles are read once; each apply is a
fork of this process with workers of its own, so a kill takes away the same as that of a whole ansible-playbook.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import threading
import time
import typing as t
from pathlib import Path

import psutil
from ansible.plugins.action import ActionBase
from ansible.utils.collection_loader import AnsibleCollectionConfig

from ansible_collections.slipway.graph.plugins.plugin_utils.read.preparation import environment_of, prepare
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.run.actions import ActionFork
from ansible_collections.slipway.graph.plugins.plugin_utils.run.modes import APPLY
from ansible_collections.slipway.graph.plugins.plugin_utils.run.processes import WarmProcesses
from ansible_collections.slipway.graph.plugins.plugin_utils.run.scheduling import Options, Schedule

sys.path.insert(0, str(Path(__file__).parents[3]))
from tests.faults import ledger
from tests.support import account


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """Returns how the undisturbed account and those after each kill compare."""

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Kill and converge."""
        super().run(tmp, task_vars)
        options = {"roles": self._task.args["roles"], "tasks": [], "only": [], "region": ""}
        os.environ.update(environment_of(self._task))
        prepared = prepare(self._task, task_vars or {}, options)
        if prepared.problems:
            return {"failed": True, "msg": "\n".join(prepared.problems)}
        processes = WarmProcesses(list(AnsibleCollectionConfig.collection_paths))
        try:
            processes.warm_up({step.module: step.path for step in prepared.graph.steps})
            return self._compare(lambda: self._start(prepared, processes), processes)
        finally:
            processes.close()

    def _start(self, prepared: t.Any, processes: WarmProcesses) -> int:
        pid = os.fork()
        if pid:
            return pid
        status = 1
        processes._idle.clear()  # workers that another fork may have used, and that were killed with it
        try:
            options = Options(
                mode=APPLY,
                parallel=16,
                start_action=lambda step, variables, check: ActionFork(
                    step, variables, prepared.host, self._play_context, self._shared_loader_obj, check
                ),
                on_record=lambda *_: None,
            )
            calls = Schedule(prepared.graph, prepared.renderer, processes, options).run()
            failures = [f"{call.title}: {call.msg}" for call in calls if call.status == records.FAILED]
            Path(self._task.args["failures"]).write_text(json.dumps(failures))
            status = bool(failures)
        finally:
            os._exit(status)

    def _compare(self, start: t.Callable[[], int], processes: WarmProcesses) -> dict[str, t.Any]:
        arguments = self._task.args
        chance = random.Random(int(arguments["seed"]))  # noqa: S311 - a failure must be repeatable
        undisturbed, duration = self._undisturbed(start)
        differences: list[str] = []
        killed = missed = 0
        while killed < int(arguments["kills"]):
            number = killed + missed
            ledger.reset()
            moment = chance.uniform(0, duration)
            if not self._killed(start(), moment, processes):
                missed += 1  # no two applies take equally long
                continue
            killed += 1
            _pid, status = os.waitpid(start(), 0)
            if status:
                failures = Path(arguments["failures"]).read_text()
                return {"failed": True, "msg": f"kill {number} after {moment:.3f} s, then: {failures}"}
            differences += [
                f"kill {number} after {moment:.3f} s: {line}" for line in _differences(undisturbed, _account())
            ]
        return {"changed": True, "killed": killed, "missed": missed, "seconds": duration, "differences": differences}

    def _undisturbed(self, start: t.Callable[[], int]) -> tuple[account.Account, float]:
        """The account, and how long an apply of an empty one takes once everything is warm."""
        for _round in range(2):
            ledger.reset()
            started = time.monotonic()
            self._end_well(start())
            duration = time.monotonic() - started
        # Once more, because the emulator ignores some inputs of what is made.
        self._end_well(start())
        return _account(), duration

    def _end_well(self, pid: int) -> None:
        _pid, status = os.waitpid(pid, 0)
        if status:
            raise RuntimeError(Path(self._task.args["failures"]).read_text())

    @staticmethod
    def _killed(pid: int, moment: float, processes: WarmProcesses) -> bool:
        """Kill an apply and all its workers; whether it was still running."""
        threading.Event().wait(moment)  # sleep() is shortened for the modules' sake
        running = os.waitpid(pid, os.WNOHANG) == (0, 0)
        if running:
            os.kill(pid, signal.SIGKILL)
        for worker in psutil.Process(processes._server.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # an idle one, which ends by itself
                worker.kill()
        if running:
            os.waitpid(pid, 0)
            # What was sent before the kill is still done, and nobody starts the next run within a tenth of a second.
            threading.Event().wait(0.1)
        return running


def _account() -> account.Account:
    return t.cast(account.Account, json.loads(json.dumps(account.normalised(account.read_account()), default=str)))


def _differences(expected: account.Account, found: account.Account) -> list[str]:
    lines = []
    for kind in expected:
        for name in sorted(expected[kind].keys() | found[kind].keys()):
            before, after = expected[kind].get(name), found[kind].get(name)
            if before is None or after is None:
                lines.append(f"{kind} {name} {'is too many' if before is None else 'is missing'}")
            elif before != after:
                keys = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
                lines += [f"{kind} {name}: {key} is {after.get(key)} instead of {before.get(key)}" for key in keys]
    return lines
