# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The far side of :mod:`processes`: a process that imports boto3 once and forks workers that run modules.

Started as a program of its own rather than forked from Ansible, because a module must find itself outside the
controller (``ansible.module_utils._internal.is_controller``). Speaks pickled frames over a Unix socket with the
process that started it, and with nobody else.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hashlib
import importlib
import importlib.util
import json
import os
import pickle
import resource
import runpy
import signal
import socket
import struct
import sys
import traceback
import typing as t

PR_SET_PDEATHSIG = 1
# botocore's, for who has not chosen other ones.
RETRIES = {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "8"}
# How AWS is reached is no input: it differs between people and machines.
CONNECTION_OPTIONS = frozenset({
    "access_key", "aws_ca_bundle", "aws_config", "debug_botocore_endpoint_logs", "endpoint_url", "profile",
    "secret_key", "session_token", "validate_certs",
})  # fmt: skip
UTILS = "ansible_collections.slipway.graph.plugins.plugin_utils"
DOORS = f"{UTILS}.worker.ansible_doors"


class Request(t.TypedDict):
    """One module call. ``args`` are Ansible's serialised module arguments; ``fresh`` asks for a process of its own.

    ``expected`` are the writes that an apply is held to (see :mod:`saved_plan`), ``journal`` is the file of lines that
    its writes are told to before they are sent, ``key`` what finds the call there, ``hearts`` are those of the locks
    that the run has. With ``guarded``, what the module does to this machine or the network is stopped as well (see
    :mod:`local_effects`). ``utils`` are the folders in which a module of a role finds its ``ansible.module_utils``,
    before Ansible's own.
    """

    id: int
    module: str
    path: str
    args: bytes
    environment: dict[str, str]
    mode: str
    expected: list[dict[str, t.Any]] | None
    journal: str
    key: str
    hearts: t.NotRequired[list[str]]
    fresh: bool
    guarded: bool
    utils: list[str]


class Answer(t.TypedDict, total=False):
    """What became of it: ``result`` as the module serialised it, or ``crash`` with the traceback.

    ``inputs`` is a digest of the module's arguments, without secrets and without how AWS is reached. ``spoilt`` says
    that the module has left something behind in its process, which then ends, and ``untold`` why a write was not sent:
    the journal could not be told of it, or the lock was lost.
    """

    id: int
    result: str | None
    crash: str | None
    untold: str
    inputs: str
    calls: list[t.Any]
    writes: list[t.Any]
    changes: list[t.Any]
    spoilt: bool


def send_frame(connection: socket.socket, message: t.Any) -> None:
    """Send one length-prefixed message."""
    body = pickle.dumps(message)
    connection.sendall(struct.pack("!Q", len(body)) + body)


def receive_frame(connection: socket.socket) -> t.Any:
    """Receive one message; ``None`` when the other side is gone."""
    header = _receive(connection, 8)
    if header is None:
        return None
    body = _receive(connection, struct.unpack("!Q", header)[0])
    return None if body is None else pickle.loads(body)  # noqa: S301 - see the module's docstring


def _receive(connection: socket.socket, size: int) -> bytes | None:
    parts = []
    while size:
        part = connection.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def die_with_parent() -> None:
    """Have the kernel end this process with the one that started it, so that kill -9 leaves nobody writing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _doors() -> t.Any:
    """What this side needs of Ansible; the controller, which imports this file too, has none of it.

    By path and not as part of the collection, whose imports it makes possible.
    """
    if DOORS not in sys.modules:
        path = os.path.join(os.path.dirname(__file__), "ansible_doors.py")  # noqa: PTH118, PTH120 - for the start's sake
        spec = importlib.util.spec_from_file_location(DOORS, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} cannot be imported")
        sys.modules[DOORS] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[DOORS])
    return sys.modules[DOORS]


class Worker:
    """Runs modules one after the other and keeps what is dear: imports, botocore's models, open connections."""

    def __init__(self, seam: t.Any) -> None:
        # Not with this file: the loader of collections is not in place yet when it starts as a program.
        self.hidden = importlib.import_module(f"{UTILS}.worker.hidden")
        self._leftovers = importlib.import_module(f"{UTILS}.worker.leftovers")
        self._guard = importlib.import_module(f"{UTILS}.worker.local_effects").Guard(seam.stop_local_effect)
        self.seam = seam
        self.seam.readable, self.seam.secrets = self._readable, self._secrets
        self.result: str | None = None
        # The last one is the one that is running; a module may make several of these.
        self.modules: list[t.Any] = []
        self.inputs = ""

    def run(self, request: Request) -> Answer:
        """Run one module call in this process."""
        before = self._leftovers.Surroundings()
        os.environ.update(request["environment"])
        self.seam.begin(request["mode"], request["expected"])
        self.seam.write_ahead.begin(request["journal"], request["key"], request.get("hearts", []))
        self.result, self.modules, self.inputs = None, [], ""
        crash = None
        if request["guarded"]:
            self._guard.arm()
        try:
            self._run_module(request)
        except SystemExit:
            pass
        except BaseException as error:  # the barrier among others; a module must not take the worker with it
            if not self.seam.writes:
                crash = "".join(traceback.format_exception(error))
        finally:
            self._guard.disarm()
            self._leftovers.clean_up(self.modules)
            is_as_before = before.restore()
        if self.result is None and crash is None and not self.seam.writes:
            crash = f"{request['module']} ended without a result"
        return Answer(
            id=request["id"],
            result=self.result,
            crash=self._readable(crash),
            untold=self.seam.write_ahead.untold,
            inputs=self.inputs,
            calls=self.seam.calls,
            writes=self._readable(self.seam.writes),
            changes=self._readable_changes(),
            spoilt=not is_as_before,
        )

    def _run_module(self, request: Request) -> None:
        _doors().hand_arguments_over(request["args"])
        if request["fresh"]:
            self._run_as_program(request)
        else:
            importlib.import_module(request["module"]).main()

    @staticmethod
    def _run_as_program(request: Request) -> None:
        if request["module"].startswith(("ansible_collections.", "ansible.modules.")):
            runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        else:  # those in a role's library folder
            import ansible.module_utils  # noqa: PLC0415 - as above

            ansible.module_utils.__path__[:0] = request["utils"]
            sys.argv[:] = [request["path"]]
            runpy.run_path(request["path"], run_name="__main__")

    def _readable_changes(self) -> list[t.Any]:
        changes = []
        for change in self.seam.changes:
            readable = self._readable(change)
            if readable.get("after") != change.get("after") and "before" in change:
                readable["before"] = readable["after"]  # what a secret replaces was one too
            changes.append(readable)
        return changes

    def _readable(self, value: t.Any) -> t.Any:
        """A value without those of ``no_log`` options."""
        return self.hidden.without(value, self._secrets())

    def _secrets(self) -> set[str]:
        """The values of ``no_log`` options."""
        return {secret for module in self.modules for secret in getattr(module, "no_log_values", ())}


def digest_of(parameters: dict[str, t.Any], hidden: set[str]) -> str:
    """What tells a module's arguments from others, without its secrets."""
    inputs = {name: value for name, value in parameters.items() if name not in CONNECTION_OPTIONS}
    readable = json.dumps(
        importlib.import_module(f"{UTILS}.worker.hidden").replaced(inputs, hidden), sort_keys=True, default=str
    )
    return hashlib.sha256(readable.encode()).hexdigest()


def run_in_child(worker: Worker, request: Request, connection: socket.socket) -> None:
    """Run a module that may leave anything behind in a process of its own."""
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        status = 1
        try:
            send_frame(connection, {**worker.run(request), "spoilt": False})
            status = 0
        finally:
            os._exit(status)
    _pid, status = os.waitpid(pid, 0)
    if status:
        crash = f"{request['module']} ended with status {os.waitstatus_to_exitcode(status)} and no result"
        send_frame(connection, Answer(id=request["id"], result=None, crash=crash, calls=[], writes=[]))


def serve(worker: Worker, connection: socket.socket) -> None:
    """A worker's life: one request after the other until the other side hangs up."""
    while (request := receive_frame(connection)) is not None:
        if request["fresh"]:
            run_in_child(worker, request, connection)
        else:
            answer = worker.run(request)
            send_frame(connection, answer)
            if answer["spoilt"]:
                return


def capture_results(worker: Worker) -> None:
    """Take a module's result from its hand instead of from its standard output."""

    def started(module: t.Any) -> None:
        worker.modules.append(module)

    def ready(module: t.Any, compares: bool) -> None:
        worker.inputs = digest_of(module.params, module.no_log_values)
        worker.seam.compares = compares

    def ended(module: t.Any, result: dict[str, t.Any]) -> None:
        worker.result = _doors().serialised(worker.hidden.replaced(result, module.no_log_values))

    _doors().watch_modules(started, ready, ended)


def prepare(collection_paths: list[str]) -> Worker:
    """Import what the modules share, and put the seam in, before the first fork."""
    _doors().check()
    _doors().import_collections_from(collection_paths)
    barrier = importlib.import_module(f"{UTILS}.worker.barrier")
    seam = barrier.Seam(importlib.import_module(f"{UTILS}.worker.buckets").Buckets())
    worker = Worker(seam)
    capture_results(worker)
    try:
        importlib.import_module("boto3")
    except ImportError:
        return worker  # modules that need it say so themselves
    barrier.install(seam)
    clients = importlib.import_module(f"{UTILS}.worker.clients")
    clients.keep_event_names()
    clients.keep_models()
    clients.keep_sessions()
    clients.keep_clients()
    clients.refuse_cut_answers()
    importlib.import_module(f"{UTILS}.worker.waiters").ask_sooner()
    importlib.import_module("ansible_collections.amazon.aws.plugins.module_utils.modules")
    return worker


def warm_up(needs: dict[str, t.Any]) -> None:
    """Import the modules that will run and make clients of their services, so that every worker inherits both."""
    environment = dict(os.environ)
    os.environ.update(needs.get("environment", {}))
    for module in needs.get("modules", []):
        with contextlib.suppress(Exception, SystemExit):  # only a head start: the call itself reports what is wrong
            importlib.import_module(module)
    if needs.get("services"):
        importlib.import_module(f"{UTILS}.worker.clients").warm_up(needs["services"])
    os.environ.clear()
    os.environ.update(environment)


def reap(*_signal: t.Any) -> None:
    """Bury workers that have ended. The kernel would do so too (SIG_IGN), but forget the CPU time that they used."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def fork_worker(worker: Worker, control: socket.socket, connection: int) -> None:
    """Hand a connection to a new worker."""
    if os.fork() == 0:
        die_with_parent()
        control.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 2)  # a chatty module must not fill the server's pipe
        serve(worker, socket.socket(fileno=connection))
        os._exit(0)
    os.close(connection)


def main() -> None:
    """Hear what is to be warmed up, then fork a worker for every connection that comes in over the control socket."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the run in order; running calls finish
    signal.signal(signal.SIGCHLD, reap)
    gc.disable()  # nothing here is garbage
    # A core dump would hold secrets.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, value in RETRIES.items():
        os.environ.setdefault(name, value)
    control = socket.socket(fileno=int(sys.argv[1]))
    worker = prepare(json.loads(sys.argv[2]))
    warm_up(json.loads(sys.stdin.readline() or "{}"))
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 100)
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(control, 1, 1)
        if not message:
            os._exit(0)  # nobody needs the memory back in order
        fork_worker(worker, control, descriptors[0])


if __name__ == "__main__":
    main()
