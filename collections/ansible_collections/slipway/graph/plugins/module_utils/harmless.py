# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes text that comes from AWS, from containers or from modules harmless where it is shown.

What a terminal or a CI system takes for a command is written out, so that a description or a log line can neither
clear a screen, nor hide a line, nor speak to GitHub Actions.
"""

from __future__ import annotations

import re

# All but line feeds and tabs: C0 and C1 with the escapes of terminals, and what turns the direction of a line around.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
# The runner of GitHub Actions takes `::name::` at the beginning of a line, spaces before it left out, and `##[name]`
# anywhere in it.
_COMMAND = re.compile(r"^(\s*)::", re.MULTILINE)
_OLD_COMMAND = re.compile(r"##\[")


def harmless(text: str) -> str:
    r"""The same text to look at: an escape is shown as ``\x1b``, and ``::`` at the beginning of a line as ``\::``."""
    written_out = _CONTROL.sub(_code, text)
    return _OLD_COMMAND.sub(r"##\\[", _COMMAND.sub(r"\1\\::", written_out))


def _code(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
