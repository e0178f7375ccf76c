# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is known of a step's module without running it: how a plan can keep it from writing, above all."""

from __future__ import annotations

import ast
import collections.abc as c
import contextlib
import enum
import functools
import itertools
import os
import re
import typing as t
from pathlib import Path

import ansible.module_utils
import ansible.modules
from ansible.errors import AnsibleFileNotFound
from ansible.plugins.loader import module_utils_loader

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors

Arguments = dict[str, t.Any]
_MODULES_OF_ANSIBLE = Path(ansible.modules.__path__[0])

# What was looked at: their modules do what they do through boto3 alone, but for those named next.
_REVIEWED = ("amazon.aws.", "community.aws.", "slipway.aws.", "slipway.graph.")
_ALSO_LOCAL = frozenset({"amazon.aws.s3_object"})  # it downloads

# As Ansible tells its own kind of modules from others, which it does not give arguments in its way. An action plugin
# of a role is none of these others.
_IMPORTS_ANSIBLE = re.compile(
    rb"^\s*(?:from|import)\s+(?:ansible\.(?:module_utils|plugins)|ansible_collections)\b", re.MULTILINE
)
_IMPORTS_BOTO3 = re.compile(
    r"^\s*(?:from|import)\s+(?:boto3|botocore"
    r"|ansible_collections\.(?:amazon\.aws|community\.aws|slipway\.aws)\.plugins\.module_utils)\b",
    re.MULTILINE,
)
_MARKS_SECRETS = re.compile(r"""no_log["']?\s*[=:]\s*True""")
_IMPORTS_UTILS = re.compile(
    r"^\s*from\s+(?:ansible\.module_utils|ansible_collections\.\w+\.\w+\.plugins\.module_utils|\.+module_utils|\.+)"
    r"\.?([\w.]*)\s+import\s+\(?\s*(\w*)",
    re.MULTILINE,
)


class Step(t.Protocol):
    """What has to be known of a step here; :mod:`loading`, which makes them, asks this module."""

    @property
    def module(self) -> str:
        """Its module's whole name."""

    @property
    def path(self) -> str:
        """Where its module is."""

    @property
    def has_action_plugin(self) -> bool:
        """Whether an action plugin runs it."""

    @property
    def task(self) -> t.Any:
        """Ansible's own task."""


class Holding(enum.Enum):
    """How a module is kept from writing."""

    # The barrier sees everything that it does.
    BARRIER = enum.auto()
    # It reaches AWS through the barrier, and what else it does to this machine or the network is stopped too.
    GUARD = enum.auto()
    # Nobody sees what it does: it is asked in check mode.
    CHECK_MODE = enum.auto()
    # It is no module that Ansible's library asks anything, but a program that would do what it does in check mode too.
    NOTHING = enum.auto()


def holding_of(step: Step) -> Holding:
    """How a step is kept from writing."""
    if is_program(step.path):
        return Holding.NOTHING
    if step.has_action_plugin or not reaches_boto3(step.path):
        return Holding.CHECK_MODE
    if step.module.startswith(_REVIEWED) and step.module not in _ALSO_LOCAL:
        return Holding.BARRIER
    return Holding.GUARD


def is_held(step: Step) -> bool:
    """Whether a step can be run in a plan and is stopped before it writes."""
    return holding_of(step) in (Holding.BARRIER, Holding.GUARD)


@functools.cache
def is_program(path: str) -> bool:
    """Whether a file of a role's ``library`` is a program of its own: a script, or what wants its options as JSON."""
    if "ansible_collections" in path or not Path(path).is_file() or _MODULES_OF_ANSIBLE in Path(path).parents:
        return False
    return not _IMPORTS_ANSIBLE.search(Path(path).read_bytes())


@functools.cache
def reaches_boto3(path: str) -> bool:
    """Whether a module is Python that imports boto3, itself or through what it shares with others."""
    return path.endswith(".py") and _imports_boto3(Path(path), set())


def _imports_boto3(path: Path, seen: set[Path]) -> bool:
    if path in seen:
        return False
    seen.add(path)
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    if _IMPORTS_BOTO3.search(source):
        return True
    return any(_imports_boto3(each, seen) for each in _utils_of(path, source))


def _utils_of(path: Path, source: str) -> c.Iterator[Path]:
    """The module_utils that a module imports, of its own collection or of roles; Ansible's own do not use boto3."""
    beside = next((parent.parent / "module_utils" for parent in path.parents if parent.name == "modules"), path.parent)
    folders = [beside, *map(Path, utils_folders())]
    for name, imported in _IMPORTS_UTILS.findall(source):
        for dotted in filter(None, (name, f"{name}.{imported}".strip("."))):
            files = (folder.joinpath(*dotted.split(".")).with_suffix(".py") for folder in folders)
            yield from itertools.islice(filter(Path.is_file, files), 1)


def utils_folders() -> list[str]:
    """The folders of ``module_utils`` beside the playbook and in roles, which come before Ansible's own."""
    own = set(ansible.module_utils.__path__)
    return [path for path in module_utils_loader.print_paths().split(os.pathsep) if path not in own]


@functools.cache
def secret_options(path: str) -> frozenset[str]:
    """The options that a module marks ``no_log``, those within other options among them."""
    try:
        source = Path(path).read_text(encoding="utf-8")
        if not _MARKS_SECRETS.search(source):
            return frozenset()
        nodes = ast.walk(ast.parse(source))
    except (OSError, UnicodeDecodeError, SyntaxError):
        return frozenset()
    return frozenset(name for node in nodes for name, option in _entries(node) if _is_secret(option))


def _entries(node: ast.AST) -> c.Iterator[tuple[str, ast.AST]]:
    """What a dict is made of, written with braces or with its name."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant):
                yield str(key.value), value
    elif isinstance(node, ast.Call):
        yield from ((keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg)


def _is_secret(option: ast.AST) -> bool:
    return any(name == "no_log" and isinstance(value, ast.Constant) and value.value for name, value in _entries(option))


# What an action plugin that is known does before it runs its module; all the others may do anything.


def _with_found_source(step: Step, arguments: Arguments) -> Arguments:
    """``src`` is a file of this machine, or one that a play finds in ``files``."""
    source = arguments.get("src")
    if not source:
        return arguments
    source = os.path.expanduser(str(source))  # noqa: PTH111 - keeps what no Path would: a slash at the end
    if not Path(source).exists():
        with contextlib.suppress(AnsibleFileNotFound):  # the module says so, and how
            source = ansible_doors.path_of_file(step.task, source)
    return {**arguments, "src": source}


_KNOWN_PLUGINS: dict[str, c.Callable[[Step, Arguments], Arguments]] = {"amazon.aws.s3_object": _with_found_source}


def has_known_plugin(module: str) -> bool:
    """Whether the module can be run without its action plugin, once :func:`prepared` has done its part."""
    return module in _KNOWN_PLUGINS


def prepared(step: Step, arguments: Arguments) -> Arguments:
    """A module's arguments as its action plugin would hand them over."""
    prepare = _KNOWN_PLUGINS.get(step.module)
    return prepare(step, arguments) if prepare else arguments
