"""The tables of inputs in the README files of the roles."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tools import role_readme

SPECS = """
argument_specs:
  main:
    options:
      shop_size:
        type: str
        choices: [small, large]
        description: How big | or not.
      shop_list:
        type: list
        elements: dict
        description: [What is, sold.]
        options:
          name: {type: str, required: true, description: Its name.}
      shop_owner: {type: str, required: true, description: Who pays.}
"""
DEFAULTS = """
shop_list: []
shop_size: "{{ size | default('small') }}"
"""


@pytest.fixture
def role(tmp_path: Path) -> Path:
    """A role whose README has an empty table."""
    for path, text in {
        "meta/argument_specs.yml": SPECS,
        "defaults/main.yml": DEFAULTS,
        "README.md": f"# shop\n\n{role_readme.BEGIN}\n{role_readme.END}\n\nThe end.\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_table_has_every_input_in_the_order_of_the_defaults(role: Path) -> None:
    assert role_readme.main([str(role)]) == 0
    rows = [line for line in (role / "README.md").read_text().splitlines() if line.startswith("| `")]
    assert rows == [
        "| `shop_list` | list of dict | `[]` | What is sold. |",
        "| `shop_list[].name` | str | **required** | Its name. |",
        "| `shop_size` | str: `small`, `large` | `{{ size \\| default('small') }}` | How big \\| or not. |",
        "| `shop_owner` | str | **required** | Who pays. |",
    ]


def test_text_around_the_table_stays(role: Path) -> None:
    role_readme.main([str(role)])
    text = (role / "README.md").read_text()
    assert text.startswith("# shop\n\n")
    assert text.endswith("\n\nThe end.\n")


def test_check_fails_until_the_table_is_written_and_again_after_a_change(
    role: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert role_readme.main(["--check", str(role)]) == 1
    assert "out of date" in capsys.readouterr().err
    role_readme.main([str(role)])
    assert role_readme.main(["--check", str(role)]) == 0
    specs = role / "meta/argument_specs.yml"
    specs.write_text(specs.read_text().replace("Who pays.", "Who owns it."))
    assert role_readme.main(["--check", str(role)]) == 1


def test_check_writes_nothing(role: Path) -> None:
    before = (role / "README.md").read_text()
    role_readme.main(["--check", str(role)])
    assert (role / "README.md").read_text() == before


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("defaults/main.yml", "shop_new: 1\n", "argument_specs.yml lacks shop_new"),
        ("meta/argument_specs.yml", "      shop_more: {type: str}\n", "defaults/main.yml lacks shop_more"),
    ],
)
def test_inputs_that_only_one_file_knows_are_refused(
    role: Path, capsys: pytest.CaptureFixture[str], file: str, change: str, message: str
) -> None:
    path = role / file
    path.write_text(path.read_text() + change)
    assert role_readme.main([str(role)]) == 1
    assert message in capsys.readouterr().err


def test_readme_without_markers_is_refused(role: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (role / "README.md").write_text("# shop\n")
    assert role_readme.main([str(role)]) == 1
    assert role_readme.BEGIN in capsys.readouterr().err


@pytest.mark.parametrize(
    "role", sorted(path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("roles/*/*/README.md"))
)
def test_readme_of_each_role_is_up_to_date(role: str) -> None:
    assert role_readme.main(["--check", str(ROOT / role)]) == 0
