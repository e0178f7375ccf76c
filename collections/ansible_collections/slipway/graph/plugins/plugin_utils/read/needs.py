# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which variables a template reaches, directly, through other variables and through files, without rendering it."""

from __future__ import annotations

import collections
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
_Parts = dict[type[nodes.Node], list[nodes.Node]]
# Statements that neither set a name nor have names of their own.
_PLAIN_STATEMENTS = {nodes.Output, nodes.If, nodes.ExprStmt}
_SCOPES = {
    each
    for each in vars(nodes).values()
    if isinstance(each, type) and issubclass(each, nodes.Stmt) and each not in _PLAIN_STATEMENTS
}
_LOOKUPS = {"lookup", "query", "q"}
_VARS_LOOKUPS = {"vars", "ansible.builtin.vars"}
# Their terms are patterns of names.
_PATTERN_LOOKUPS = {"varnames", "ansible.builtin.varnames"}
_TEMPLATE_LOOKUPS = {"template", "ansible.builtin.template"}
_ALL_VARIABLES = {"vars", "hostvars"}
# Stands before the name of a template file among the names of variables; no variable begins so.
FILE = "template file "
# Stand for what a template looks at besides variables: files that it looks up, and everything else.
FILES, WORLD = "some files", "the world"
_FILE_LOOKUPS = {"file", "fileglob", "filetree", "first_found", "template", "ini", "csvfile", "unvault"}
# They look at variables only, or at what does not change while tasks run.
_PURE_LOOKUPS = {
    "vars", "varnames", "env", "config", "dict", "items", "list", "nested", "cartesian", "together", "flattened",
    "subelements", "indexed_items", "sequence", "inventory_hostnames",
}  # fmt: skip
_WORLD_TESTS = {"exists", "file", "directory", "link", "link_exists", "mount", "same_file", "is_same_file"}
_WORLD_FILTERS = {"fileglob", "realpath", "expanduser"}


@functools.lru_cache(maxsize=16384)
def template_names(template: str) -> frozenset[str]:
    """The names a template refers to; also those in ``vars['x']``, ``hostvars[host].x`` and ``lookup('vars', 'x')``.

    A file that it is rendered with is among them as :data:`FILE` and the file's name.
    """
    try:
        tree = _ENVIRONMENT.parse(template)
    except jinja2.TemplateSyntaxError:
        return frozenset()  # rendering reports it, with the place
    parts = _parts(tree)
    names = _undeclared(tree, parts)
    looked_at: set[int] = set()
    for access in [*parts[nodes.Getitem], *parts[nodes.Getattr]]:
        names |= _name_in_all_variables(t.cast("nodes.Getitem | nodes.Getattr", access), looked_at)
    for name in parts[nodes.Name]:
        if getattr(name, "name") in _ALL_VARIABLES and id(name) not in looked_at:  # noqa: B009 - see below
            names.add(ANYTHING)
    for call in parts[nodes.Call]:
        names |= _names_looked_up(t.cast("nodes.Call", call))
    # jinja2 types the fields of its nodes as statements.
    for test in parts[nodes.Test]:
        names |= {WORLD} if _plain(getattr(test, "name")) in _WORLD_TESTS else set()  # noqa: B009
    for used in parts[nodes.Filter]:
        names |= {WORLD} if _plain(getattr(used, "name")) in _WORLD_FILTERS else set()  # noqa: B009
    for kind in (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends):
        for part in parts[kind]:
            names |= _files(getattr(part, "template"))  # noqa: B009
    return frozenset(names)


def _parts(tree: nodes.Template) -> _Parts:
    """All nodes of a template by their type, from one walk: there are many templates."""
    parts: _Parts = collections.defaultdict(list)
    left: list[nodes.Node] = [tree]
    while left:
        node = left.pop()
        parts[type(node)].append(node)
        for field in node.fields:
            value = getattr(node, field, None)
            if isinstance(value, nodes.Node):
                left.append(value)
            elif isinstance(value, list):
                left += [each for each in value if isinstance(each, nodes.Node)]
    return parts


def _undeclared(tree: nodes.Template, parts: _Parts) -> set[str]:
    """The names that are looked up in the context. Jinja2's own answer takes long, and is needed only for scopes."""
    if parts.keys() & _SCOPES:
        return set(meta.find_undeclared_variables(tree))
    return {getattr(node, "name") for node in parts[nodes.Name]} - _ENVIRONMENT.globals.keys()  # noqa: B009


def keys_looked_up(template: str) -> list[tuple[str, str]]:
    """The variables of which a template looks up something by name, each with a template of that name."""
    try:
        tree = _ENVIRONMENT.parse(template)
    except jinja2.TemplateSyntaxError:
        return []
    found = []
    parts = _parts(tree)
    for access in [*parts[nodes.Getattr], *parts[nodes.Getitem]]:
        argument = getattr(access, "arg", None)
        key = access.attr if isinstance(access, nodes.Getattr) else getattr(argument, "value", None)
        if isinstance(argument, nodes.Name):
            key = "{{ " + argument.name + " }}"
        variable = getattr(access, "node", None)
        if isinstance(access, nodes.Getattr) and hasattr(dict, access.attr):
            continue  # a method, such as values()
        if isinstance(variable, nodes.Name) and isinstance(key, str):
            found.append((variable.name, key))
    return found


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


def _name_in_all_variables(access: nodes.Getitem | nodes.Getattr, looked_at: set[int]) -> set[str]:
    """The variable in ``vars['x']`` or ``hostvars[host].x``; notes which of their names it has looked at."""
    node = access.node
    if isinstance(node, nodes.Getitem) and _is(node.node, "hostvars"):
        looked_at.add(id(node.node))
    elif _is(node, "vars"):
        looked_at.add(id(node))
    else:
        return set()
    if isinstance(access, nodes.Getattr):
        return {ANYTHING} if hasattr(dict, access.attr) else {access.attr}
    return {_constant(access.arg)}


def _is(node: nodes.Node, name: str) -> bool:
    return isinstance(node, nodes.Name) and node.name == name


def _names_looked_up(call: nodes.Call) -> set[str]:
    if not (isinstance(call.node, nodes.Name) and call.node.name in _LOOKUPS and call.args):
        return set()
    plugin, *terms = call.args
    kind = plugin.value if isinstance(plugin, nodes.Const) else None
    if kind in _PATTERN_LOOKUPS or kind is None:
        return {ANYTHING}
    if kind in _VARS_LOOKUPS:
        return set(map(_constant, terms))
    found = looked_at_by(str(kind))
    return found.union(*map(_files, terms)) if kind in _TEMPLATE_LOOKUPS else found


def looked_at_by(lookup: str) -> set[str]:
    """What a lookup looks at besides variables."""
    name = _plain(lookup)
    return set() if name in _PURE_LOOKUPS else {FILES} if name in _FILE_LOOKUPS else {WORLD}


def _plain(name: str) -> str:
    return name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")


def _files(term: nodes.Expr) -> set[str]:
    """The template files that a term names, as far as it can be read; all variables where it cannot."""
    terms = term.items if isinstance(term, (nodes.List, nodes.Tuple)) else [term]
    found = set(map(_constant, terms))
    return {each if each == ANYTHING else FILE + each for each in found}


def _constant(term: nodes.Node) -> str:
    """The text that a term is, or :data:`ANYTHING` where only rendering tells: what filters do is not known here."""
    unknown = (nodes.Filter, nodes.Test, nodes.Call)
    if not isinstance(term, nodes.Expr) or isinstance(term, unknown) or next(term.find_all(unknown), None):
        return ANYTHING
    try:
        return str(term.as_const())
    except nodes.Impossible:
        return ANYTHING


class Reach:
    """Answers which of some names a value reaches through the variables of one scope.

    ``variables`` are the scope's unrendered variables, ``targets`` the names looked for: those that tasks
    register. A target hides a variable of the same name, as a registered result does in Ansible. A target that is a
    template, the key of a fact, may become any name. ``read`` finds the text of a template file.
    """

    def __init__(
        self,
        variables: c.Mapping[str, t.Any],
        targets: c.Set[str],
        read: c.Callable[[str], str | None] = lambda _file: None,
    ) -> None:
        self._variables = variables
        self._targets = targets
        self._read = read
        self._made_up = frozenset(name for name in targets if "{{" in name)
        self._reached: dict[str, frozenset[str]] = {}

    def of(self, names: c.Iterable[str]) -> set[str]:
        """The targets that these names reach."""
        return set().union(*map(self._of_name, names))

    def _of_name(self, name: str) -> frozenset[str]:
        if name in self._targets or name == ANYTHING:
            return self._made_up | {name}
        if name not in self._reached:
            self._reached[name] = self._made_up  # a variable that refers to itself ends here
            self._reached[name] = self._made_up | self.of(self._names_behind(name))
        return self._reached[name]

    def _names_behind(self, name: str) -> set[str]:
        if not name.startswith(FILE):
            return value_names(self._variables[name]) if name in self._variables else set()
        text = self._read(name.removeprefix(FILE))
        # A file that is not there is reported by who renders it.
        return set(template_names(text)) if text is not None else set()
