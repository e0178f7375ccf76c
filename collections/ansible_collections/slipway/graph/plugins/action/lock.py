# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes the lock of a system in an environment for the rest of the playbook run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.slipway.graph.plugins.plugin_utils.read.preparation import environment_of, region_of
from ansible_collections.slipway.graph.plugins.plugin_utils.run import locking
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import lock_keeper

ARGUMENTS = {
    **locking.OPTIONS,
    "account": {"type": "str", "default": ""},
    "region": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """One lock, held as long as this ansible-playbook lives."""

    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Take the lock; a plan writes nothing and takes none."""
        super().run(tmp, task_vars)
        _result, options = self.validate_argument_spec(argument_spec=ARGUMENTS)
        if self._task.check_mode:
            return {"changed": False, "skipped": True, "msg": "a plan does not take the lock"}
        watch = locking.Watch(options)
        answer = self._ask(options, watch)
        while watch.goes_on(answer):
            answer = self._ask(options, watch)
        locking.judge(options, answer)
        return {"changed": False, **answer}

    def _ask(self, options: dict[str, t.Any], watch: locking.Watch) -> dict[str, t.Any]:
        request = lock_keeper.Request(
            table=options["table"],
            key=options["key"],
            reason=options["reason"],
            process=os.getppid(),
            account=options["account"],
            folder=str(lock_keeper.private_folder()),
        )
        environment = {**os.environ, **environment_of(self._task)}
        # Before what somebody else has there, boto3 perhaps.
        paths = [str(lock_keeper.COLLECTIONS), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        region = region_of(options, environment)
        if region:  # boto3 knows it by this name only
            environment["AWS_DEFAULT_REGION"] = region
        finished = subprocess.run(
            [sys.executable, "-s", lock_keeper.__file__],
            input=json.dumps(watch.request(request)), capture_output=True, text=True, check=False, env=environment,
        )  # fmt: skip
        if finished.returncode or not finished.stdout:
            raise AnsibleActionFail(f"could not start the lock keeper: {finished.stderr.strip()[-500:]}")
        return t.cast("dict[str, t.Any]", json.loads(finished.stdout))
