# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which variables a template reaches, directly and through other variables, without rendering it."""

from __future__ import annotations

import collections.abc as c
import functools
import typing as t

import jinja2
from jinja2 import meta, nodes

# A template that looks variables up by a name made at run time may reach any of them.
ANYTHING = "*"


class _AnyPlugin(dict[str, t.Any]):
    """Knows every filter or test: Ansible finds them only while it renders, and Jinja would refuse to look further."""

    def get(self, key: str, default: t.Any = None) -> t.Any:
        return super().get(key, default or id)


_ENVIRONMENT = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])  # noqa: S701 - only parsed
_ENVIRONMENT.filters = _AnyPlugin(_ENVIRONMENT.filters)
_ENVIRONMENT.tests = _AnyPlugin(_ENVIRONMENT.tests)
_LOOKUPS = {"lookup", "query", "q"}
_VARS_LOOKUPS = {"vars", "ansible.builtin.vars", "varnames", "ansible.builtin.varnames"}


@functools.lru_cache(maxsize=16384)
def template_names(template: str) -> frozenset[str]:
    """The names a template refers to; also those named in ``vars['x']`` and ``lookup('vars', 'x')``."""
    try:
        tree = _ENVIRONMENT.parse(template)
    except jinja2.TemplateSyntaxError:
        return frozenset()  # rendering reports it, with the place
    names = set(meta.find_undeclared_variables(tree))
    for item in tree.find_all(nodes.Getitem):
        names |= _name_in_vars(item)
    for attribute in tree.find_all(nodes.Getattr):
        names |= _name_in_vars(attribute)
    for call in tree.find_all(nodes.Call):
        names |= _names_looked_up(call)
    return frozenset(names)


def expression_names(expression: str) -> frozenset[str]:
    """The names a bare expression (``when``, ``until``) refers to."""
    return template_names("{{ " + expression + " }}")


def value_names(value: t.Any) -> set[str]:
    """The names that the templates anywhere inside a value refer to."""
    if isinstance(value, str):
        return set(template_names(value)) if "{{" in value or "{%" in value else set()
    if isinstance(value, c.Mapping):
        return set().union(*(value_names(key) | value_names(item) for key, item in value.items()))
    if isinstance(value, (list, tuple, set)):
        return set().union(*map(value_names, value))
    return set()


def _name_in_vars(access: nodes.Getitem | nodes.Getattr) -> set[str]:
    if not _stands_for_all_variables(access.node):
        return set()
    if isinstance(access, nodes.Getattr):
        return {access.attr}
    return {access.arg.value} if isinstance(access.arg, nodes.Const) else {ANYTHING}


def _stands_for_all_variables(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Getitem):
        return (
            isinstance(node.node, nodes.Name)
            and node.node.name == "hostvars"
            and isinstance(node.arg, nodes.Name)
            and node.arg.name == "inventory_hostname"
        )
    return isinstance(node, nodes.Name) and node.name == "vars"


def _names_looked_up(call: nodes.Call) -> set[str]:
    if not (isinstance(call.node, nodes.Name) and call.node.name in _LOOKUPS and call.args):
        return set()
    plugin, *terms = call.args
    if not (isinstance(plugin, nodes.Const) and plugin.value in _VARS_LOOKUPS):
        return set()
    return {term.value if isinstance(term, nodes.Const) else ANYTHING for term in terms}


class Reach:
    """Answers which of some names a value reaches through the variables of one scope.

    ``variables`` are the scope's unrendered variables, ``targets`` the names looked for: those that tasks
    register. A target hides a variable of the same name, as a registered result does in Ansible.
    """

    def __init__(self, variables: c.Mapping[str, t.Any], targets: c.Set[str]) -> None:
        self._variables = variables
        self._targets = targets
        self._reached: dict[str, frozenset[str]] = {}

    def of(self, names: c.Iterable[str]) -> set[str]:
        """The targets that these names reach."""
        return set().union(*map(self._of_name, names))

    def _of_name(self, name: str) -> frozenset[str]:
        if name in self._targets or name == ANYTHING:
            return frozenset({name})
        if name not in self._reached:
            self._reached[name] = frozenset()  # a variable that refers to itself ends here
            if name in self._variables:
                self._reached[name] = frozenset(self.of(value_names(self._variables[name])))
        return self._reached[name]
