# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a module does without boto3: files that it writes, programs that it starts, connections that it opens.

Python tells its audit hooks of all of them before they happen. Modules that nobody has looked at run under such a hook
in a plan, so that the barrier stops these effects as it stops writes to AWS. What botocore does for itself
(connections, its cache of logins), what Python does (compiled files) and temporary files pass.
"""

from __future__ import annotations

import collections.abc as c
import os
import sys
import types
import typing as t

# Is told what is about to happen, and raises to stop it.
Stop = c.Callable[[str, dict[str, t.Any]], None]

SERVICE = "local"
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# By the audit event: what is done, and which of its arguments says to what.
_EFFECTS: dict[str, tuple[str, str, int]] = {
    "os.mkdir": ("MakeFolder", "Path", 0),
    "os.rename": ("WriteFile", "Path", 1),
    "os.remove": ("DeleteFile", "Path", 0),
    "os.rmdir": ("DeleteFolder", "Path", 0),
    "os.link": ("WriteFile", "Path", 1),
    "os.symlink": ("WriteFile", "Path", 1),
    "os.truncate": ("WriteFile", "Path", 0),
    "os.chmod": ("ChangeFile", "Path", 0),
    "os.chown": ("ChangeFile", "Path", 0),
    "os.utime": ("ChangeFile", "Path", 0),
    "os.setxattr": ("ChangeFile", "Path", 0),
    "subprocess.Popen": ("RunProgram", "Program", 0),
    "os.system": ("RunProgram", "Program", 0),
    "os.exec": ("RunProgram", "Program", 0),
    "os.posix_spawn": ("RunProgram", "Program", 0),
    "os.kill": ("SendSignal", "Process", 0),
    "socket.connect": ("Connect", "Address", 1),
    "socket.sendto": ("Connect", "Address", 1),
}
_PASSING = ("botocore.", "importlib.", "tempfile")
_BOOTSTRAP = "<frozen importlib"


class Guard:
    """The audit hook of this process. It cannot be taken out again, so it is put in when it is first needed."""

    def __init__(self, stop: Stop) -> None:
        self.is_armed = False
        self._stop = stop
        self._is_in = False
        self._own: set[str] = set()

    def arm(self) -> None:
        """Stop what happens from here on."""
        if not self._is_in:
            sys.addaudithook(self._hear)
            self._is_in = True
        self._own.clear()
        self.is_armed = True

    def disarm(self) -> None:
        """Let everything pass."""
        self.is_armed = False

    def _hear(self, event: str, arguments: tuple[t.Any, ...]) -> None:
        if not self.is_armed:
            return
        if event == "open":
            if isinstance(arguments[2], int) and arguments[2] & _WRITING:
                self._about_to("WriteFile", "Path", arguments[0])
        elif event in ("tempfile.mkstemp", "tempfile.mkdtemp"):
            self._own.add(os.fsdecode(arguments[0]))
        elif event in _EFFECTS:
            operation, name, position = _EFFECTS[event]
            self._about_to(operation, name, arguments[position])

    def _about_to(self, operation: str, name: str, what: t.Any) -> None:
        target = _text(what)
        if (name == "Path" and self._is_own(what, target)) or _is_passing(sys._getframe(2)):
            return
        self._stop(operation, {name: target})

    def _is_own(self, what: t.Any, path: str) -> bool:
        """Whether it is a device, a file that is open already, or a temporary one of the module."""
        is_own = any(path == own or path.startswith(own + os.sep) for own in self._own)
        return is_own or isinstance(what, int) or path.startswith("/dev/")


def _text(what: t.Any) -> str:
    return os.fsdecode(what) if isinstance(what, (str, bytes, os.PathLike)) else str(what)


def _is_passing(frame: types.FrameType | None) -> bool:
    """Whether Python, botocore or Ansible's own library does it for itself."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith("s3transfer."):
            return False  # it writes what the module has asked for
        if name.startswith(_PASSING) or frame.f_code.co_filename.startswith(_BOOTSTRAP):
            return True
        if (name, frame.f_code.co_name) == ("ansible.module_utils.basic", "tmpdir"):
            return True
        frame = frame.f_back
    return False
