# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The front door of the engine: takes the options, lets the parts do the work, hands back the result."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import gc
import os
import typing as t
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.plugin_utils.plan import plan, saved_plan
from ansible_collections.slipway.graph.plugins.plugin_utils.read.preparation import (
    Preparation,
    environment_of,
    prepare,
    region_of,
)
from ansible_collections.slipway.graph.plugins.plugin_utils.record import critical_path, journal, records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.record.running_journal import RunningJournal
from ansible_collections.slipway.graph.plugins.plugin_utils.remove import destroy, forgotten, selection
from ansible_collections.slipway.graph.plugins.plugin_utils.report import files, outputs
from ansible_collections.slipway.graph.plugins.plugin_utils.report.run_record import RunRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.run import account, frame, second_look
from ansible_collections.slipway.graph.plugins.plugin_utils.run.actions import ActionFork
from ansible_collections.slipway.graph.plugins.plugin_utils.run.frame import Caller, Frame
from ansible_collections.slipway.graph.plugins.plugin_utils.run.interrupts import Interrupts
from ansible_collections.slipway.graph.plugins.plugin_utils.run.modes import APPLY, PLAN
from ansible_collections.slipway.graph.plugins.plugin_utils.run.processes import WarmProcesses
from ansible_collections.slipway.graph.plugins.plugin_utils.run.progress import Progress
from ansible_collections.slipway.graph.plugins.plugin_utils.run.scheduling import Options, Schedule
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import lock_keeper

ARGUMENTS = {
    "roles": {"type": "list", "elements": "raw", "default": []},
    "tasks": {"type": "list", "elements": "path", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "only": {"type": "list", "elements": "str", "default": []},
    "account": {"type": "str", "default": ""},
    "region": {"type": "str", "default": ""},
    "confirm": {"type": "str", "default": ""},
    "confirm_protected": {"type": "list", "elements": "str", "default": []},
    "parallel": {"type": "int", "default": 16},
    "directory": {"type": "path", "default": ""},
    "journal": {"type": "path", "default": ""},
    "applied": {"type": "path", "default": ""},
    "plan": {"type": "path", "default": ""},
    "outputs": {"type": "raw", "default": {}},
    **frame.OPTIONS,
}
# From here on people want to know what an apply waited for.
LONG_SECONDS = 5


@dataclasses.dataclass
class _Bounds:
    """What a run may not go beyond: a saved plan, and the account that is named; ``place`` says where it has run."""

    plan: saved_plan.SavedPlan | None
    guard: account.Guard | None
    place: c.Callable[[], tuple[str, str]]


class ActionModule(ActionBase):
    """Runs roles as a graph."""

    _supports_check_mode = True
    _supports_diff = True

    @classmethod
    def finalize_task_arg(cls, name: str, value: t.Any, templar: t.Any, context: t.Any) -> t.Any:
        """Leave ``outputs`` as written: they are rendered when the results they speak of exist."""
        return value if name == "outputs" else super().finalize_task_arg(name, value, templar, context)

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Plan, apply or destroy."""
        super().run(tmp, task_vars)
        self._has_company = len((task_vars or {}).get("ansible_play_hosts_all", [])) > 1
        options = self._options()
        _collect_less_garbage()
        processes = WarmProcesses(list(AnsibleCollectionConfig.collection_paths))
        interrupts = Interrupts()
        try:
            prepared = prepare(
                self._task,
                task_vars or {},
                options,
                on_steps=lambda steps: processes.warm_up(
                    {**{step.module: step.path for step in steps}, **frame.modules(options)}, environment_of(self._task)
                ),
            )
            if prepared.problems:
                return {"failed": True, "changed": False, "msg": "\n".join(prepared.problems)}
            is_destroy = options["state"] == "absent"
            selected = selection.to_destroy(prepared.whole, options["only"]) if is_destroy else None
            bounds = self._bounds(processes, prepared, options)
            caller = self._caller(prepared, options)
            self._frame = Frame(processes, caller, prepared.host.name, options, bool(self._task.check_mode))
            with lock_keeper.at_work(os.getppid()), interrupts:
                self._frame.begin(lambda: interrupts.level > 0)
                return self._converge(processes, prepared, selected, options, interrupts, bounds)
        finally:
            processes.close()
            if interrupts.abandoned:
                os._exit(1)  # nobody is there to take a result

    def _converge(
        self,
        processes: WarmProcesses,
        prepared: Preparation,
        selected: selection.Selection | None,
        options: dict[str, t.Any],
        interrupts: Interrupts,
        bounds: _Bounds,
    ) -> dict[str, t.Any]:
        planning = bool(self._task.check_mode)
        host = prepared.host.name
        now = datetime.datetime.now(datetime.UTC)
        began_at = (bounds.plan and bounds.plan.began_at) or now
        progress = Progress(
            Display(),
            planning,
            prefix=f"{host} " if self._has_company else "",
            is_silent=lambda: interrupts.level > 0,
        )
        run_options = Options(
            mode=PLAN if planning else APPLY,
            parallel=options["parallel"],
            start_action=lambda step, variables, check: ActionFork(
                step, variables, prepared.host, self._play_context, self._shared_loader_obj, check
            ),
            on_record=progress.show,
            on_tick=progress.tick,
            tell=progress.tell,
            interrupts=interrupts,
            saved_plan=bounds.plan,
            guard=bounds.guard.of_call if bounds.guard else None,
            diff=bool(self._task.diff),
            before_writing=self._frame.record_beginning,
            hearts=self._frame.hearts,
        )
        with RunRecord(host, planning, options, began_at, self._frame.applied) as record:
            if record.journal:
                run_options = _told_to(record.journal, run_options)
            if not planning:
                for note in record.notes:
                    Display().warning(note)
            with progress:
                if selected:
                    unseen = forgotten.by_tags_alone(record.applied, prepared)
                    if unseen:
                        Display().warning(
                            f"not destroyed, since their tasks are tagged `never`: {forgotten.names(unseen)}"
                        )
                    order = destroy.Order(options["confirm"], options["confirm_protected"], began_at)
                    graph, calls = destroy.run(prepared, selected, processes, run_options, order)
                else:
                    graph = prepared.graph
                    calls = Schedule(graph, prepared.renderer, processes, run_options).run()
                    if record.learns:
                        known = record.known_to_repeat
                        second_look.mark_what_repeats(graph, calls, prepared.renderer, processes, run_options, known)
            gone = [] if selected else forgotten.of_last_apply(record.applied, prepared, graph, calls)
            left = [forgotten.line(gone)] if gone else []
            record.notes += left
            record.place = bounds.place()
            run, planned = record.ended(graph, calls, gone)
        if not planning:
            lost = self._frame.lost()
            record.problems += [lost] if lost else []
            record.problems += self._frame.end(run, calls, record.applied, is_interrupted=interrupts.level > 0)
        if interrupts.level:
            return self._interrupted(calls, interrupts)
        text = plan.lines(planned) if planned else [*self._path(run), *left, *plan.repeated(calls), plan.outcome(calls)]
        # All at once: several hosts may be speaking.
        Display().display("\n".join([f"{host}:", *text] if self._has_company else text))
        result = self._result(prepared, calls, "\n".join([text[-1], *record.problems]), options)
        result["failed"] |= bool(record.problems)
        result["forgotten"] = gone
        if planning:
            return {**result, "drift_is_known": record.applied.is_known}
        return {**result, "cut_off": record.cut_off}

    @staticmethod
    def _path(run: journal.Document) -> list[str]:
        """What an apply waited for, where it was long or someone wants to know all."""
        path = run["critical_path"]
        took = path[-1]["started"] + path[-1]["seconds"] if path else 0
        return critical_path.lines(path) if took >= LONG_SECONDS or Display().verbosity else []

    def _interrupted(self, calls: list[CallRecord], interrupts: Interrupts) -> dict[str, t.Any]:
        """A short result: Ansible, on its way out, reads no long one, or none at all."""
        message = f"interrupted. {plan.outcome(calls)}. Run it again to continue from here."
        interrupts.tell(message)
        return {"failed": True, "changed": True, "summary": records.summary(calls), "msg": message}

    def _result(
        self, prepared: Preparation, calls: list[CallRecord], headline: str, options: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        counts = records.summary(calls)
        failures = [call for call in calls if call.status == records.FAILED]
        result: dict[str, t.Any] = {
            "changed": bool(counts[records.CHANGED] + counts[records.PLANNED])
            or any(call.status == records.UNKNOWN and not call.reads for call in calls),
            "failed": bool(failures),
            "summary": counts,
            "calls": _listed(calls, only_failures=bool(failures)),
            "msg": "\n".join([headline, *(f"{call.title} ({call.location}): {call.msg}" for call in failures)]),
            "_ansible_verbose_override": True,
        }
        if not failures and not self._task.check_mode and options["state"] == "present":
            result |= self._outputs(prepared, options, result["msg"])
        return result

    def _bounds(self, processes: WarmProcesses, prepared: Preparation, options: dict[str, t.Any]) -> _Bounds:
        """Read the plan that this run is held to, and ask whose account the credentials open.

        :raises AnsibleActionFail: for a plan of something else, and when credentials are another account's.
        """
        region, planning = self._region(prepared, options), bool(self._task.check_mode)
        held_to = saved_plan.read(options["plan"], prepared.host.name, options["state"]) if options["plan"] else None
        if held_to:
            held_to.refuse_elsewhere(options["account"], region)
        accounts = account.Accounts(processes, prepared.renderer.serialise_for)
        expected = options["account"] or (held_to.account if held_to else "")
        if expected:
            guard = account.Guard(accounts, expected, planning, is_of_plan=not options["account"])
            environment = {**prepared.environment, **({"AWS_REGION": region} if region else {})}
            guard.check(prepared.graph, prepared.renderer, environment)
            for warning in guard.warnings:
                Display().warning(warning)
            return _Bounds(held_to, guard, lambda: (guard.account, region))
        known = account.known_credentials(prepared.graph, prepared.renderer) if planning else iter(())
        first = next(known, None)
        if first is None:
            return _Bounds(held_to, None, lambda: ("", region))
        # Nobody waits for the answer: it only stands in the plan.
        answer = accounts.ask(first[1])
        return _Bounds(held_to, None, lambda: (answer().account, region or first[1].region))

    @staticmethod
    def _region(prepared: Preparation, options: dict[str, t.Any]) -> str:
        return region_of(options, {**os.environ, **prepared.environment})

    @staticmethod
    def _outputs(prepared: Preparation, options: dict[str, t.Any], message: str) -> dict[str, t.Any]:
        """What the system hands out; if that fails, the run has failed, but it is on record."""
        is_whole = len(prepared.graph.steps) == len(prepared.whole.steps)
        try:
            made = outputs.render(prepared.renderer, options["outputs"], is_whole)
        except AnsibleError as error:
            return {"failed": True, "msg": f"{message}\n{error}"}
        if options["directory"]:
            outputs.keep(options["directory"], made, is_whole)
        return {"outputs": made}

    def _options(self) -> dict[str, t.Any]:
        _result, options = self.validate_argument_spec(argument_spec=ARGUMENTS)
        if options["directory"]:
            directory = Path(options["directory"])
            for name in ("journal", "applied"):
                options[name] = options[name] or str(directory / f"{name}.json")
        for path in filter(None, (options["journal"], options["applied"])):
            files.make_folder(Path(path).parent)
        return t.cast("dict[str, t.Any]", options)

    def _caller(self, prepared: Preparation, options: dict[str, t.Any]) -> Caller:
        region = options["region"]
        environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return Caller(
            prepared.renderer.connection(self._task),
            {**environment, **prepared.environment, **({"AWS_REGION": region} if region else {})},
            prepared.renderer.serialise_for,
        )


def _told_to(kept: RunningJournal, options: Options) -> Options:
    """The options of a run that tells a journal of each call as it ends."""

    def tell(record: CallRecord, number: int, expected: int) -> None:
        kept.call(record)
        options.on_record(record, number, expected)

    return dataclasses.replace(options, on_record=tell, journal=kept)


def _collect_less_garbage() -> None:
    """What Ansible has loaded stays, and templates make many objects that live on; searching them all takes long."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


def _listed(calls: list[CallRecord], only_failures: bool) -> list[dict[str, t.Any]]:
    """All calls; of a failed run, which Ansible prints in full, only those that failed. The journal has all."""
    ordered = sorted(calls, key=lambda call: call.order)
    return [call.as_result() for call in ordered if not only_failures or call.status == records.FAILED]
