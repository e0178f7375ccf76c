# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Roles that depend on each other in a cycle: Ansible reads them until it has no room left, and cannot say which."""

from __future__ import annotations

import collections.abc as c
import typing as t
from pathlib import Path

from ansible import constants as C  # noqa: N812 - the name that Ansible's own code uses
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors


def cycle(roles: c.Iterable[t.Any], basedir: str) -> str | None:
    """The cycle among some roles and what they depend on, with the file and line of each step; ``None`` without one.

    :param basedir: the folder of the playbook, whose ``roles`` come before those of ``roles_path``.
    """
    roots = [Path(basedir, "roles"), *map(Path, C.DEFAULT_ROLES_PATH), Path(basedir)]
    for role in roles:
        found = _from(_name(role), [], roots)
        if found:
            return "these roles depend on each other in a cycle:\n  " + "\n  ".join(found)
    return None


def _from(role: str, path: list[tuple[str, str]], roots: list[Path]) -> list[str] | None:
    names = [name for name, _place in path]
    if role in names:
        return [
            f"{place}: {name} depends on {after}" for (name, place), after in _steps(path[names.index(role) :], role)
        ]
    for entry, place in _dependencies(role, roots):
        found = _from(entry, [*path, (role, place)], roots)
        if found:
            return found
    return None


def _steps(path: list[tuple[str, str]], first: str) -> list[tuple[tuple[str, str], str]]:
    return list(zip(path, [*(name for name, _place in path[1:]), first], strict=True))


def _dependencies(role: str, roots: list[Path]) -> list[tuple[str, str]]:
    """The roles that a role depends on, and where it says so."""
    folder = next((root / role for root in roots if (root / role).is_dir()), None)
    for name in ("main.yml", "main.yaml"):
        file = folder / "meta" / name if folder else None
        if file is None or not file.is_file():
            continue
        try:
            data = DataLoader().load_from_file(str(file))
        except AnsibleError:
            return []
        entries = data.get("dependencies") or [] if isinstance(data, dict) else []
        return [(_name(entry), _place(entry, file)) for entry in entries]
    return []


def _name(entry: t.Any) -> str:
    return str(entry.get("role") or entry.get("name") if isinstance(entry, dict) else entry)


def _place(entry: t.Any, file: Path) -> str:
    place = ansible_doors.written_at(entry)
    return f"{file}:{place.line}" if place and place.line else str(file)
