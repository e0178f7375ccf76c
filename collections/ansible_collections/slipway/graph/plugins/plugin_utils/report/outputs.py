# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run hands out when every result exists."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer
from ansible_collections.slipway.graph.plugins.plugin_utils.report import files

FILE = "outputs.json"


def render(renderer: Renderer, wanted: t.Any, is_whole: bool) -> t.Any:
    """The outputs; of a run that was limited to some roles, those that need no others.

    :raises AnsibleError: for what cannot be rendered, of a run that was not limited.
    """
    parts = renderer.as_written(wanted)
    if is_whole or not isinstance(parts, dict):
        return renderer.outputs(wanted)
    found, missing = {}, []
    for name, value in parts.items():
        try:
            found[name] = renderer.outputs(value)
        except AnsibleError:
            missing.append(str(name))
    if missing:
        names = ", ".join(missing)
        Display().warning(f"outputs: without what did not run, {names} cannot be told and stay as they were")
    return found


def keep(directory: str, outputs: t.Any, is_whole: bool) -> None:
    """Write them down; a run that was limited replaces only those that it has."""
    path = Path(directory) / FILE
    before = {} if is_whole or not path.exists() else _read(path)
    files.write_outputs(path, {**before, **outputs} if isinstance(outputs, dict) else outputs)


def _read(path: Path) -> dict[str, t.Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}  # written by somebody else; it is replaced
    return content if isinstance(content, dict) else {}
