# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A file of JSON lines that several processes append to, each line whole whoever is killed.

The kernel puts each append behind the one before it. Nothing is forced to the disk: that would guard against a loss of
power, and make each line take as long as the disk does.
"""

from __future__ import annotations

import json
import os
import typing as t


class JsonLines:
    """One process's hand on the file."""

    def __init__(self, path: str, create: bool = False) -> None:
        """Open the file, or with ``create`` make it, for nobody else to read.

        :raises OSError: where that cannot be done; with ``create`` also where there is one already.
        """
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        self.path = path
        self.descriptor = os.open(path, flags | (os.O_CREAT | os.O_EXCL if create else 0), 0o600)

    def append(self, event: str, **fields: t.Any) -> None:
        """Add a line.

        :raises OSError: where it cannot be written; a part of it may have been.
        """
        line = json.dumps({"event": event, **fields}, default=str).encode() + b"\n"
        while line:
            line = line[os.write(self.descriptor, line) :]

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)
