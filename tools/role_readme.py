#!/usr/bin/env python3
"""Writes the table of inputs into each role's README from its argument_specs and defaults.

The table stands between two markers; everything else in the README is written by hand. With --check nothing is
written, and the exit code says whether a table is out of date.
"""

from __future__ import annotations

import argparse
import sys
import typing as t
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
BEGIN = "<!-- inputs: written by tools/role_readme.py -->"
END = "<!-- /inputs -->"


class ReadmeError(Exception):
    """A role whose files do not go together; the message says how to mend it."""


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("roles", nargs="*", help="folders of roles; without any, all below roles/")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a table is out of date")
    options = parser.parse_args(arguments)
    roles = [Path(role) for role in options.roles] or sorted((ROOT / "roles").glob("*/*/"))
    problems = []
    for role in roles:
        if not (role / "meta/argument_specs.yml").exists():
            continue
        try:
            problems += _outdated(role) if options.check else _write(role)
        except ReadmeError as error:
            problems.append(str(error))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _outdated(role: Path) -> list[str]:
    readme = role / "README.md"
    if readme.exists() and readme.read_text() == with_inputs(readme.read_text(), table(role)):
        return []
    return [f"{readme}: the table of inputs is out of date; run tools/role_readme.py"]


def _write(role: Path) -> list[str]:
    readme = role / "README.md"
    if not readme.exists():
        raise ReadmeError(f"{readme}: missing; write it with the lines {BEGIN} and {END}")
    readme.write_text(with_inputs(readme.read_text(), table(role)))
    return []


def with_inputs(text: str, inputs: str) -> str:
    """The README with another table of inputs."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ReadmeError(f"README.md needs the lines {BEGIN} and {END}; the table goes between them")
    return f"{before}{BEGIN}\n{inputs}\n{END}{after}"


def table(role: Path) -> str:
    """The inputs of a role, in the order of its defaults, as a Markdown table."""
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    options: dict[str, dict[str, t.Any]] = specs.get("options") or {}
    defaults = _defaults(role)
    _check(role, options, defaults)
    lines = ["| input | type | default | what it does |", "|---|---|---|---|"]
    for name in [*defaults, *(name for name in options if name not in defaults)]:
        option = options[name]
        lines.append(f"| `{name}` | {_type(option)} | {_default(name, option, defaults)} | {_description(option)} |")
        lines += _suboptions(name, option)
    return "\n".join(lines)


def _defaults(role: Path) -> dict[str, t.Any]:
    path = role / "defaults/main.yml"
    return (yaml.safe_load(path.read_text()) if path.exists() else None) or {}


def _check(role: Path, options: t.Mapping[str, t.Any], defaults: t.Mapping[str, t.Any]) -> None:
    unknown = [name for name in defaults if name not in options]
    if unknown:
        raise ReadmeError(f"{role}/meta/argument_specs.yml lacks {', '.join(unknown)}, which defaults/main.yml defines")
    unset = [name for name, option in options.items() if name not in defaults and not option.get("required")]
    if unset:
        raise ReadmeError(f"{role}/defaults/main.yml lacks {', '.join(unset)}, which argument_specs.yml describes")


def _suboptions(name: str, option: t.Mapping[str, t.Any]) -> list[str]:
    lines = []
    suffix = "[]" if option.get("type") == "list" else ""
    for key, suboption in (option.get("options") or {}).items():
        path = f"{name}{suffix}.{key}"
        need = "**required**" if suboption.get("required") else ""
        lines.append(f"| `{path}` | {_type(suboption)} | {need} | {_description(suboption)} |")
        lines += _suboptions(path, suboption)
    return lines


def _type(option: t.Mapping[str, t.Any]) -> str:
    kind = str(option.get("type", "str"))
    if kind == "list" and "elements" in option:
        kind = f"list of {option['elements']}"
    choices = option.get("choices")
    return f"{kind}: {', '.join(f'`{choice}`' for choice in choices)}" if choices else kind


def _default(name: str, option: t.Mapping[str, t.Any], defaults: t.Mapping[str, t.Any]) -> str:
    if option.get("required"):
        return "**required**"
    value = defaults[name]
    shown = (
        value
        if isinstance(value, str)
        else yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
    )
    shown = shown.removesuffix("\n").removesuffix("\n...").strip()
    return f"`{_cell(shown)}`" if shown else "empty"


def _description(option: t.Mapping[str, t.Any]) -> str:
    description = option.get("description", "")
    return _cell(" ".join(description) if isinstance(description, list) else str(description))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
