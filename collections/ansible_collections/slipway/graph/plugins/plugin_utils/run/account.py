# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose account the credentials open, asked before anything else, with the very credentials that will write."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import json
import os
import typing as t
from types import MappingProxyType
from urllib.parse import urlsplit

from ansible.errors import AnsibleActionFail, AnsibleError

from ansible_collections.slipway.graph.plugins.plugin_utils.read import connection, modules
from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer, Variables
from ansible_collections.slipway.graph.plugins.plugin_utils.run import results
from ansible_collections.slipway.graph.plugins.plugin_utils.run.processes import ModuleCall, WarmProcesses

# AWS never issues this account; local emulators answer with it.
EMULATED_ACCOUNT = "000000000000"
NOTHING_WRITTEN = "Nothing was written."
MODULE = "amazon.aws.aws_caller_info"
# They say where, or how patiently, not who.
_NO_CREDENTIALS = {"AWS_REGION", "AWS_DEFAULT_REGION", "EC2_REGION", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"}

Serialise = c.Callable[[str, dict[str, t.Any]], bytes]


@dataclasses.dataclass(frozen=True)
class Credentials:
    """What a call reaches AWS with. Two are equal that open the same account; ``ways`` say how to get there."""

    options: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    ways: dict[str, t.Any] = dataclasses.field(compare=False, default_factory=dict)

    @property
    def endpoint(self) -> str:
        """The endpoint, if another one than AWS's is named."""
        return dict(self.options).get("endpoint_url") or dict(self.environment).get("AWS_ENDPOINT_URL", "")

    @property
    def region(self) -> str:
        """The Region, if one is named."""
        return str(self.ways.get("region") or "")


@dataclasses.dataclass(frozen=True)
class Answer:
    """The account, or why nobody said which it is."""

    account: str = ""
    reason: str = ""


def credentials_of(arguments: c.Mapping[str, t.Any], environment: c.Mapping[str, str]) -> Credentials:
    """What a module reaches AWS with, by its arguments and the environment that it is given."""
    options = connection.options_of(arguments)
    variables = {**_own_environment(), **environment}
    ways = {name: options[name] for name in connection.WAYS if name in options}
    ways.setdefault("region", variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION"))
    return Credentials(
        tuple((name, str(options[name])) for name in connection.CREDENTIALS if name in options),
        tuple(
            sorted(
                (name, value)
                for name, value in variables.items()
                if name.startswith(("AWS_", "EC2_")) and name not in _NO_CREDENTIALS
            )
        ),
        {name: value for name, value in ways.items() if value is not None},
    )


class Accounts:
    """Knows whose account credentials open; asks for each distinct ones once."""

    def __init__(self, processes: WarmProcesses, serialise: Serialise) -> None:
        self._processes = processes
        self._serialise = serialise
        self._answers: dict[Credentials, Answer] = {}

    def of(self, credentials: Credentials) -> Answer:
        """The account behind some credentials."""
        if credentials not in self._answers:
            answer = self.ask(credentials)()
            if not answer.account and "endpoint_url" in dict(credentials.options):
                # The endpoint of one service does not know. AWS does, of the same credentials.
                elsewhere = tuple(option for option in credentials.options if option[0] != "endpoint_url")
                answer = self._or(answer, self.of(dataclasses.replace(credentials, options=elsewhere)))
            self._answers[credentials] = answer
        return self._answers[credentials]

    @staticmethod
    def _or(first: Answer, second: Answer) -> Answer:
        return second if second.account else first

    def ask(self, credentials: Credentials) -> c.Callable[[], Answer]:
        """Begin to ask; what is returned waits for the answer."""
        options = {**credentials.ways, **dict(credentials.options)}
        environment = dict(credentials.environment)
        # A wrong endpoint is better told at once than after all the attempts that a long run is given.
        environment["AWS_MAX_ATTEMPTS"] = _own_environment().get("AWS_MAX_ATTEMPTS", "3")
        if credentials.region:
            environment["AWS_REGION"] = credentials.region
        call = ModuleCall(MODULE, "", self._serialise(MODULE, options), environment, mode="plan")
        connection_to = self._processes.submit(0, call)

        def wait() -> Answer:
            answer = self._processes.collect(connection_to)
            result = json.loads(answer["result"] or "{}") if answer else {}
            reason = result.get("msg") or (answer and answer.get("crash")) or "no answer"
            return Answer(str(result.get("account", "")), str(reason).strip().splitlines()[-1])

        return wait


class Guard:
    """Lets nobody write in another account than the expected one."""

    def __init__(self, accounts: Accounts, expected: str, planning: bool, is_of_plan: bool = False) -> None:
        self.warnings: list[str] = []
        # What the first credentials opened.
        self.account = ""
        self._accounts = accounts
        self._expected = expected
        self._planning = planning
        # Whether it is a saved plan that says which account is expected.
        self._is_of_plan = is_of_plan

    def problem(self, credentials: Credentials) -> str:
        """Why nobody may write with some credentials; empty if they may."""
        answer = self._accounts.of(credentials)
        self.account = self.account or answer.account
        endpoint = credentials.endpoint
        if not answer.account:
            return (
                f"could not determine the AWS account{f' (endpoint {endpoint})' if endpoint else ''}: "
                f"{answer.reason}. Check the credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID), the Region and the "
                "endpoint (AWS_ENDPOINT_URL)."
            )
        if answer.account == self._expected:
            return ""
        if self._planning and answer.account == EMULATED_ACCOUNT and _is_loopback(endpoint):
            warning = f"planning against an emulator (account {answer.account}), not against account {self._expected}"
            self.warnings += [warning] if warning not in self.warnings else []
            return ""
        if self._is_of_plan:
            return (
                f"these credentials belong to account {answer.account}, but the plan was made for account "
                f"{self._expected}."
            )
        return _mismatch(answer.account, self._expected)

    def of_call(self, arguments: c.Mapping[str, t.Any], environment: c.Mapping[str, str]) -> str:
        """The same for a call that is about to start."""
        problem = self.problem(credentials_of(arguments, environment))
        return f"{problem} This task wrote nothing." if problem else ""

    def check(self, graph: Graph, renderer: Renderer, environment: c.Mapping[str, str]) -> None:
        """Ask for the credentials of every task that may write, as far as they are known before anything has run.

        :arg environment: of those who have no task, asked where no task writes.
        :raises AnsibleActionFail: when they are another account's, or nobody answers.
        """
        asked = False
        for step, credentials in known_credentials(graph, renderer):
            asked = True
            problem = self.problem(credentials)
            if problem:
                own = f"{step.name} ({step.location}): " if _is_its_own(step) else ""
                raise AnsibleActionFail(f"{own}{problem} {NOTHING_WRITTEN}")
        problem = "" if asked else self.problem(credentials_of({}, environment))
        if problem:
            raise AnsibleActionFail(f"{problem} {NOTHING_WRITTEN}")


def check(
    processes: WarmProcesses, serialise: Serialise, expected: str, environment: dict[str, str], planning: bool,
    connection: c.Mapping[str, t.Any] = MappingProxyType({}),
) -> str | None:  # fmt: skip
    """Compare the account of an environment with the expected one.

    :arg connection: what ``module_defaults`` give every module, so that the credentials are those that will write.

    :returns: a warning when a plan runs against an emulator that does not have the environment's account.
    :raises AnsibleActionFail: when it is another one, or nobody answers.
    """
    guard = Guard(Accounts(processes, serialise), expected, planning)
    problem = guard.problem(credentials_of(connection, environment))
    if problem:
        raise AnsibleActionFail(f"{problem} {NOTHING_WRITTEN}")
    return guard.warnings[0] if guard.warnings else None


def mismatch(found: str, expected: str) -> str:
    """What people are told when the credentials are another account's, before anything was written."""
    return f"{_mismatch(found, expected)} {NOTHING_WRITTEN}"


def _mismatch(found: str, expected: str) -> str:
    return (
        f"these credentials belong to account {found}, but the environment names account {expected} (aws_account_id). "
        "Use the environment's credentials, or correct aws_account_id in its group_vars/all.yml."
    )


def may_write(step: Step) -> bool:
    """Whether a step may write to AWS."""
    return modules.is_held(step) and not results.only_reads(step.module)


def known_credentials(graph: Graph, renderer: Renderer) -> c.Iterator[tuple[Step, Credentials]]:
    """The credentials that steps may write with, each distinct ones once, with the first step that has them.

    Those that come from results are left out; their calls are asked about when they start.
    """
    targets = {name for step in graph.steps for name in step.registers}
    looked_at: set[t.Any] = set()
    seen: set[Credentials] = set()
    for step in graph.steps:
        if not may_write(step):
            continue
        # Most tasks say nothing of their own: what they are given alike is looked at once.
        written = repr((step.role, _written(step)))
        if written in looked_at:
            continue
        for variables in _variables(step, renderer, targets):
            looked_at.add(written)
            try:
                arguments = renderer.arguments(step, variables, only=connection.NAMES)
                credentials = credentials_of(arguments, renderer.environment(step, variables))
            except AnsibleError:
                continue  # the call itself says what is wrong, if it comes to it
            if credentials not in seen:
                seen.add(credentials)
                yield step, credentials


def _written(step: Step) -> list[t.Any]:
    """What a task is given to reach AWS with, as it is written, and what that may depend on."""
    task = step.task
    own = {name: value for name, value in task.args.items() if name in connection.NAMES or name == "_variable_params"}
    given = [own, task.module_defaults, task.environment, step.module, task.get_vars()]
    return [*given, task.loop, task.when] if own or "{{" in repr(task.environment) else given


def _is_its_own(step: Step) -> bool:
    return any(name in connection.NAMES for name in step.task.args)


def _variables(step: Step, renderer: Renderer, targets: set[str]) -> c.Iterator[Variables]:
    """What a step's calls see, as far as that is known before anything has run; of calls that are not made nothing."""
    if renderer.value_reaches(step, _written(step)[:3], targets):
        return
    overlays: list[dict[str, t.Any]] = [{}]
    try:
        if step.task.loop is not None:
            if renderer.value_reaches(step, step.task.loop, targets):
                return
            items = renderer.loop_items(step) or []
            overlays = [renderer.loop_variables(step, items, position) for position in range(len(items))]
    except AnsibleError:
        return
    conditions = ["{{ " + str(condition) + " }}" for condition in step.task.when]
    decided = not any(renderer.value_reaches(step, condition, targets) for condition in conditions)
    for overlay in overlays:
        variables = renderer.variables(step, overlay)
        try:
            if decided and not renderer.holds(step.task.when, variables):
                continue
        except AnsibleError:
            pass  # it may run
        yield variables


def _own_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "EC2_"))}


def _is_loopback(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")
