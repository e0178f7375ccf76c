# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One input as its role's specification has it: text of ``-e name=value`` becomes the number or list that it means.

Stricter than Ansible where that takes what nobody means: a boolean is no number, a list no text, and null is nothing
but null.
"""

from __future__ import annotations

import collections.abc as c
import difflib
import json
import math
import typing as t

from ansible.module_utils.common import validation

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.needs import value_names
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer

_KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "list": "a list",
    "dict": "a dictionary",
    "path": "a path",
}
# Types of values that Ansible would convert to something that nobody means, by the type that is asked for.
_NEVER: dict[str, tuple[type, ...]] = {
    "bool": (float, list, tuple, dict),
    "int": (bool, list, tuple, dict),
    "float": (bool, list, tuple, dict),
    "str": (bool, list, tuple, dict),
    "path": (bool, int, float, list, tuple, dict),
    "list": (bool, int, float, dict),
    "dict": (bool, int, float, list, tuple),
}
_LONGEST = 80


class Converted(t.NamedTuple):
    """``value`` is the very one that was given where nothing had to be converted, or nothing could be."""

    value: t.Any
    mistakes: list[str]


def convert(name: str, value: t.Any, spec: c.Mapping[str, t.Any]) -> Converted:
    """A rendered value, converted; each mistake says which part of it is wrong, its value, and what is allowed.

    Null is a mistake here: who calls knows whether it stands for an input that is not given.
    """
    mistakes: list[str] = []
    made = _convert(name, value, spec, mistakes)
    return Converted(value if mistakes else made, mistakes)


def allowed(spec: c.Mapping[str, t.Any]) -> str:
    """What an input may be, in words."""
    if spec.get("choices"):
        return ", ".join(map(_plain, spec["choices"]))
    kind = str(spec.get("type", "str"))
    elements = _KINDS.get(str(spec.get("elements")), "")
    return _KINDS.get(kind, kind) + (f", each item {elements}" if elements else "")


def shown(value: t.Any, spec: c.Mapping[str, t.Any]) -> str:
    """A value for a message; not one that may be a secret."""
    if spec.get("no_log"):
        return "the value (hidden)"
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def options_of(entry: Step) -> dict[str, t.Any]:
    """The specification of a role's inputs, from Ansible's own task that validates them."""
    return entry.task.args.get("argument_spec") or {}


def convert_literals(entry: Step, renderer: Renderer) -> None:
    """Convert what is no template as soon as a role begins: which of its files are included may depend on it."""
    variables = renderer.variables(entry)
    for name, spec in options_of(entry).items():
        value = variables.get(name)
        if value is not None and not value_names(value):
            made = convert(name, value, spec).value
            if made is not value:
                renderer.convert(entry, name, value, made)


def _convert(path: str, value: t.Any, spec: c.Mapping[str, t.Any], mistakes: list[str]) -> t.Any:
    kind = str(spec.get("type", "str"))
    if kind in _KINDS:
        try:
            made = _of_kind(kind, value)
        except (TypeError, ValueError):
            article = "an" if kind == "int" else "a"
            mistakes.append(f"{path}: {shown(value, spec)} is not {article} {kind}; allowed: {allowed(spec)}")
            return value
    else:
        made = value
    if isinstance(made, list):
        return _list(path, made, spec, mistakes)
    if spec.get("choices") and made not in spec["choices"]:
        mistakes.append(f"{path}: {shown(value, spec)} is none of the choices; allowed: {allowed(spec)}")
    if isinstance(made, dict) and spec.get("options"):
        return _dict(path, made, spec["options"], mistakes)
    return made


def _of_kind(kind: str, value: t.Any) -> t.Any:
    """A value as another type.

    :raises TypeError: where it cannot be one; also ``ValueError``.
    """
    if value is None or isinstance(value, _NEVER[kind]):
        raise TypeError(kind)
    made: t.Any
    if kind == "list" and isinstance(value, str):
        made = _listed(value)
    elif kind == "path":
        return value  # where ~ is, Ansible's modules know
    else:
        check: t.Any = getattr(validation, f"check_type_{kind}")
        made = check(value)
    if kind == "float" and not math.isfinite(made):
        raise ValueError(kind)
    if type(made) is type(value) or (type(made) in type(value).__mro__ and made == value):
        return value
    return ansible_doors.written_where(made, value)


def _listed(text: str) -> list[t.Any]:
    if not text.strip():
        raise ValueError("list")
    if text.lstrip().startswith("["):
        found = json.loads(text)
        if not isinstance(found, list):
            raise ValueError("list")
        return found
    return [part.strip() for part in text.split(",")]


def _list(path: str, value: list[t.Any], spec: c.Mapping[str, t.Any], mistakes: list[str]) -> list[t.Any]:
    if not spec.get("elements") and not spec.get("choices"):
        return value
    each = {key: spec[key] for key in ("choices", "options", "no_log") if key in spec}
    each["type"] = spec.get("elements", "raw")
    made = [_convert(f"{path}[{place}]", item, each, mistakes) for place, item in enumerate(value)]
    same = all(new is old for new, old in zip(made, value, strict=True))
    return value if same else ansible_doors.written_where(made, value)


def _dict(
    path: str, value: dict[str, t.Any], options: c.Mapping[str, t.Any], mistakes: list[str]
) -> dict[str, t.Any]:  # fmt: skip
    made = {}
    for key, part in value.items():
        if key in options:
            made[key] = _convert(f"{path}.{key}", part, options[key] or {}, mistakes)
            continue
        made[key] = part
        near = difflib.get_close_matches(str(key), list(options), n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        mistakes.append(f"{path}.{key}: there is no such key{hint}; allowed: {', '.join(options)}")
    for key, option in options.items():
        if (option or {}).get("required") and key not in value:
            mistakes.append(f"{path}.{key} is missing; allowed: {allowed(option)}")
    same = all(made[key] is value[key] for key in made)
    return value if same else ansible_doors.written_where(made, value)


def _plain(choice: t.Any) -> str:
    return json.dumps(choice) if isinstance(choice, bool) or choice is None or choice == "" else str(choice)
