# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lists what carries a system's tags but belongs to none of its tasks, and deletes it when asked."""

from __future__ import annotations

import datetime
import json
import os
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.module_utils.harmless import harmless
from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.preparation import Preparation, prepare
from ansible_collections.slipway.graph.plugins.plugin_utils.record import last_applied
from ansible_collections.slipway.graph.plugins.plugin_utils.remove import confirmation, forgotten, orphans, selection
from ansible_collections.slipway.graph.plugins.plugin_utils.run import account
from ansible_collections.slipway.graph.plugins.plugin_utils.run.actions import ActionFork
from ansible_collections.slipway.graph.plugins.plugin_utils.run.modes import INSPECT
from ansible_collections.slipway.graph.plugins.plugin_utils.run.processes import ModuleCall, WarmProcesses
from ansible_collections.slipway.graph.plugins.plugin_utils.run.scheduling import Options, Schedule
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import lock_keeper

ARGUMENTS = {
    "roles": {"type": "list", "elements": "raw", "default": []},
    "tasks": {"type": "list", "elements": "path", "default": []},
    "tags": {"type": "dict", "required": True},
    "only": {"type": "list", "elements": "str", "default": []},
    "types": {"type": "list", "elements": "str", "default": []},
    "applied": {"type": "path", "default": ""},
    "account": {"type": "str", "default": ""},
    "region": {"type": "str", "default": ""},
    "delete": {"type": "bool", "default": False},
    "confirm": {"type": "str", "default": ""},
    "delete_protected": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 900},
    "parallel": {"type": "int", "default": 16},
}
FINDER = "slipway.graph.tagged_resources_info"
DELETER = "slipway.graph.tagged_resource"


class ActionModule(ActionBase):
    """Looks first, whatever is asked; deletes only what was then found and confirmed."""

    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """List or delete."""
        super().run(tmp, task_vars)
        _result, options = self.validate_argument_spec(argument_spec=ARGUMENTS)
        processes = WarmProcesses(list(AnsibleCollectionConfig.collection_paths))
        try:
            prepared = prepare(
                self._task,
                task_vars or {},
                {**options, "only": []},
                on_steps=lambda steps: processes.warm_up({step.module: step.path for step in steps}),
            )
            if prepared.problems:
                return {"failed": True, "changed": False, "msg": "\n".join(prepared.problems)}
            graph = selection.to_look_for_orphans(prepared.whole, options["only"])
            processes.warm_up({step.module: step.path for step in graph.steps})
            session = _Session(processes, prepared, graph, options["region"])
            self._check_account(session, options)
            return self._run(session, options)
        finally:
            processes.close()

    def _run(self, session: _Session, options: dict[str, t.Any]) -> dict[str, t.Any]:
        tags = {"tags": options["tags"]}
        finding = session.submit(FINDER, tags, "plan")
        inspection = self._inspect(session, options["parallel"])
        tagged = session.collect(finding)
        if tagged.get("failed"):
            raise AnsibleActionFail(f"could not list the tagged resources: {tagged.get('msg')}")
        results = {step.index: result for step, result in inspection.results.items()}
        known = orphans.mentions(inspection.records, results)
        found = orphans.among(tagged["resources"], known, datetime.datetime.now(datetime.UTC))
        found = orphans.of_types(found, options["types"])
        if orphans.without_region(found):
            found_elsewhere = session.collect(session.submit(FINDER, {**tags, "where": "elsewhere"}, "plan"))
            unread = found_elsewhere.get("unread", {"all": found_elsewhere.get("msg")})
            orphans.keep_shared(found, found_elsewhere.get("resources", []), unread, known)
        text = [harmless(line) for line in orphans.lines(found, len(tagged["resources"]), tagged["unread"])]
        for line in text:
            Display().display(line)
        missing = orphans.uncertain(inspection.records)
        if found and missing:
            Display().warning(
                f"{len(missing)} tasks have not created their resources yet, so some of these may belong to them: "
                + ", ".join(missing[:5])
            )
        applied = last_applied.read(options["applied"])
        gone = self._forgotten(session, inspection, applied)
        unseen = forgotten.by_tags_alone(applied, session.prepared)
        if found and unseen:
            Display().warning(f"some of these may belong to tasks tagged `never`: {forgotten.names(unseen)}")
        result = {"changed": False, "msg": text[-1], "orphans": found, "unread": tagged["unread"], "forgotten": gone}
        if options["delete"] and found:
            if unseen:
                raise AnsibleActionFail(
                    "nothing was deleted: tasks that only run when their tags are given have made something, which may "
                    f"be among the orphans: {forgotten.names(unseen)}. Take `never` from their tags, or delete by hand."
                )
            result |= self._delete(session, options, found, missing)
        if options["delete"] and gone and not options["types"] and self._is_clean(result, missing):
            # What earlier applies have made is gone, or carries no tags: there is nothing more to say of it.
            last_applied.write(options["applied"], last_applied.without(applied, gone))
            result["changed"] = True
        return result

    def _is_clean(self, result: dict[str, t.Any], missing: list[str]) -> bool:
        """Whether nothing is left that could belong to no task."""
        kept = result.get("kept", result["orphans"] if "deleted" not in result else [])
        return not (self._task.check_mode or missing or kept or result["unread"] or result.get("failed"))

    @staticmethod
    def _forgotten(session: _Session, inspection: Schedule, applied: last_applied.Applied) -> list[str]:
        gone = forgotten.of_last_apply(applied, session.prepared, session.graph, inspection.records)
        if gone:
            Display().display(forgotten.line(gone))
        return gone

    def _inspect(self, session: _Session, parallel: int) -> Schedule:
        prepared = session.prepared
        inspection = Schedule(
            session.graph,
            prepared.renderer,
            session.processes,
            Options(
                mode=INSPECT,
                parallel=parallel,
                start_action=lambda step, variables, check: ActionFork(
                    step, variables, prepared.host, self._play_context, self._shared_loader_obj, check
                ),
                on_record=lambda *_: None,
            ),
        )
        inspection.run()
        failures = [call for call in inspection.records if orphans.could_not_be_read(call)]
        if failures:
            details = "\n".join(f"  {call.title} ({call.location}): {call.msg}" for call in failures)
            raise AnsibleActionFail(f"could not read the resources of the tasks:\n{details}")
        return inspection

    def _delete(
        self, session: _Session, options: dict[str, t.Any], found: list[dict[str, t.Any]], missing: list[str]
    ) -> dict[str, t.Any]:  # fmt: skip
        name = session.prepared.host.name
        if options["confirm"] != name:
            wrong = confirmation.of_system(name, options["confirm"])
            raise AnsibleActionFail(
                f"this would delete {len(found)} resources for good, except protected ones. Nothing was deleted. "
                f"{wrong + ' ' if wrong else ''}To go ahead, name the system and environment: -e confirm={name}"
            )
        if missing:
            raise AnsibleActionFail(
                "nothing was deleted: until all tasks have created their resources, nobody can tell what belongs "
                f"to them. Apply first. Missing: {', '.join(missing)}"
            )
        unknown = sorted(set(options["delete_protected"]) - {orphan["arn"] for orphan in found})
        if unknown:
            raise AnsibleActionFail(
                f"delete_protected: {', '.join(unknown)} is not among the orphans. Nothing was deleted."
            )
        if self._task.check_mode:
            return {"changed": True}
        deletions = orphans.Deletions(
            lambda resource: session.collect(session.submit(DELETER, resource, "apply")),
            lambda line: Display().display(harmless(line)),
            options["timeout"],
        )
        deletions.run(found, options["delete_protected"])
        failed = [orphan for orphan in deletions.kept if not orphan["protected"]]
        return {
            "changed": bool(deletions.deleted),
            "failed": bool(failed),
            "deleted": deletions.deleted,
            "kept": deletions.kept,
            "msg": "\n".join(
                [f"{len(deletions.deleted)} deleted, {len(deletions.kept)} kept"]
                + [harmless(f"{orphan['arn']}: {orphan['reason']}") for orphan in deletions.kept]
            ),
        }

    def _check_account(self, session: _Session, options: dict[str, t.Any]) -> None:
        if not options["account"]:
            return
        warning = account.check(
            session.processes,
            session.prepared.renderer.serialise_for,
            options["account"],
            session.environment,
            planning=not options["delete"] or bool(self._task.check_mode),
            connection=session.prepared.renderer.connection(self._task),
        )
        if warning:
            Display().warning(warning)


class _Session:
    """Modules that no step names, run in the warm processes with the task's environment."""

    def __init__(self, processes: WarmProcesses, prepared: Preparation, graph: Graph, region: str) -> None:
        self.processes = processes
        self.prepared = prepared
        self.graph = graph
        given = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        self.environment = {**given, **prepared.environment, **({"AWS_REGION": region} if region else {})}

    def submit(self, module: str, arguments: dict[str, t.Any], mode: str) -> t.Any:
        """Start a module; in the mode ``plan`` no write leaves it."""
        args = self.prepared.renderer.serialise_for(module, arguments)
        hearts = lock_keeper.hearts_of(os.getppid()) if mode == "apply" else []
        return self.processes.submit(0, ModuleCall(module, "", args, self.environment, mode=mode, hearts=hearts))

    def collect(self, connection: t.Any) -> dict[str, t.Any]:
        """Its result, once it has one."""
        answer = self.processes.collect(connection)
        if answer is None or answer["result"] is None:
            crash = str(answer["crash"]).strip() if answer else "its process died"
            return {"failed": True, "msg": crash.splitlines()[-1]}
        return t.cast("dict[str, t.Any]", json.loads(answer["result"]))
