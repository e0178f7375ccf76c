# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every input of every role against its argument_specs, before the first API call; all mistakes at once."""

from __future__ import annotations

import collections.abc as c
import difflib
import functools
import json
import re
import typing as t
from pathlib import Path

from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.inventory.host import Host
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import Play, Role
from ansible_collections.slipway.graph.plugins.plugin_utils.read import protection
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.needs import value_names
from ansible_collections.slipway.graph.plugins.plugin_utils.read.reading import Reading
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer

SPEC_KEYS = {"type", "elements", "choices", "required", "default", "options", "no_log"}
ASSERT = "ansible.builtin.assert"


def problems(play: Play, host: Host, renderer: Renderer, reading: Reading) -> list[str]:
    """All mistakes in the inputs of a play's roles, each one line that names file, key and what is allowed."""
    targets = frozenset(name for step in reading.steps for name in step.registers)
    found: list[str] = []
    for entry in reading.entries:
        options = entry.task.args.get("argument_spec") or {}
        found += _input_problems(entry, options, renderer, targets)
        found += _unknown_inputs(entry, options, play, host, targets)
    found += filter(None, (protection.problem(step, renderer, targets) for step in reading.steps))
    refuted: set[str] = set()
    for step in (each for each in reading.steps if each.is_selected):
        found += _keyword_problems(step, renderer, targets)
        # One mistake often refutes several asserts; as in a play, only the first of a role is reported.
        if step.role not in refuted and is_offline_assert(step, renderer, targets):
            failures = _assert_problems(step, renderer)
            found += failures
            refuted.update({step.role} if failures else ())
    return found


def is_offline_assert(step: Step, renderer: Renderer, targets: c.Set[str]) -> bool:
    """Whether a step asserts something about inputs alone, so that it can be decided before any API call."""
    return (
        step.module == ASSERT
        and not step.registers
        and not step.gates
        and not step.task.ignore_errors
        and not renderer.reached(step, targets)
        and not (step.follows_changes and renderer.looks_outside(step))
    )


def region_problem(region: str) -> str | None:
    """Why a Region cannot be right; ``None`` if AWS (by botocore's list) has it."""
    import botocore  # noqa: PLC0415 - only where a Region is to be checked

    # Read here: botocore's loader imports a good part of botocore first.
    document = json.loads((Path(botocore.__file__).parent / "data/partitions.json").read_text())
    names = {name for partition in document["partitions"] for name in partition["regions"]}
    known = sorted(name for name in names if not name.endswith("-global"))
    if region in known:
        return None
    near = difflib.get_close_matches(region, known, n=3, cutoff=0.5)
    return f"aws_region: there is no Region {region!r}" + (f"; did you mean {' or '.join(near)}?" if near else "")


def _input_problems(entry: Step, options: dict[str, t.Any], renderer: Renderer, targets: c.Set[str]) -> list[str]:
    role = t.cast(Role, ansible_doors.role_of(entry.task))
    variables = renderer.variables(entry)
    templar = renderer.templar(variables)
    found = []
    for name, spec in options.items():
        if name not in variables:
            if spec.get("required"):
                found.append(f"{role.get_name()}: {name} is missing{_explain(spec)}")
            continue
        value = variables[name]
        if renderer.value_reaches(entry, value, targets):
            continue  # another role's result: known after apply
        try:
            rendered = templar.template(value)
        except AnsibleUndefinedVariable as error:
            found.append(f"{_place(value, role)}: {name}: {_first_line(error)}{_who_provides(value, variables)}")
            continue
        except AnsibleError as error:
            found.append(f"{_place(value, role)}: {name}: {_first_line(error)}")
            continue
        found += [
            f"{_place(value, role)}: {name}: {message}{_explain(spec)}"
            for message in _spec_errors(name, spec, rendered)
        ]
    return found


def _keyword_problems(step: Step, renderer: Renderer, targets: frozenset[str]) -> list[str]:
    """What is wrong with a task's loop and numbers, as far as that is certain before anything runs."""
    if step.is_gate or step.gates or _is_ruled_out(step, renderer):
        return []
    found = []
    if step.task.loop is not None and not renderer.loop_looks_outside(step):
        try:
            renderer.static_items(step, targets)
        except AnsibleError as error:
            found.append(f"{step.location}: {step.name}: {_first_line(error)}")
    for keyword, kind in (("retries", int), ("delay", float)):
        value = getattr(step.task, keyword)
        if isinstance(value, str) and step.task.loop is None and not renderer.value_reaches(step, value, targets):
            try:
                kind(renderer.field(value, renderer.variables(step)))
            except (AnsibleError, ValueError, TypeError) as error:
                found.append(f"{step.location}: {step.name}: `{keyword}` must be a number: {_first_line(error)}")
    return found


def _is_ruled_out(step: Step, renderer: Renderer) -> bool:
    """Whether a task may not run at all: only what surely runs is judged beforehand."""
    if not step.task.when:
        return False
    try:
        return not renderer.holds(step.task.when, renderer.variables(step))
    except AnsibleError:
        return True


def _spec_errors(name: str, spec: dict[str, t.Any], value: t.Any) -> list[str]:
    if value is None and not spec.get("required"):
        return []
    result = ArgumentSpecValidator({name: _plain_spec(spec)}).validate({name: value})
    return [message.rstrip(".") for message in result.error_messages]


def _plain_spec(spec: dict[str, t.Any]) -> dict[str, t.Any]:
    plain = {key: value for key, value in spec.items() if key in SPEC_KEYS and key != "no_log"}
    if plain.get("required") and "default" in plain:
        del plain["default"]
    if "options" in plain:
        plain["options"] = {name: _plain_spec(option) for name, option in plain["options"].items()}
    return plain


def _explain(spec: dict[str, t.Any]) -> str:
    if spec.get("choices"):
        return f" (allowed: {', '.join(map(str, spec['choices']))})"
    kind = spec.get("type", "str") + (f" of {spec['elements']}" if spec.get("elements") else "")
    return f" (expected: {kind})"


def _unknown_inputs(entry: Step, options: dict[str, t.Any], play: Play, host: Host, targets: c.Set[str]) -> list[str]:
    """Variables that look like this role's inputs but are not: nearly always a slip of the pen."""
    if not options:
        return []
    role = t.cast(Role, ansible_doors.role_of(entry.task))
    elsewhere = {
        name for spec in ansible_doors.argument_specs_of(role).values() for name in (spec or {}).get("options") or ()
    }
    prefix = role.get_name(include_role_fqcn=False) + "_"
    known = set(options) | elsewhere | ansible_doors.own_variables(role) | targets
    given = ansible_doors.given_variables(play, host)
    found = []
    for name, value in given.items():
        if not name.startswith(prefix) or name in known or _belongs_elsewhere(name, prefix, role):
            continue
        near = difflib.get_close_matches(name, sorted(options), n=1)
        hint = f"did you mean {near[0]}?" if near else f"its inputs are {', '.join(sorted(options))}"
        found.append(f"{_place(value, role)}: {name}: the role {role.get_name()} has no such input; {hint}")
    return found


def _belongs_elsewhere(name: str, prefix: str, role: Role) -> bool:
    neighbours = _role_names(str(Path(role.get_role_path()).parent))
    return any(name.startswith(other + "_") for other in neighbours if len(other) >= len(prefix))


@functools.lru_cache
def _role_names(folder: str) -> tuple[str, ...]:
    return tuple(entry.name for entry in Path(folder).iterdir() if entry.is_dir())


def _assert_problems(step: Step, renderer: Renderer) -> list[str]:
    try:
        items = renderer.loop_items(step)
        found = []
        for position in range(len(items)) if items is not None else [0]:
            overlay = renderer.loop_variables(step, items, position) if items is not None else {}
            variables = renderer.variables(step, overlay)
            if renderer.false_condition(step, variables) is not None:
                continue
            conditions = step.task.args.get("that")
            conditions = conditions if isinstance(conditions, list) else [conditions]
            if not renderer.holds(conditions, variables):
                message = step.task.args.get("fail_msg") or step.task.args.get("msg") or step.name
                text = str(renderer.field(message, variables))
                found.append(f"{_place_of_key(text, step, variables)}: {text}")
        return found
    except AnsibleError as error:
        return [f"{step.location}: {step.name}: {_first_line(error)}"]


def _place_of_key(text: str, step: Step, variables: c.Mapping[str, t.Any]) -> str:
    """Where the first input that a message speaks of was given."""
    for name in re.findall(r"\w+", text):
        if name.startswith(f"{step.role}_") and name in variables:
            return _place(variables[name], ansible_doors.role_of(step.task))
    return step.role


def _place(value: t.Any, role: Role) -> str:
    """File and line a value was written at, as far as Ansible remembers it."""
    origin = ansible_doors.written_at(value)
    for part in value if origin is None and isinstance(value, (list, tuple)) else ():
        origin = origin or ansible_doors.written_at(part)
    if origin is None or not origin.path:
        return str((origin and origin.description) or f"variable of the role {role.get_name()}").strip("<>")
    path = Path(origin.path)
    working = Path.cwd()
    shown = path.relative_to(working) if path.is_relative_to(working) else path
    return f"{shown}:{origin.line}" if origin.line else str(shown)


def _who_provides(value: t.Any, variables: c.Mapping[str, t.Any]) -> str:
    missing = sorted(
        name
        for name in value_names(value)
        if name.isidentifier() and name not in variables and not re.match(r"(lookup|q)$", name)
    )
    if not missing:
        return ""
    return f"; no variable and no role in the list provides {', '.join(missing)}"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
