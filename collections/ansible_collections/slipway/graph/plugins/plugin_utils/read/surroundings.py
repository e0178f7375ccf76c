# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is installed beside this collection, and which roles have one name: either may be another one than is meant."""

from __future__ import annotations

import collections.abc as c
import json
import re
from pathlib import Path

from ansible import constants as C  # noqa: N812 - the name that Ansible's own code uses
from ansible.errors import AnsibleActionFail
from ansible.utils.collection_loader import AnsibleCollectionConfig

from ansible_collections.slipway.graph.plugins.plugin_utils import versions
from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import Role

# These are one release.
OURS = ("slipway.graph", "slipway.aws")


def refuse_other_collections(paths: c.Sequence[str] | None = None) -> None:
    """Refuse a second version of our collections, and one of amazon.aws or community.aws that nobody has tried.

    :param paths: where collections are looked for, the first that has one being taken.
    :raises AnsibleActionFail: one message that says what is where and what works.
    """
    roots = [_root(path) for path in (AnsibleCollectionConfig.collection_paths if paths is None else paths)]
    ours = {folder: _version_of(folder) for name in OURS for folder in _copies(name, roots)}
    if len(set(ours.values())) > 1:
        raise AnsibleActionFail(
            f"more than one version of Slipway is installed: {_listed(ours)}. "
            "Keep one version, the same of slipway.graph and slipway.aws"
        )
    for name, bounds in versions.COLLECTIONS.items():
        taken = {folder: _version_of(folder) for folder in _copies(name, roots)[:1]}
        if any(not versions.is_within(version, bounds) for version in taken.values()):
            raise AnsibleActionFail(
                f"slipway.graph works with {name} {versions.span(bounds)}; installed is {_listed(taken)}. "
                "requirements.yml of Slipway names what works: ansible-galaxy collection install -r requirements.yml"
            )


def refuse_roles_of_one_name(roles: c.Iterable[Role], basedir: str) -> None:
    """Refuse a role that has a namesake where roles are looked for: only the order of the folders would decide.

    :param basedir: the folder of the playbook, whose ``roles`` come before those of ``roles_path``.
    :raises AnsibleActionFail: one message that names both folders.
    """
    roots = list(dict.fromkeys(Path(root).resolve() for root in [f"{basedir}/roles", *C.DEFAULT_ROLES_PATH]))
    for role in roles:
        taken = Path(role.get_role_path())
        if taken.parent.resolve() not in roots:
            continue  # named by its path, or of a collection
        folders = [root / taken.name for root in roots if (root / taken.name).is_dir()]
        if len(folders) > 1:
            raise AnsibleActionFail(
                f"there are {len(folders)} roles {taken.name}: {', '.join(map(str, folders))}. Give one another name, "
                "take its folder out of roles_path, or name the role that you mean by its path"
            )


def _root(path: str) -> Path:
    root = Path(path)
    return root if root.name == "ansible_collections" else root / "ansible_collections"


def _copies(name: str, roots: c.Iterable[Path]) -> list[Path]:
    """The folders that have a collection; one that two paths lead to counts once."""
    folders = (root.joinpath(*name.split(".")) for root in roots)
    return list({folder.resolve(): folder for folder in folders if (folder / "plugins").is_dir()}.values())


def _version_of(folder: Path) -> str:
    """A collection's version: from the manifest of an installed one, from ``galaxy.yml`` of a checkout."""
    try:
        manifest = json.loads((folder / "MANIFEST.json").read_text())
        return str(manifest["collection_info"]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    try:
        found = re.search(r"^version:\s*['\"]?([^\s'\"]+)", (folder / "galaxy.yml").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else "of an unknown version"


def _listed(collections: c.Mapping[Path, str]) -> str:
    return ", ".join(
        f"{folder.parent.name}.{folder.name} {version} in {folder}" for folder, version in collections.items()
    )
