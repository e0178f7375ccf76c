"""What the guides speak of exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("bench/*.md"),
    *ROOT.glob("roles/*/*/README.md"),
    *ROOT.glob("collections/ansible_collections/slipway/*/README.md"),
]
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
# Paths as commands name them; <...> and wildcards stand for something else.
COMMANDED = re.compile(r"(?<![\w/.])((?:playbooks|tools|inventories)/[\w./-]*\w)(?![\w<*{/])")
TARGET = re.compile(r"`make ([a-z-]+)`|^\s+make ([a-z-]+)$", re.MULTILINE)


def identify(page: Path) -> str:
    """The page's path in the checkout."""
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_links_lead_to_files(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_playbooks_tools_and_inventories_that_are_named_exist(page: Path) -> None:
    missing = [path for path in COMMANDED.findall(page.read_text()) if not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_make_targets_that_are_named_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {first or second for first, second in TARGET.findall(page.read_text())}
    assert named - targets == set()


WHERE_TO_LOOK = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in (ROOT / "CONTRIBUTING.md")
    .read_text()
    .partition("## Where to look")[2]
    .partition("\n## ")[0]
    .splitlines()
    if line.startswith("| ") and "`" in line
]
COLLECTIONS = ROOT / "collections/ansible_collections/slipway"
BEGINNINGS = (COLLECTIONS / "graph/plugins/plugin_utils", COLLECTIONS, ROOT)


def test_a_stranger_is_told_where_to_look() -> None:
    questions = " ".join(question for question, *_answer in WHERE_TO_LOOK)
    for word in ("deleted", "secret", "printed", "costs", "edge", "stopped", "refused"):
        assert word in questions


@pytest.mark.parametrize(("question", "files", "names"), WHERE_TO_LOOK, ids=[row[0] for row in WHERE_TO_LOOK])
def test_where_contributors_are_sent_is_what_they_look_for(question: str, files: str, names: str) -> None:
    texts = []
    for file in re.findall(r"`([^`]+)`", files):
        found = [beginning / file for beginning in BEGINNINGS if (beginning / file).is_file()]
        assert len(found) == 1, f"{question}: {file} is {found}"
        texts.append(found[0].read_text())
    for name in re.findall(r"`([^`]+)`", names):
        defined = re.compile(rf"^(?:class |def |){re.escape(name)}\b", re.MULTILINE)
        assert any(defined.search(text) for text in texts), f"{question}: {files} define no {name}"
