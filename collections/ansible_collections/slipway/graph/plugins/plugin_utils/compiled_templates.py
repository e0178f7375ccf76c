# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps what templates were compiled to from run to run, as Python does with modules.

What is kept says what the template says. So only those are kept that stand in a file as they are: nothing that was
typed, made or decrypted.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import functools
import os
import pickle
import stat
import types
from pathlib import Path

from jinja2 import Environment, FileSystemBytecodeCache
from jinja2.bccache import Bucket

# More are left over from roles that nobody has any more.
MOST = 5_000
ENCRYPTED = b"$ANSIBLE_VAULT"


class CompiledTemplates:
    """A folder of them that is the user's alone; where there can be none, nothing is kept."""

    def __init__(self, folder: Path, version: str) -> None:
        self._version = version
        self._cache = FileSystemBytecodeCache(str(folder), "%s.compiled")
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._is_usable = _is_private(folder)
        if self._is_usable and len(os.listdir(folder)) > MOST:  # noqa: PTH208 - names are enough
            self._cache.clear()

    def code(
        self, environment: Environment, source: str, way: str, compile_it: c.Callable[[], types.CodeType]
    ) -> types.CodeType:
        """What a template is compiled to; ``way`` is what this depends on besides text, extensions and versions."""
        if not self._is_usable:
            return compile_it()
        name = "\0".join([self._version, way, *sorted(environment.extensions), source])
        bucket = Bucket(environment, self._cache.get_cache_key(name), self._cache.get_source_checksum(source))
        with contextlib.suppress(EOFError, ValueError, TypeError, pickle.UnpicklingError):  # damaged
            self._cache.load_bytecode(bucket)
        if bucket.code is None:
            bucket.code = compile_it()
            try:
                self._cache.set_bucket(bucket)
            except OSError:  # a disk that is full or read-only: the next run compiles again
                self._is_usable = False
        return bucket.code


def _is_private(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return False


@functools.cache
def is_plain(path: str) -> bool:
    """Whether a file is there and not encrypted."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(ENCRYPTED)) != ENCRYPTED
    except OSError:
        return False
