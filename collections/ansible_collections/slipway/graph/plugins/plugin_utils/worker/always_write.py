# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules that write whether or not anything changes, and learn from the answer: one table of how to tell beforehand.

``community.aws.codebuild_project`` updates each time and compares the projects afterwards;
``amazon.aws.cloudformation`` updates each time and catches the error "No updates are to be performed".
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import json
import typing as t

with contextlib.suppress(ImportError):  # the seam uses this only where botocore is
    from botocore.exceptions import ClientError

Parameters = dict[str, t.Any]
# What AWS would say to a write that changes nothing: returns its answer or raises its error.
Reply = c.Callable[[], t.Any]


def reply_if_unchanged(client: t.Any, service: str, operation: str, parameters: Parameters) -> Reply | None:
    """What AWS would reply if this write changed nothing; ``None`` if it changes something, as far as one can tell."""
    foresee = _TABLE.get((service, operation))
    return foresee(client, parameters) if foresee else None


def _codebuild_project(client: t.Any, parameters: Parameters) -> Reply | None:
    projects = client.batch_get_projects(names=[parameters["name"]])["projects"]
    if projects and _holds(projects[0], parameters):
        return lambda: {"project": projects[0]}
    return None


def _cloudformation_stack(client: t.Any, parameters: Parameters) -> Reply | None:
    name = parameters["StackName"]
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    if not _has_template(client, parameters) or not _has_inputs(stack, parameters):
        return None

    def refuse() -> t.NoReturn:
        details: t.Any = {"Code": "ValidationError", "Message": "No updates are to be performed."}
        raise ClientError({"Error": details}, "UpdateStack")

    return refuse


def _has_template(client: t.Any, parameters: Parameters) -> bool:
    if parameters.get("UsePreviousTemplate"):
        return True
    if "TemplateBody" not in parameters:
        return False  # behind a URL may be anything
    present = client.get_template(StackName=parameters["StackName"], TemplateStage="Original")["TemplateBody"]
    return bool(_parsed(present) == _parsed(parameters["TemplateBody"]))


def _parsed(template: t.Any) -> t.Any:
    """A JSON template as data, in which white space and order do not count; a YAML template as its text."""
    if not isinstance(template, str):
        return json.loads(json.dumps(template))
    try:
        return json.loads(template)
    except ValueError:
        return template.strip()


def _has_inputs(stack: Parameters, parameters: Parameters) -> bool:
    present = {each["ParameterKey"]: each.get("ParameterValue") for each in stack.get("Parameters", [])}
    wanted = {
        each["ParameterKey"]: each["ParameterValue"]
        for each in parameters.get("Parameters", [])
        if not each.get("UsePreviousValue")
    }
    # AWS keeps a role and tags that an update does not name.
    return (
        wanted.items() <= present.items()
        and parameters.get("RoleARN") in (None, stack.get("RoleARN"))
        and ("Tags" not in parameters or _holds(stack.get("Tags", []), parameters["Tags"]))
        and sorted(parameters.get("NotificationARNs") or []) == sorted(stack.get("NotificationARNs") or [])
    )


def _holds(present: t.Any, wanted: t.Any) -> bool:
    """Whether what is present has all that is wanted; AWS adds defaults. Lists are compared without their order."""
    if isinstance(wanted, dict):
        return isinstance(present, dict) and all(_holds(present.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(present, list)
            and len(present) == len(wanted)
            and all(any(_holds(each, item) for each in present) for item in wanted)
        )
    return bool(present == wanted)


_TABLE: dict[tuple[str, str], c.Callable[[t.Any, Parameters], Reply | None]] = {
    ("codebuild", "UpdateProject"): _codebuild_project,
    ("cloudformation", "UpdateStack"): _cloudformation_stack,
}
