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
