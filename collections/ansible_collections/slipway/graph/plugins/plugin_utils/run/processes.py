# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Warm processes: modules run in workers that have boto3 imported and their connections open."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import re
import socket
import subprocess
import sys
import typing as t
from pathlib import Path

from ansible_collections.slipway.graph.plugins.plugin_utils.read.modules import utils_folders
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import server

# The engine's own module.
LEDGER = "ansible_collections.slipway.graph.plugins.plugin_utils.worker.ledger"
# Modules of these collections keep no state between calls but what keep_clients wants kept; they run one after
# the other in one process. Every other module gets a process of its own, forked from a warm one.
STAYING_COLLECTIONS = ("amazon.aws.", "community.aws.", "slipway.aws.", LEDGER)


@dataclasses.dataclass
class ModuleCall:
    """A module with finished arguments; ``args`` as Ansible serialises them for modules."""

    module: str
    path: str
    args: bytes
    environment: dict[str, str]
    mode: str
    # The writes that an apply is held to; None for any.
    expected: list[dict[str, t.Any]] | None = None
    # Whether what it does without boto3 is stopped too.
    guarded: bool = False
    # The journal's lines, which writes are told to, and what finds the call there; empty without a journal.
    journal: str = ""
    key: str = ""
    # Of the locks without which nothing is written.
    hearts: t.Sequence[str] = ()


@dataclasses.dataclass(eq=False)
class _Process:
    connection: socket.socket
    module: str = ""


class WarmProcesses:
    """A pool that grows on demand; who submits keeps the limit. Its sockets go into the caller's selector."""

    def __init__(self, collection_paths: list[str]) -> None:
        self._collection_paths = collection_paths
        self._killed = False
        self._idle: list[_Process] = []
        self._busy: dict[socket.socket, _Process] = {}
        self._control, theirs = socket.socketpair()
        program = Path(server.__file__)
        self._server = subprocess.Popen(
            [sys.executable, "-s", str(program), str(theirs.fileno()), json.dumps(collection_paths)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        theirs.close()

    def warm_up(self, modules: t.Mapping[str, str], environment: t.Mapping[str, str] | None = None) -> None:
        """Tell the server which modules (name and path) will run, and with what environment, so that it prepares."""
        if self._server.stdin:
            staying = {name: path for name, path in modules.items() if name.startswith(STAYING_COLLECTIONS)}
            needs = {
                "modules": [python_name(name) for name in staying],
                "services": services_of(staying.values()),
                "environment": dict(environment or {}),
            }
            with contextlib.suppress(OSError):  # a server that has died is reported by the first call
                self._server.stdin.write(json.dumps(needs).encode() + b"\n")
                self._server.stdin.close()
            self._server.stdin = None

    def submit(self, identifier: int, call: ModuleCall) -> socket.socket:
        """Start a call; its answer can be :meth:`collect`-ed once the returned socket is readable."""
        process = self._take(call.module)
        self._busy[process.connection] = process
        request = server.Request(
            id=identifier,
            module=python_name(call.module),
            path=call.path,
            args=call.args,
            environment=call.environment,
            mode=call.mode,
            expected=call.expected,
            # A guard cannot be taken out of a process again, and costs a little on each file that is opened.
            fresh=call.guarded or not call.module.startswith(STAYING_COLLECTIONS),
            guarded=call.guarded,
            utils=utils_folders() if "." not in call.module else [],
            journal=call.journal,
            key=call.key,
            hearts=list(call.hearts),
        )
        server.send_frame(process.connection, request)
        return process.connection

    def collect(self, connection: socket.socket) -> server.Answer | None:
        """The answer of a finished call, or ``None`` when its process died; the process is then replaced."""
        process = self._busy.pop(connection)
        answer = server.receive_frame(connection)
        if answer is None:
            connection.close()
            return None
        if answer.get("spoilt"):
            connection.close()
        else:
            self._idle.append(process)
        return t.cast(server.Answer, answer)

    def kill(self) -> None:
        """End every process at once, whatever it does: the workers die with their server."""
        self._killed = True
        self._server.kill()

    def alive(self) -> WarmProcesses:
        """Processes that take calls: these, unless they were killed; others are to be closed by who asks for them."""
        return WarmProcesses(self._collection_paths) if self._killed else self

    def close(self) -> None:
        """Hang up: idle workers end at once, and the server with them."""
        for process in [*self._idle, *self._busy.values()]:
            process.connection.close()
        self._control.close()
        if self._server.stdin:
            self._server.stdin.close()
        try:
            self._server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        if self._server.stderr:
            self._server.stderr.close()

    def _take(self, module: str) -> _Process:
        # The one that ran this module last has its client and its connection.
        for process in reversed(self._idle):
            if process.module == module:
                self._idle.remove(process)
                return process
        process = self._idle.pop() if self._idle else self._fork()
        process.module = module
        return process

    def _fork(self) -> _Process:
        self.warm_up({})  # if nobody has: the server waits for it
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._control, [b"w"], [theirs.fileno()])
        except OSError as error:
            detail = self._server.stderr.read().decode(errors="replace") if self._server.stderr else ""
            raise RuntimeError(f"the warm processes could not be started: {detail.strip() or error}") from error
        finally:
            theirs.close()
        return _Process(ours)


def services_of(module_paths: t.Iterable[str]) -> list[str]:
    """The AWS services that some modules have clients for, as far as their source says so; most used first."""
    counts: collections.Counter[str] = collections.Counter()
    for path in module_paths:
        with contextlib.suppress(OSError):
            source = Path(path).read_text()
            counts.update(set(re.findall(r"""\b(?:client\(|service =)\s*['"]([a-z0-9-]+)['"]""", source)))
    # amazon.aws asks STS for the account on behalf of many modules.
    return [service for service, _count in counts.most_common()] + (["sts"] if counts and "sts" not in counts else [])


def python_name(module: str) -> str:
    """The Python module behind a module; the name itself for those in a role's library folder, which run by path."""
    if module == LEDGER:
        return module
    namespace, _dot, rest = module.partition(".")
    collection, _dot, name = rest.partition(".")
    if not name:
        return module
    if namespace == "ansible":
        return f"ansible.modules.{name}"
    return f"ansible_collections.{namespace}.{collection}.plugins.modules.{name}"
