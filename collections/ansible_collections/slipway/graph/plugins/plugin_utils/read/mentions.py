# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a task of an AWS module names: the thing that it makes, changes, reads or deletes, and the things that it uses.

Told from names of modules and options, and from values as far as they are known before anything runs. A value that
comes from results stands for all of them: it is the set of the registered names that it reaches.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import functools
import re
import typing as t

from ansible.errors import AnsibleError

from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step

AWS_COLLECTIONS = ("amazon.aws.", "community.aws.", "slipway.aws.")
# States and modes that delete.
DELETING = frozenset({"absent", "deleted", "terminated", "delete", "delobj", "purged", "unsubscribed"})
# A value: text, or the registered names that it comes from.
Value = str | frozenset[str]

# Endings of options that say how a thing is named, not what it is.
_HOW_NAMED = {"name", "names", "id", "ids", "arn", "arns", "identifier", "identifiers", "list", "alias", "aliases"}
# Words that things of different kinds share.
_SHARED_WORDS = {"group", "policy", "instance", "target", "resource", "db", "parameter", "log", "info", "facts", "aws"}
# Options that name the thing itself although they are not called after the module.
_OWN_OPTIONS = {
    "s3_object": {"object"}, "route53": {"record"}, "ec2_tag": {"resource"}, "cloudformation": {"stack_name"},
    "ec2_ami": {"image_id"}, "secretsmanager_secret": {"name", "secret_id"}, "ec2_vpc_igw": {"internet_gateway_id"},
    "lambda_policy": {"statement_id"}, "kms_key": {"alias", "key_id"}, "ssm_parameter": {"name"},
}  # fmt: skip
# Options by which a module without a name of its own says what it acts on.
_CONTAINERS = {
    "bucket", "cluster", "topic", "queue", "table", "function", "role", "user", "stack", "zone", "repository", "stream",
    "path", "key", "domain", "vault", "service", "target", "resource", "rule", "secret",
}  # fmt: skip
# Options that say nothing of what is named.
_NEVER_NAMES = {"state", "tags", "region", "description", "resource_tags", "profile", "access_key", "secret_key"}
_ARN = re.compile(r"arn:aws[\w-]*:([\w-]+):[\w-]*:\d*:([^\s\"',]+)")
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
# A longer template is a document; what it names is found by its ARNs.
_LONGEST_NAME = 300


@dataclasses.dataclass(frozen=True)
class Mention:
    """A thing by its name or id, and the words that tell what kind of thing it is."""

    words: frozenset[str]
    value: Value

    def is_of_kind(self, other: Mention) -> bool:
        """Whether both may be the same kind of thing."""
        return bool(self.words & other.words)


@dataclasses.dataclass(frozen=True)
class Mentions:
    """What a step names. ``own`` is what it acts on itself, ``others`` what else it names.

    ``deletes``: it deletes, or may; ``is_certain``: all that it acts on is known before anything runs.
    """

    service: str
    own: frozenset[Mention] = frozenset()
    others: frozenset[Mention] = frozenset()
    deletes: bool = False
    is_certain: bool = True

    @property
    def all(self) -> frozenset[Mention]:
        """Everything that is named."""
        return self.own | self.others


class Templates(t.Protocol):
    """Renders what is known before anything runs."""

    def known_items(self, step: Step, targets: c.Set[str]) -> list[dict[str, t.Any]] | None:
        """The loop variables of each round; None where only results tell."""

    def known_values(self, step: Step, overlay: dict[str, t.Any], targets: c.Set[str]) -> KnownValues:
        """What renders the values of a step as it sees them."""


# Renders a value, or tells the registered names that it reaches; raises an AnsibleError for what cannot be rendered.
KnownValues = c.Callable[[t.Any], tuple[t.Any, frozenset[str]]]


def uses_aws(step: Step) -> bool:
    """Whether a step calls a module whose names are understood here."""
    return step.module.startswith(AWS_COLLECTIONS)


def only_reads(step: Step) -> bool:
    """Whether a step's module never writes."""
    return is_named_a_reader(step.module)


def is_named_a_reader(module: str) -> bool:
    """Whether a module never writes, by its name: Ansible calls such modules ``…_info``."""
    return module.endswith(("_info", "_facts"))


def of(step: Step, templates: Templates, targets: c.Set[str]) -> Mentions:
    """What a step of an AWS module names."""
    module = step.module.rpartition(".")[2]
    rounds = templates.known_items(step, targets)
    found = _Finder(step, module)
    for overlay in [{}] if rounds is None else rounds:
        found.look(templates.known_values(step, overlay, targets), is_certain=rounds is not None)
    own, others = found.own, found.others
    if not own:
        own, others = found.acted_on, others - found.acted_on
    return Mentions(
        service=module.partition("_")[0],
        own=frozenset(own),
        others=frozenset(others),
        deletes=found.deletes,
        is_certain=found.is_certain and bool(own),
    )


class _Finder:
    """Collects what one step names, round by round of its loop."""

    def __init__(self, step: Step, module: str) -> None:
        self.own: set[Mention] = set()
        self.others: set[Mention] = set()
        # What it acts on if it has no name of its own, as a list of a bucket's objects has none.
        self.acted_on: set[Mention] = set()
        self.deletes = False
        self.is_certain = True
        self._step = step
        self._module = module
        self._words = words_of(module)
        self._reads = only_reads(step)

    def look(self, known: KnownValues, is_certain: bool) -> None:
        """Look at the options as they are in one round."""
        self.is_certain &= is_certain
        for option, value in self._step.task.args.items():
            if option.startswith("_"):
                self.is_certain = False  # options that a variable holds
            elif option in {"state", "mode"}:
                self._look_at_state(value, known)
            elif option not in _NEVER_NAMES:
                # What else a read is narrowed by, a filter for one, does not tell which things it finds.
                self.is_certain &= not self._reads or self._names_things(option)
                self._look_at(option, value, known, self._is_own(option))

    def _look_at_state(self, value: t.Any, known: KnownValues) -> None:
        try:
            state, reached = known(value)
        except AnsibleError:
            self.deletes = True  # nobody can say
            return
        self.deletes |= bool(reached) or state in DELETING

    def _is_own(self, option: str) -> bool:
        if option in _OWN_OPTIONS.get(self._module, ()) or option in {"name", "id", "names", "ids"} or self._reads:
            return True
        named = _words(option.removeprefix("db_"))
        kind = named[:-1]
        return bool(kind) and named[-1] in _HOW_NAMED and _words(self._module)[-len(kind) :] == kind

    def _look_at(self, option: str, value: t.Any, known: KnownValues, is_own: bool) -> None:
        if isinstance(value, c.Mapping):
            for key, inner in value.items():
                self._look_at(str(key), inner, known, is_own and self._reads)
        elif isinstance(value, (list, tuple)):
            for inner in value:
                self._look_at(option, inner, known, is_own)
        elif isinstance(value, str) and len(value) <= _LONGEST_NAME:
            self._look_at_text(option, value, known, is_own)
        elif isinstance(value, str):
            self._keep_arns(value)

    def _look_at_text(self, option: str, text: str, known: KnownValues, is_own: bool) -> None:
        try:
            value, reached = known(text)
        except AnsibleError:
            self.is_certain &= not is_own
            return
        if reached:
            self.is_certain &= not is_own
            self._keep(option, reached, is_own)
        else:
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, str) and each and not each.isdigit():
                    self._keep(option, each, is_own)
                    self._keep_arns(each)

    def _keep(self, option: str, value: Value, is_own: bool) -> None:
        words = words_of(option) | (self._words if is_own or not words_of(option) else frozenset())
        mention = Mention(words or self._words, value)
        (self.own if is_own else self.others).add(mention)
        if isinstance(value, str) and self._names_things(option):
            self.acted_on.add(mention)

    @staticmethod
    def _names_things(option: str) -> bool:
        return bool(set(_words(option)[-1:]) & (_HOW_NAMED | _CONTAINERS))

    def _keep_arns(self, text: str) -> None:
        for service, resource in _ARN.findall(text):
            parts = [part for part in re.split(r"[:/]", resource) if part and part != "*"]
            words = frozenset({service, *(_words(parts[0])[:1] if len(parts) > 1 and service != "s3" else [])})
            name = parts[0] if parts and service == "s3" else parts[-1] if parts else ""
            if name:
                self.others.add(Mention(words, name))


@functools.lru_cache(maxsize=4096)
def words_of(name: str) -> frozenset[str]:
    """The words of a module's or an option's name that tell a kind of thing."""
    return frozenset(_words(name)) - _HOW_NAMED - _SHARED_WORDS


@functools.lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    return tuple(_singular(word.lower()) for word in _WORDS.findall(name))


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and len(word) > 3 and not word.endswith("ss") else word
