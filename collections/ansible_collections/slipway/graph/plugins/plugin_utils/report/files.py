# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files that a run leaves: its journal, and beside it the report and, of a plan, the plan."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from ansible_collections.slipway.graph.plugins.plugin_utils.plan import markdown, plan
from ansible_collections.slipway.graph.plugins.plugin_utils.record import cut_off, journal
from ansible_collections.slipway.graph.plugins.plugin_utils.report import report


def write(path: str, run: journal.Document, planned: plan.Document | None) -> None:
    """Write them all; a reader never sees half of one.

    Beside ``journal.json`` they are called ``report.html``, ``plan.json`` and ``plan.md``. A journal of another name
    lends it to them, so that several can lie in one folder.
    """
    target = Path(path)
    prefix = "" if target.stem == "journal" else f"{target.stem}."
    make_folder(target.parent)
    _replace(target, json.dumps(run, indent=1, default=str))
    _replace(target.with_name(f"{prefix}report.html"), report.page(run))
    if planned is not None:
        _replace(target.with_name(f"{prefix}plan.json"), json.dumps(planned, indent=1, default=str))
        _replace(target.with_name(f"{prefix}plan.md"), "\n".join(markdown.section(planned)))


def write_cut_off(path: str, run: cut_off.CutOff) -> Path:
    """Write the journal and the report of a run that was cut off, beside those that this run will write.

    :arg path: of this run's journal.
    :returns: where its journal stands.
    """
    target = Path(path)
    prefix = "" if target.stem == "journal" else f"{target.stem}."
    time = re.sub(r"[^0-9T]", "", run.started_at.partition("+")[0])
    names = (f"{prefix}cut-off-{time}{number}.json" for number in ("", *(f"-{n}" for n in range(2, 1000))))
    kept = next(each for each in map(target.with_name, names) if not each.exists())
    write(str(kept), run.document(), None)
    return kept


def keep(path: str, document: object, check_mode: bool) -> bool:
    """Write something down as JSON where it is wanted; whether that changes the file."""
    target, text = Path(path), json.dumps(document, indent=2)
    if not path or (target.exists() and target.read_text() == text + "\n"):
        return False
    if not check_mode:
        make_folder(target.parent)
        _replace(target, text)
    return True


def make_folder(path: Path) -> None:
    """Make a folder and those above it, for their owner only."""
    for each in (*reversed(path.parents), path):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)


def write_outputs(path: Path, outputs: object) -> None:
    """Write down what a system hands out, for its owner only."""
    make_folder(path.parent)
    _replace(path, json.dumps(outputs, indent=4, sort_keys=True, default=str))


def _replace(target: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=target.parent, encoding="utf-8", delete=False) as file:
        file.write(text + "\n")
    Path(file.name).replace(target)
