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

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import Play, Role
from ansible_collections.slipway.graph.plugins.plugin_utils.read import conversion, protection
from ansible_collections.slipway.graph.plugins.plugin_utils.read.foreseeing import Foresight
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.needs import keys_looked_up, value_names
from ansible_collections.slipway.graph.plugins.plugin_utils.read.reading import Reading
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer

ASSERT = "ansible.builtin.assert"
_Variables = c.MutableMapping[str, t.Any]


def problems(play: Play, host: Host, renderer: Renderer, reading: Reading) -> list[str]:
    """All mistakes in the inputs of a play's roles, each one line that names file, key and what is allowed."""
    return list(dict.fromkeys(_Inputs(play, host, renderer, reading).problems()))


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


def account_problem(account: str) -> str | None:
    """Why this can be nobody's account; ``None`` for one that can, and where none is named."""
    if not account or re.fullmatch(r"[0-9]{12}", account):
        return None
    return f"account: {account} is no account (in the playbooks it is aws_account_id); allowed: 12 digits, as text"


class _Mistake(t.NamedTuple):
    """``name`` is the input; ``behind`` the user's variable that it is taken from, where it is a role's default."""

    role: str
    name: str
    place: str
    behind: str
    text: str

    @property
    def is_derived(self) -> bool:
        return self.behind != self.name


class _Inputs:
    """Judges the inputs of the roles of one play on one host."""

    def __init__(self, play: Play, host: Host, renderer: Renderer, reading: Reading) -> None:
        self._play = play
        self._host = host
        self._renderer = renderer
        self._reading = reading
        self._targets = frozenset(name for step in reading.steps for name in step.registers)
        self._foresight = Foresight((), renderer, self._targets)
        self._is_any_wrong = False

    def problems(self) -> c.Iterator[str]:
        mistakes = [each for entry in self._reading.entries for each in self._of_entry(entry)]
        # Only now: how often a task runs may depend on what has been converted.
        self._foresight = Foresight(self._reading.steps, self._renderer, self._targets)
        mistakes += [each for entry in self._reading.entries for each in self._of_results(entry)]
        self._is_any_wrong = bool(mistakes)
        direct = [each for each in mistakes if not each.is_derived]
        yield from (f"{each.place}: {each.text}" for each in direct)
        for entry in self._reading.entries:
            yield from self._unknown_inputs(entry)
        wrong: dict[str, set[str]] = {}
        for each in mistakes:
            wrong.setdefault(each.role, set()).add(each.name)
        for step in self._reading.steps:
            if step.role not in wrong:
                yield from filter(None, [protection.problem(step, self._renderer, self._targets)])
        # One mistake often refutes several asserts; as in a play, only the first of a role is reported.
        refuted: set[str] = set()
        for step in (each for each in self._reading.steps if each.is_selected):
            if step.role not in wrong:
                yield from _keyword_problems(step, self._renderer, self._targets)
            if step.module == ASSERT and step.role not in refuted:
                found = self._of_assert(step, wrong.get(step.role, set()))
                refuted.update([step.role] if found else [])
                yield from found
        yield from _together(
            each for each in mistakes
            if each.is_derived and each.role not in refuted | {other.role for other in direct}
        )  # fmt: skip

    def _of_entry(self, entry: Step) -> c.Iterator[_Mistake]:
        """What is wrong with values that are known, against the specification of the role."""
        for name, spec in conversion.options_of(entry).items():
            variables = self._renderer.variables(entry)
            if name in variables:
                texts = self._of_input(entry, name, spec, variables)
                yield from self._placed(entry, name, variables, texts)
            elif spec.get("required"):
                role = t.cast(Role, ansible_doors.role_of(entry.task)).get_name()
                yield _Mistake(entry.role, name, role, name, f"{name} is missing; allowed: {conversion.allowed(spec)}")

    def _of_results(self, entry: Step) -> c.Iterator[_Mistake]:
        """What is wrong with values that other roles make: names that they do not make."""
        variables = self._renderer.variables(entry)
        for name in conversion.options_of(entry):
            value = variables.get(name)
            if self._renderer.value_reaches(entry, value, self._targets):
                yield from self._placed(entry, name, variables, self._names_not_made(name, value, entry, variables))

    def _placed(self, entry: Step, name: str, variables: _Variables, texts: list[str]) -> c.Iterator[_Mistake]:
        if texts:
            place, behind = self._place(name, entry, variables)
            yield from (_Mistake(entry.role, name, place, behind, text) for text in texts)

    def _of_input(self, entry: Step, name: str, spec: dict[str, t.Any], variables: _Variables) -> list[str]:
        value = variables[name]
        if self._renderer.value_reaches(entry, value, self._targets):
            return []
        try:
            rendered = self._renderer.templar(variables).template(value)
        except AnsibleUndefinedVariable as error:
            return [f"{name}: {self._name_not_there(value, entry, variables) or _undefined(error, value, variables)}"]
        except AnsibleError as error:
            return [f"{name}: {_first_line(error)}; allowed: {conversion.allowed(spec)}"]
        if rendered is None and not _needs_value(entry, name, spec):
            return []
        made = conversion.convert(name, rendered, spec)
        # What a file says may be another thing when it is needed.
        if made.value is not rendered and not self._renderer.value_looks_outside(entry, value):
            self._renderer.convert(entry, name, value, made.value)
        return made.mistakes

    def _names_not_made(self, name: str, value: t.Any, entry: Step, variables: _Variables) -> list[str]:
        found = []
        for part in _templates(value):
            with self._foresight.look() as asks_too_much:
                try:
                    self._renderer.templar(variables).template(part)
                except AnsibleError as error:
                    if asks_too_much():
                        continue  # a value: known after apply
                    # A name that a dictionary has not may still be one of its methods, which is no error at once.
                    text = self._name_not_there(part, entry, variables)
                    if isinstance(error, AnsibleUndefinedVariable):
                        text = text or _undefined(error, part, variables)
                    found += [f"{name}: {text}"] if text else []
        return found

    def _name_not_there(self, value: t.Any, entry: Step, variables: _Variables) -> str:
        """Which name a template looks up in vain, and which there are; empty where that is not what is wrong."""
        for template in _templates(value):
            for variable, key_as_written in keys_looked_up(template):
                names = self._names_in(variable, variables)
                key = self._rendered(key_as_written, variables)
                if names is not None and key is not None and key not in names:
                    place, listed = self._place(variable, entry, variables)
                    there = ", ".join(map(str, names)) or "nothing, since it is empty"
                    return f"{variable} has no {key}; allowed: {there} (from {listed}, {place})"
        return ""

    def _rendered(self, text: str, variables: _Variables) -> t.Any:
        with self._foresight.look():
            try:
                return self._renderer.field(ansible_doors.as_template(text), variables)
            except AnsibleError:
                return None

    def _names_in(self, variable: str, variables: _Variables) -> list[t.Any] | None:
        if variable not in variables:
            return None
        # A mapping alone has names, and nothing else is one.
        names = self._rendered(
            "{{ (" + variable + " is mapping) | ternary(" + variable + ", {}, {}) | list }}", variables
        )
        is_mapping = self._rendered("{{ " + variable + " is mapping }}", variables)
        return t.cast("list[t.Any]", names) if is_mapping else None

    def _unknown_inputs(self, entry: Step) -> list[str]:
        """Variables that look like this role's inputs but are not: nearly always a slip of the pen."""
        options = conversion.options_of(entry)
        if not options:
            return []
        role = t.cast(Role, ansible_doors.role_of(entry.task))
        elsewhere = {
            name
            for spec in ansible_doors.argument_specs_of(role).values()
            for name in (spec or {}).get("options") or ()
        }
        prefix = role.get_name(include_role_fqcn=False) + "_"
        known = set(options) | elsewhere | ansible_doors.own_variables(role) | self._targets
        found = []
        for name in ansible_doors.given_variables(self._play, self._host):
            if not name.startswith(prefix) or name in known or _belongs_elsewhere(name, prefix, role):
                continue
            near = difflib.get_close_matches(name, sorted(options), n=1)
            hint = f"did you mean {near[0]}?" if near else f"its inputs are {', '.join(sorted(options))}"
            place = _shown(ansible_doors.said_at(self._play, self._host, name))
            found.append(f"{place}: {name}: the role {role.get_name()} has no such input; {hint}")
        return found

    def _of_assert(self, step: Step, wrong: set[str]) -> list[str]:
        """What an assertion over inputs says, where that can be told before anything runs; not of ``wrong`` inputs."""
        if is_offline_assert(step, self._renderer, self._targets):
            return self._refutations(step, wrong)
        if not _may_be_foreseen(step, self._renderer):
            return []
        with self._foresight.look() as asks_too_much:
            found = self._refutations(step, wrong)
            if asks_too_much():
                return []
        step.is_decided = not found
        return found

    def _refutations(self, step: Step, wrong: set[str]) -> list[str]:
        try:
            items = self._renderer.loop_items(step)
        except AnsibleError as error:
            return [] if wrong else [f"{step.location}: {step.name}: {_first_line(error)}"]
        found = []
        for position in range(len(items)) if items is not None else [0]:
            overlay = self._renderer.loop_variables(step, items, position) if items is not None else {}
            variables = self._renderer.variables(step, overlay)
            try:
                if self._renderer.false_condition(step, variables) is not None:
                    continue
                if self._renderer.holds(step.task.args.get("that"), variables):
                    continue
                reason = ""
            except AnsibleError as error:
                if wrong or self._is_any_wrong:
                    continue
                reason = _first_line(error)
            found += self._refutation(step, variables, reason, wrong)
        return found

    def _refutation(self, step: Step, variables: _Variables, reason: str, wrong: set[str]) -> list[str]:
        """What an assertion has to say; also where it cannot even be decided, for ``reason``."""
        message = step.task.args.get("fail_msg") or step.task.args.get("msg") or step.name
        try:
            text = str(self._renderer.field(message, variables))
        except AnsibleError as error:
            return [f"{step.location}: {step.name}: {reason or _first_line(error)}"]
        if wrong.intersection(re.findall(r"\w+", text)):
            return []
        return [self._placed_by_key(text, step, variables)]

    # ---- Where the user wrote it

    def _place(self, name: str, step: Step, variables: _Variables) -> tuple[str, str]:
        """File and line of what the user gave, and the name of that: an input, or what its default is taken from."""
        parameter = ansible_doors.parameters_of(step.task).get(name)
        if parameter is not None and name not in ansible_doors.extra_variables(self._play):
            return _shown(ansible_doors.written_at(parameter)), name
        seen, level = {name}, [name]
        while level:
            for each in level:
                said = ansible_doors.said_at(self._play, self._host, each)
                if said is not None:
                    return _shown(said), each
            level = sorted({part for each in level for part in value_names(variables.get(each))} - seen)
            seen.update(level)
        origin = ansible_doors.written_at(variables.get(name))
        role = ansible_doors.role_of(step.task)
        return (_shown(origin) if origin else f"variable of the role {role and role.get_name()}"), name

    def _placed_by_key(self, text: str, step: Step, variables: _Variables) -> str:
        """A message with the place of the first of the inputs that it speaks of and that are not the role's defaults.

        Where the user gave another variable, which the default is taken from, the message names that, too.
        """
        words = re.findall(r"\w+", text)
        prefix = f"{step.role.rpartition('.')[2]}_"
        names = [name for name in words if name.startswith(prefix) and name in variables]
        if not names:
            return f"{step.role}: {text}"
        given = (name for name in names if ansible_doors.said_at(self._play, self._host, name) is not None)
        place, behind = self._place(next(given, names[0]), step, variables)
        return f"{place}: {text}" if behind in words else f"{place}: {behind}: {text}"


def _together(mistakes: c.Iterable[_Mistake]) -> c.Iterator[str]:
    """One line for each variable of the user's, whichever inputs are taken from it."""
    lines: dict[tuple[str, str, str], list[str]] = {}
    for each in mistakes:
        lines.setdefault((each.place, each.behind, each.text.removeprefix(each.name)), []).append(each.name)
    for (place, behind, text), names in lines.items():
        yield f"{place}: {behind}, for {', '.join(names)}{text}"


def _may_be_foreseen(step: Step, renderer: Renderer) -> bool:
    return not (
        step.registers
        or step.gates
        or step.task.ignore_errors
        or (step.follows_changes and renderer.looks_outside(step))
    )


def _needs_value(entry: Step, name: str, spec: dict[str, t.Any]) -> bool:
    """Whether null is a mistake: it stands for nothing that the role would do by default."""
    role = t.cast(Role, ansible_doors.role_of(entry.task))
    default = ansible_doors.default_variables(role).get(name, spec.get("default"))
    return bool(spec.get("required")) or default is not None


def _templates(value: t.Any) -> c.Iterator[str]:
    """The templates anywhere inside a value."""
    if isinstance(value, str):
        if value_names(value):
            yield value
    elif isinstance(value, c.Mapping):
        for key, part in value.items():
            yield from _templates(key)
            yield from _templates(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _templates(part)


def _shown(place: ansible_doors.Place | None) -> str:
    """File and line, as far as Ansible remembers them."""
    if place is None or not place.path:
        return str((place and place.description) or "unknown place").strip("<>")
    path = Path(place.path)
    working = Path.cwd()
    shown = path.relative_to(working) if path.is_relative_to(working) else path
    return f"{shown}:{place.line}" if place.line else str(shown)


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


def _belongs_elsewhere(name: str, prefix: str, role: Role) -> bool:
    neighbours = _role_names(str(Path(role.get_role_path()).parent))
    return any(name.startswith(other + "_") for other in neighbours if len(other) >= len(prefix))


@functools.lru_cache
def _role_names(folder: str) -> tuple[str, ...]:
    return tuple(entry.name for entry in Path(folder).iterdir() if entry.is_dir())


def _undefined(error: Exception, value: t.Any, variables: _Variables) -> str:
    """What is undefined, and that no variable and no role makes it, if so."""
    missing = sorted(
        name
        for name in value_names(value)
        if name.isidentifier() and name not in variables and not re.match(r"(lookup|q)$", name)
    )
    hint = f"; no variable and no role in the list provides {', '.join(missing)}" if missing else ""
    return _first_line(error) + hint


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
